package ext

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// The bits of congestion notification in the flags of TCP (RFC 3168).
const (
	tcpECE = 1 << 6
	tcpCWR = 1 << 7
)

// xt_ECN.c, ecn_tg. It takes any part of a fragmented TCP packet for the header, where connection tracking does not put these together
// first; nftables writes to the first part alone (nft_payload_set_eval). A checksum that comes out as 0 nft writes as 0xffff, which is
// the same to whoever adds it up (nft_csum_replace).
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:     "ECN",
		Families: []iptables.Family{iptables.IPv4},
		Options: []*iptables.OptionSpec{
			{Name: "--ecn-tcp-remove", Kind: iptables.Flag, Excludes: []string{"--ecn-tcp-cwr", "--ecn-tcp-ece"}},
			{Name: "--ecn-tcp-ece", Kind: iptables.Uint(0, 1)},
			{Name: "--ecn-tcp-cwr", Kind: iptables.Uint(0, 1)},
			{Name: "--ecn-ip-ect", Kind: iptables.Uint(0, 3)},
		},
		Canonical: canonicalECN,
		Check:     both(onlyIn("mangle"), checkECN),
		Listing: listed("ECN", "TCP remove", "--ecn-tcp-remove", "ECE=*", "--ecn-tcp-ece", "CWR=*", "--ecn-tcp-cwr",
			"ECT codepoint=*", "--ecn-ip-ect"),
	},
	Limits: Limits{Lossy: laterFragments},
	Lower: func(c *Context, t *iptables.Target) Action {
		var out []nft.Stmt
		var clear, set uint8
		for _, o := range t.Options {
			v, _ := o.Value.(uint64)
			switch o.Spec.Name {
			case "--ecn-tcp-remove":
				clear = tcpECE | tcpCWR
			case "--ecn-tcp-ece":
				clear, set = clear|tcpECE, set|uint8(v)*tcpECE
			case "--ecn-tcp-cwr":
				clear, set = clear|tcpCWR, set|uint8(v)*tcpCWR
			case "--ecn-ip-ect":
				out = append(out, setTOS(c, ecnBits, uint8(v))...)
			}
		}
		if clear != 0 {
			if !c.neverFragment() {
				c.Lossy(c.Rule.Target.Pos, "ECN", "add -m tcp",
					"later fragments stay as they are; iptables takes their data for a TCP header and writes the flags there, or drops what is too short")
			}
			out = append(out, &nft.Verdict{Code: bytecode.Jump, Chain: tcpFlagWriter(c, clear, set).Name})
		}
		return stmts(out...)
	},
	Meaning: setECNMeaning,
})

// setECNMeaning is ecn_tg: set_ect_ip and set_ect_tcp. The latter looks where the header would be in a later fragment as well.
func setECNMeaning(c *Context, t *iptables.Target) []packet.Step {
	var steps []packet.Step
	var mask, flags uint64
	for _, o := range t.Options {
		v, _ := o.Value.(uint64)
		switch o.Spec.Name {
		case "--ecn-tcp-remove":
			mask = tcpECE | tcpCWR
		case "--ecn-tcp-ece":
			mask, flags = mask|tcpECE, flags|v*tcpECE
		case "--ecn-tcp-cwr":
			mask, flags = mask|tcpCWR, flags|v*tcpCWR
		case "--ecn-ip-ect":
			steps = append(steps, do(packet.Assign(packet.ECN, packet.Num(v)))...)
		}
	}
	if mask == 0 {
		return steps
	}
	return append(steps, &packet.Choose{Cases: []packet.Case{
		{When: packet.Not{P: packet.Eq(packet.FragOffset, packet.Value{})}, Steps: do(&packet.Note{Key: fmt.Sprintf("ECN flags %#x/%#x in a later fragment", flags, mask)})},
		{When: packet.Not{P: packet.Set(packet.HasTransport)}, Steps: ends(packet.Verdict{Kind: packet.Drop})},
		{When: packet.All{}, Steps: do(packet.AssignMasked(packet.TCPFlags, packet.Num(mask), packet.Num(flags)))},
	}})
}

// tcpFlagWriter is a chain that clears some flags and sets some of these. nft has words only for setting them all, so there is a rule for
// each set of the others.
func tcpFlagWriter(c *Context, clear, set uint8) *nft.Chain {
	return c.chainNamed(fmt.Sprintf("tcp-flags-%#02x-of-%#02x", set, clear), func(say func(...nft.Stmt)) {
		tcp := &nft.Match{Left: &nft.Meta{Key: bytecode.MetaL4proto}, Right: value([]byte{protoTCP})}
		back := &nft.Verdict{Code: bytecode.Return}
		are := func(mask, flags uint8) nft.Stmt {
			return &nft.Match{Left: &nft.MaskXor{Of: transport(13, 1), Mask: []byte{mask}, Xor: []byte{0}}, Right: value([]byte{flags})}
		}
		pair := transport(12, 2)
		say(tcp, are(clear, set), back)
		for others := range 256 {
			if flags := uint8(others); flags&clear == 0 {
				say(tcp, are(^clear, flags), &nft.Assign{
					Key: pair, Value: &nft.MaskXor{Of: pair, Mask: []byte{0xff, 0}, Xor: []byte{0, flags | set}},
					ChecksumType: checksumInet, ChecksumOffset: 16,
				}, back)
			}
		}
	})
}

// canonicalECN says it as libipt_ECN.c saves it: "remove" where the two flags are cleared and nothing else is done. Whatever stands before
// a "remove" is forgotten there (ECN_parse).
func canonicalECN(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
	given := map[string]iptables.Option{}
	for _, o := range options {
		if o.Spec.Name != "--ecn-tcp-remove" {
			given[o.Spec.Name] = o
			continue
		}
		given = map[string]iptables.Option{}
		for _, name := range []string{"--ecn-tcp-ece", "--ecn-tcp-cwr"} {
			given[name] = iptables.Option{Pos: o.Pos, Spec: e.Option(name), Value: uint64(0)}
		}
	}
	ece, cwr := given["--ecn-tcp-ece"], given["--ecn-tcp-cwr"]
	if len(given) == 2 && ece.Value == uint64(0) && cwr.Value == uint64(0) {
		return []iptables.Option{{Pos: ece.Pos, Spec: e.Option("--ecn-tcp-remove")}}
	}
	var out []iptables.Option
	for _, spec := range e.Options {
		if o, ok := given[spec.Name]; ok {
			out = append(out, o)
		}
	}
	return out
}

func checkECN(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	if len(options) == 0 {
		return &iptables.Problem{Pos: r.Target.Pos, Ext: "ECN", Msg: "needs something to do", Hint: "add --ecn-tcp-remove"}
	}
	tcp := r.Proto != nil && !r.Proto.Neg && r.Proto.Num == protoTCP
	for _, o := range options {
		if o.Spec.Name != "--ecn-ip-ect" && !tcp {
			return &iptables.Problem{Pos: o.Pos, Ext: "ECN", Msg: o.Spec.Name + " works only with -p tcp"}
		}
	}
	return nil
}
