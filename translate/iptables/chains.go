package iptables

import (
	"maps"
	"slices"
)

// builtin are the built-in chains of each table, in the order in which a packet meets them, which is that of iptables-save
// (net/ipv4/netfilter/iptable_*.c). The INPUT chain of nat is there since Linux 2.6.36.
var builtin = map[string][]string{
	"filter":   {"INPUT", "FORWARD", "OUTPUT"},
	"nat":      {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"},
	"mangle":   {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"},
	"raw":      {"PREROUTING", "OUTPUT"},
	"security": {"INPUT", "FORWARD", "OUTPUT"},
}

// Builtin returns the built-in chains of a table in their order, or nil if there is no such table.
func Builtin(table string) []string { return builtin[table] }

// IsBuiltin says whether the chain is built in to the table.
func IsBuiltin(table, chain string) bool {
	for _, b := range builtin[table] {
		if b == chain {
			return true
		}
	}
	return false
}

// tablesWith are the tables to which a chain is built in.
func tablesWith(chain string) (tables []string) {
	for _, table := range slices.Sorted(maps.Keys(builtin)) {
		if IsBuiltin(table, chain) {
			tables = append(tables, table)
		}
	}
	return tables
}

// IsVerdict says whether the target is ACCEPT, DROP, RETURN or QUEUE, which are neither extensions nor chains.
func IsVerdict(target string) bool {
	switch target {
	case "ACCEPT", "DROP", "RETURN", "QUEUE":
		return true
	}
	return false
}

// policies are the policies that a built-in chain can have (iptcc_set_policy in libiptc).
var policies = map[string]bool{"ACCEPT": true, "DROP": true}

// maxChainName is XT_EXTENSION_MAXNAMELEN (linux/netfilter/x_tables.h) less its NUL: the longest name of a chain or target.
const maxChainName = 28

// checkChainName says what is wrong with the name of a user chain (assert_valid_chain_name in iptables' xshared.c).
func checkChainName(name string, family Family, vocab Vocabulary) string {
	switch {
	case name == "":
		return "the chain has no name"
	case len(name) > maxChainName:
		return "the chain name is longer than 28 bytes"
	case name[0] == '-' || name[0] == '!':
		return "a chain name cannot begin with " + name[:1]
	case vocab.TargetExtension(name, family) != nil || IsVerdict(name):
		return "the chain has the name of a target"
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] == 0x7f {
			return "a chain name cannot have blanks or control characters"
		}
	}
	return ""
}
