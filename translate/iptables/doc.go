// Package iptables models what iptables and ip6tables hold: tables, chains, and rules of matches and a target.
//
// It reads iptables-save dumps ([Parse]) and "iptables -L -v" listings ([ParseListing]), and prints rules as iptables-save does
// ([Print]). Which matches and targets exist is not known here: a [Vocabulary] supplies them as tables of options, and parsing,
// printing and error messages come from those tables. The package uses nothing but the standard library.
package iptables
