// Package packet is the language in which rule sets state their meaning: fields of a packet and of what the kernel knows about it,
// predicates over them, effects on them, and programs of chains that ask the one and do the other.
//
// Two sides speak it, each after its own kernel source and neither after the other: the extensions of iptables (xt_*.c, in package
// translate) and the statements of nftables (nft_*.c, in package nft). Packages compare and trace only listen, so that they work on
// either. The package imports nothing of the project.
//
// # Fields
//
// A [Field] is a number of up to 128 bits. Everything is one: an address, a port, an interface's name (16 bytes padded with NUL, so
// that a wildcard is an interval), a bit that says whether there is a conntrack entry. Two fields never share a bit, so that a test of
// one says nothing about another; what overlaps in the packet is cut into the fields that cover it (see [Bits]).
//
// # Missing data
//
// A datum that a packet may lack has a second field that says whether it is there ([HasSocket] for [UID] …). Rules must ask it
// where the kernel does: nftables breaks a rule off when a load has no datum, matches of iptables mostly say "no" and then negate.
//
// # Programs
//
// A [Program] is the chains of one family (IPv4 or IPv6) with their hooks. Its rules are [Step]s in the order of the kernel: a
// [Require] breaks the rule off, a [Do] changes the packet, an [End] gives a verdict, a [Choose] does one of several.
package packet
