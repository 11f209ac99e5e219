package ext

import (
	"errors"
	"math"
	"net"
	"strings"

	"rechain/translate/iptables"
)

// ipt_CLUSTERIP.c: several hosts share an address. A packet for another host is dropped, and the device gets a multicast Ethernet
// address, for which the module also answers ARP. 16 is CLUSTERIP_MAX_NODES.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "CLUSTERIP", Families: []iptables.Family{iptables.IPv4},
		Options: []*iptables.OptionSpec{
			{Name: "--new", Kind: iptables.Flag},
			{Name: "--hashmode", Kind: iptables.Enum("sourceip", "sourceip-sourceport", "sourceip-sourceport-destport")},
			{Name: "--clustermac", Kind: multicastMAC},
			{Name: "--total-nodes", Kind: iptables.Uint(0, 16)},
			{Name: "--local-node", Kind: iptables.Uint(0, 16)},
			{Name: "--hash-init", Kind: iptables.Uint(0, math.MaxUint32)},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			if len(options) == 0 {
				return nil
			}
			return withDefault(e, options, "--hash-init", uint64(0))
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if len(options) == 0 || len(options) == 6 {
				return nil
			}
			return &iptables.Problem{Pos: r.Target.Pos, Ext: "CLUSTERIP",
				Msg: "needs --new, --hashmode, --clustermac, --total-nodes and --local-node, or none of them"}
		},
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, t *iptables.Target) Action {
		c.Refuse(t.Pos, "CLUSTERIP", "use the cluster match, with a multicast address that arptables gives out",
			"nftables cannot answer ARP, and the kernel has the target no more")
		return Action{}
	},
})

var errNoMulticast = errors.New("is not a multicast address")

// multicastMAC is printed in capitals.
var multicastMAC = iptables.NewKind(
	func(w string, f iptables.Family) (string, error) {
		v, err := macKind.Parse([]string{w}, f)
		if err != nil {
			return "", err
		}
		if mac := v.(net.HardwareAddr); mac[0]&1 != 0 {
			return strings.ToUpper(mac.String()), nil
		}
		return "", errNoMulticast
	},
	func(s string) string { return s })
