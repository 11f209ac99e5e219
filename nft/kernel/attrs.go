package kernel

// What include/uapi/linux/netfilter/nf_tables.h numbers and golang.org/x/sys/unix has no name for.
const (
	nftaTableHandle   = 4
	nftaTableUserdata = 6
	nftaTableOwner    = 7

	nftaHookDevs     = 4
	nftaDeviceName   = 1
	nftaDevicePrefix = 2 // all devices whose name begins so; Linux 6.18 has it

	nftaChainFlags    = 10
	nftaChainUserdata = 12

	nftaSetDescConcat  = 2
	nftaSetFieldLen    = 1
	nftaSetHandle      = 16
	nftaSetExpr        = 17
	nftaSetExpressions = 18

	nftaSetElemKeyEnd      = 10
	nftaSetElemExpressions = 11

	nftaObjHandle   = 6
	nftaObjUserdata = 8

	nftaFlowtableTable  = 1
	nftaFlowtableName   = 2
	nftaFlowtableHook   = 3
	nftaFlowtableHandle = 5
	nftaFlowtableFlags  = 7

	nftaFlowtableHookNum      = 1
	nftaFlowtableHookPriority = 2
	nftaFlowtableHookDevs     = 3

	nftaTraceCtState = 21

	nftChainBase    = 1 // enum nft_chain_flags: NFT_CHAIN_BASE
	nftChainBinding = 4 // NFT_CHAIN_BINDING
)
