package ext

import (
	"errors"
	"net/netip"

	"rechain/translate/iptables"
)

// nptTarget describes SNPT and DNPT (ip6t_NPT.c): the prefix of an address becomes another, and 16 bits behind it are counted up so that
// checksums stay right (RFC 6296), in every packet for itself, and in the packets that ICMP errors quote.
func nptTarget(name, nat string, chains ...string) *Target {
	return &Target{
		Extension: iptables.Extension{
			Name: name, Families: []iptables.Family{iptables.IPv6},
			Options: []*iptables.OptionSpec{
				{Name: "--src-pfx", Kind: nptPrefix, Required: true},
				{Name: "--dst-pfx", Kind: nptPrefix, Required: true},
			},
			Check:   both(onlyIn("mangle"), onlyFrom(chains...)),
			Listing: listed(name, "src-pfx *", "--src-pfx", "dst-pfx *", "--dst-pfx"),
		},
		Limits: Limits{Refused: Always},
		Lower: func(c *Context, t *iptables.Target) Action {
			c.Refuse(t.Pos, name, "use NETMAP in table nat, which becomes \""+nat+" prefix to\" and keeps state",
				"nftables cannot add, as a translation of prefixes without state has to")
			return Action{}
		},
	}
}

var _ = registerTarget(nptTarget("DNPT", "dnat", "PREROUTING", "OUTPUT"))

// nptPrefix is a prefix as ip6t_npt_checkentry wants it. Value: netip.Prefix.
var nptPrefix = iptables.NewKind(
	func(w string, _ iptables.Family) (netip.Prefix, error) {
		p, err := netip.ParsePrefix(w)
		switch {
		case err != nil || !p.Addr().Is6():
			return p, errors.New(iptables.Quote(w) + " is not an IPv6 prefix with a length")
		case p.Bits() > 64:
			return p, errors.New("has a length above 64")
		case p != p.Masked():
			return p, errors.New("has bits behind its length; it is " + p.Masked().String())
		}
		return p, nil
	},
	netip.Prefix.String)
