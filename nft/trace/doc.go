// Package trace takes one packet through a program: which rules it meets, what they change, and what becomes of it. It is plain on
// purpose: package compare finds packets that two programs treat differently by other means, and this package is the judge of each.
//
// [Hook] is one hook by itself. [Through] is all hooks of a packet's route, see [Way]; [Way.Report] says it in words. Package live, below
// this one, has the kernel take a packet the same way.
package trace
