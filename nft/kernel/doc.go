// Package kernel reads and writes the nftables rule sets of network namespaces over netlink. It is the only package that opens
// sockets; its subpackage route does the same for the routing that a redirect needs.
//
// A [Conn] talks to nf_tables in one [Namespace]. [Conn.Ruleset] reads a consistent snapshot; a [Batch] collects changes, which
// [Conn.Commit] makes in one transaction: all of them or none. [Conn.Update] joins the two into a change that no other program
// can slip into. A [Tracer] listens to what the rules do with packets.
//
// github.com/mdlayher/netlink opens the sockets, binds them to Go's poller and sets their options. The messages themselves pass
// through its raw connection: it would split a batch into a structure and an allocation for each rule, parse what a dump returns
// twice, and hand out the first error of a transaction only, where a rule set with ten faults has ten to tell.
package kernel
