package ext

import (
	"net/netip"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_TPROXY.c, tproxy_tg4: the packet goes to a transparent socket with its mark set, and is dropped if there is none. nft_tproxy.c
// breaks the rule off instead, so a second rule drops what the first did not take.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:      "TPROXY",
		Protocols: []uint8{protoTCP, protoUDP},
		Options: []*iptables.OptionSpec{
			{Name: "--on-port", Kind: iptables.Uint(0, 65535), Required: true},
			{Name: "--on-ip", Kind: iptables.Address},
			{Name: "--tproxy-mark", Kind: iptables.MaskedMark},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, f iptables.Family) []iptables.Option {
			anywhere := netip.IPv4Unspecified()
			if f == iptables.IPv6 {
				anywhere = netip.IPv6Unspecified()
			}
			options = withDefault(e, options, "--on-ip", anywhere)
			return withDefault(e, options, "--tproxy-mark", iptables.MarkMask{})
		},
		Check:   both(onlyIn("mangle"), onlyFrom("PREROUTING")),
		Listing: listed("TPROXY redirect", "*:* mark *", "--on-ip $1 --on-port $2 --tproxy-mark $3"),
	},
	Limits: Limits{Kernel: "4.19"},
	Lower: func(c *Context, t *iptables.Target) Action {
		proxy := &nft.TProxy{Family: c.NftFamily()}
		take := []nft.Stmt{proxy}
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--on-port":
				if port := uint16(o.Value.(uint64)); port != 0 {
					proxy.Port = value(net16(port))
				}
			case "--on-ip":
				if a := o.Value.(netip.Addr); !a.IsUnspecified() {
					proxy.Addr = value(a.AsSlice())
				}
			case "--tproxy-mark":
				if m := o.Value.(iptables.MarkMask); m.Mask != 0 || m.Value != 0 {
					take = append(take, setMark(&nft.Meta{Key: bytecode.MetaMark}, m.Mask, m.Value))
				}
			}
		}
		if proxy.Port == nil && proxy.Addr == nil { // of which nft wants one; to no address in particular is what this means
			proxy.Addr = value(make([]byte, addrLen(c.Family)))
		}
		take = append(take, &nft.Verdict{Code: bytecode.Accept})
		return Action{Rules: [][]nft.Stmt{take, {&nft.Verdict{Code: bytecode.Drop}}}, Ends: true, Proto: true}
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		var addr packet.Value
		var port uint16
		var mark iptables.MarkMask
		for _, o := range t.Options {
			switch v := o.Value.(type) {
			case uint64:
				port = uint16(v)
			case netip.Addr:
				addr = packet.FromBytes(v.AsSlice())
			case iptables.MarkMask:
				mark = v
			}
		}
		return []packet.Step{&packet.Choose{Cases: []packet.Case{
			{When: packet.Listener(addr, port), Steps: []packet.Step{
				&packet.Do{Effect: packet.Proxied(addr, port)},
				&packet.Do{Effect: &packet.Write{Field: packet.Mark, Keep: packet.Num(uint64(^mark.Mask)), Flip: packet.Num(uint64(mark.Value))}},
				&packet.End{Verdict: packet.Verdict{Kind: packet.Accept}},
			}},
			{When: packet.All{}, Steps: ends(packet.Verdict{Kind: packet.Drop})},
		}}}
	},
})
