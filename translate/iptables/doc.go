// Package iptables models what iptables and ip6tables hold: tables, chains, and rules of matches and a target.
//
// It reads iptables-save dumps ([Parse]) and "iptables -L -v" listings ([ParseListing]), and prints rules as iptables-save does
// ([Print]). Which matches and targets exist is not known here: a [Vocabulary] supplies them as tables of options, and parsing,
// printing and error messages come from those tables. The package uses nothing but the standard library.
//
// The judge is iptables-legacy 1.8.9: what it refuses is a [Problem] here, what it accepts is printed as iptables-save prints it. What
// depends on the host that a dump comes from (names of hosts, users and groups) is a Problem too, unless it is the same everywhere.
//
// What cannot be read is a Problem with its place, and all are reported. Beside them Parse returns what can be read, in which a rule with
// problems keeps its place, so that a program can go on without it.
//
// A dump is run like iptables-restore runs it: -I, -D, -R, -F, -X and the like work on what the lines before have made, and nothing
// is left of them. With --noflush they work on what the kernel holds as well ([ParseNoflush]): that is kept as [Changes].
//
// A rule's words go through one parser, whether they come from a dump, from a listing, whose columns and texts are turned into
// words first, or from a program ([ParseRule]).
package iptables
