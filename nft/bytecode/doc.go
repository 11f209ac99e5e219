// Package bytecode holds rule sets as the kernel holds them: tables, chains and sets, and rules that are programs over a
// small register file.
//
// One type stands for each kernel expression (net/netfilter/nft_*.c), with the fields of its netlink attributes
// (include/uapi/linux/netfilter/nf_tables.h). An expression that this package does not know is kept as [Unknown] and goes
// back to the kernel byte for byte, so nothing that was read can be lost.
//
// Each type has its attributes' numbers, its writing (appendAttrs), its reading (take) and its text (String) beside it, in a file
// named after the idea: meta.go, payload.go, nat.go, … The tests let nft and the kernel say whether these are right: what nft
// sends and what the kernel reports must read back as what nft prints of it, and the kernel must make the same of our writing
// as of nft's.
//
// Registers are 16 bytes (1 to 4) or their 4-byte quarters (8 to 23); see [Reg]. What a register holds is in the byte order in
// which the kernel leaves it there: packet data in network order, metadata such as marks and ids in host order.
package bytecode
