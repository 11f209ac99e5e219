package ext

import "rechain/translate/iptables"

// The hop limit follows the next header in struct ipv6hdr.
var _ = registerTarget(ttlTarget("HL", "--hl-", iptables.IPv6, 6, false))
