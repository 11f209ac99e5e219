// Package live has the kernel trace a packet, by nftables' own trace, and tells its way in the form of package trace.
//
// A [Lab] is a network namespace of its own with a copy of rules, in which [Lab.Send] sends the very packet: over devices of the names
// that it has, from and to its addresses, by a process of its owner. [Wait] marks a packet that comes by in a namespace where
// the rules are at work; what it adds is a table of its own, which goes with its connection to the kernel.
package live
