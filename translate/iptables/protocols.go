package iptables

import (
	"fmt"
	"strconv"
	"strings"
)

// protocolNames are the names of IP protocols by number: first the one that iptables-save prints, then others that -p takes. They
// are xtables_chain_protos of libxtables and the IANA registry as /etc/protocols carries it. Without a name a number is printed.
var protocolNames = map[uint8][]string{
	1:   {"icmp"},
	2:   {"igmp"},
	3:   {"ggp"},
	4:   {"ipencap", "ip-encap"},
	5:   {"st"},
	6:   {"tcp"},
	8:   {"egp"},
	9:   {"igp"},
	12:  {"pup"},
	17:  {"udp"},
	20:  {"hmp"},
	22:  {"xns-idp"},
	27:  {"rdp"},
	29:  {"iso-tp4"},
	33:  {"dccp"},
	36:  {"xtp"},
	37:  {"ddp"},
	38:  {"idpr-cmtp"},
	41:  {"ipv6"},
	43:  {"ipv6-route"},
	44:  {"ipv6-frag"},
	45:  {"idrp"},
	46:  {"rsvp"},
	47:  {"gre"},
	50:  {"esp", "ipsec-esp"},
	51:  {"ah", "ipsec-ah"},
	57:  {"skip"},
	58:  {"ipv6-icmp", "icmpv6", "icmp6"},
	59:  {"ipv6-nonxt"},
	60:  {"ipv6-opts"},
	73:  {"rspf", "cphb"},
	81:  {"vmtp"},
	88:  {"eigrp"},
	89:  {"ospf", "ospfigp"},
	93:  {"ax.25"},
	94:  {"ipip"},
	97:  {"etherip"},
	98:  {"encap"},
	103: {"pim"},
	108: {"ipcomp"},
	112: {"vrrp"},
	115: {"l2tp"},
	124: {"isis"},
	132: {"sctp"},
	133: {"fc"},
	135: {"mobility-header", "ipv6-mh", "mh"},
	136: {"udplite"},
	137: {"mpls-in-ip"},
	138: {"manet"},
	139: {"hip"},
	140: {"shim6"},
	141: {"wesp"},
	142: {"rohc"},
	143: {"ethernet"},
}

// protocolNumbers is protocolNames the other way around.
var protocolNumbers = func() map[string]uint8 {
	numbers := map[string]uint8{"all": 0, "ip": 0, "hopopt": 0}
	for n, names := range protocolNames {
		for _, name := range names {
			numbers[name] = n
		}
	}
	return numbers
}()

// protocolMatches are the matches that iptables loads by itself when an option needs one and -p names the protocol.
var protocolMatches = map[uint8]string{
	1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 50: "esp", 51: "ah", 58: "icmp6", 132: "sctp", 135: "mh", 136: "udplite",
}

// ParseProtocol reads the number or name of an IP protocol; 0 stands for all (xtables_parse_protocol).
func ParseProtocol(w string) (uint8, error) {
	name := strings.ToLower(w)
	if n, ok := protocolNumbers[name]; ok {
		return n, nil
	}
	if name == "" || name[0] < '0' || name[0] > '9' {
		return 0, fmt.Errorf("%s is not a known protocol", Quote(w))
	}
	n, err := ParseUint(name, 0, 255)
	return uint8(n), err
}

// ProtocolName is the name that iptables-save prints after -p, or the number.
func ProtocolName(n uint8) string {
	if names := protocolNames[n]; names != nil {
		return names[0]
	}
	return strconv.Itoa(int(n))
}
