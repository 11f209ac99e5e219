package bytecode

import (
	"fmt"
	"slices"
)

var familyNames = []string{Inet: "inet", IPv4: "ip", Arp: "arp", Netdev: "netdev", Bridge: "bridge", IPv6: "ip6"}

// String is the family's name in nft, "unknown" if it has none.
func (f Family) String() string { return nameOf(familyNames, f) }

// ParseFamily reads a family's name as nft writes it.
func ParseFamily(s string) (Family, error) {
	if i := slices.Index(familyNames, s); i >= 0 && s != "" {
		return Family(i), nil
	}
	return Unspec, fmt.Errorf("unknown family %q: want ip, ip6, inet, arp, bridge or netdev", s)
}

// Hooks by number: enum nf_inet_hooks for the IP families and bridge, NF_ARP_*, enum nf_dev_hooks.
var (
	inetHooks   = []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	ipHooks     = inetHooks[:Ingress]
	familyHooks = map[Family][]string{
		Inet:   inetHooks,
		IPv4:   ipHooks,
		IPv6:   ipHooks,
		Bridge: ipHooks,
		Arp:    {"input", "output"},
		Netdev: {"ingress", "egress"},
	}
)

// Hook is the name of a hook of this family in nft, "unknown" if there is none of that number.
func (f Family) Hook(h Hook) string { return nameOf(familyHooks[f], h) }

// ParseHook finds the number of this family's hook of that name.
func (f Family) ParseHook(s string) (Hook, error) {
	if i := slices.Index(familyHooks[f], s); i >= 0 {
		return Hook(i), nil
	}
	return 0, fmt.Errorf("family %s has no hook %q", f, s)
}

var verdictNames = map[VerdictCode]string{
	Drop: "drop", Accept: "accept", Stolen: "stolen", QueueTo: "queue", 4: "repeat", 5: "stop",
	Continue: "continue", Break: "break", Jump: "jump", Goto: "goto", Return: "return",
}

// String is the verdict's name in nft, "unknown" if it has none.
func (c VerdictCode) String() string {
	if n, ok := verdictNames[c]; ok {
		return n
	}
	return "unknown"
}

// keyName is how a key is called in the text of --debug=netlink and in nft's language.
type keyName struct{ debug, keyword string }

func plain(names ...string) []keyName {
	keys := make([]keyName, len(names))
	for i, n := range names {
		keys[i] = keyName{n, n}
	}
	return keys
}

func keyNameOf[T ~uint32](names []keyName, k T) keyName {
	if int64(k) < int64(len(names)) {
		return names[k]
	}
	return keyName{"unknown", fmt.Sprintf("0x%x", uint32(k))}
}

func parseKey[T ~uint32](names []keyName, kind, s string) (T, error) {
	for i, n := range names {
		if n.keyword == s {
			return T(i), nil
		}
	}
	return 0, fmt.Errorf("unknown %s key %q", kind, s)
}
