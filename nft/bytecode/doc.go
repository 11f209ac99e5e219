// Package bytecode holds rule sets as the kernel holds them: tables, chains and sets, and rules that are programs over a
// small register file.
//
// One type stands for each kernel expression (net/netfilter/nft_*.c), with the fields of its netlink attributes
// (include/uapi/linux/netfilter/nf_tables.h). An expression that this package does not know is kept as [Unknown] and goes
// back to the kernel byte for byte, so nothing that was read can be lost.
//
// Registers are 16 bytes (1 to 4) or their 4-byte quarters (8 to 23); see [Reg]. What a register holds is in the byte order in
// which the kernel leaves it there: packet data in network order, metadata such as marks and ids in host order.
package bytecode
