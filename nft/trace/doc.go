// Package trace takes one packet through a program: which rules it meets, what they change, and what becomes of it. It is plain on
// purpose: package compare finds packets that two programs treat differently by other means, and this package is the judge of each.
package trace
