package ext

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_cgroup.c, cgroup_mt_v2: the net_cls class of the packet's socket. A packet without a full socket never matches, whether the match is
// inverted or not; nft_meta breaks off there, but for a connection request, in whose place it looks at the listening socket
// (skb_to_full_sk). That has the SYN-ACK, and where packets come in the ACK that answers it.
//
// The nft rule that the hint for --path gives cannot stand in POSTROUTING, and for a packet that came in it looks for a
// socket where iptables wants it to have one.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "cgroup",
		Options: []*iptables.OptionSpec{
			{Name: "--path", Kind: iptables.String(511), Neg: true, Excludes: []string{"--cgroup"}},
			{Name: "--cgroup", Kind: iptables.Uint(0, math.MaxUint32), Neg: true},
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if len(options) == 0 {
				return &iptables.Problem{Pos: r.Pos, Ext: "cgroup", Msg: "needs --path or --cgroup"}
			}
			return nil
		},
		Listing: either(listed("", "cgroup ! #", "--cgroup"), listed("", "cgroup ! *", "--path")),
	},
	Limits:  Limits{Refused: "--path", Lossy: "TCP in POSTROUTING"},
	Meaning: cgroupMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		if o.Spec.Name == "--path" {
			hint := ""
			if path := strings.Trim(o.Value.(string), "/"); path != "" {
				hint = fmt.Sprintf("let nft look it up, in a rule of the host's own: socket cgroupv2 level %d %q", 1+strings.Count(path, "/"), path)
			}
			c.Refuse(o.Pos, "cgroup", hint, "nftables knows a cgroup by a number that only the running host can tell")
			return All{}
		}
		class := present(&nft.Meta{Key: bytecode.MetaCgroup}, host32(uint32(o.Value.(uint64))))
		if o.Neg {
			class.Stmts = class.Inverse
		}
		return All{fullSocket(c, o.Pos), &Test{Stmts: class.Stmts}}
	},
})

// cgroupMeaning is cgroup_mt_v2, of a class.
func cgroupMeaning(c *Context, m *iptables.Match) packet.Pred {
	o := m.Options[0]
	class, ok := o.Value.(uint64)
	if !ok {
		return &packet.Opaque{Key: "cgroup " + optionsText(m)}
	}
	all := packet.All{packet.Not{P: packet.Eq(packet.HasSocket, packet.Value{})}, packet.Negate(packet.Eq(packet.Cgroup, packet.Num(class)), o.Neg)}
	if mayRequest(c) {
		all = append(all, packet.Set(packet.SocketFound), packet.Not{P: packet.Set(packet.SocketWaits)})
	}
	return all
}

// mayRequest says whether the packet's socket may be a connection request: other protocols have none.
func mayRequest(c *Context) bool {
	proto, known := c.Proto()
	return !known || proto == protoTCP || proto == protoDCCP
}

// fullSocket says that a packet with a socket has a full one (sk_fullsock). Such have a mark, but nft_socket cannot be asked in POSTROUTING
// (nft_socket_validate). What other sockets send there are SYN-ACKs.
func fullSocket(c *Context, pos iptables.Pos) Cond {
	if !mayRequest(c) {
		return All{}
	}
	if !slices.Contains(c.reachedFrom(), "POSTROUTING") {
		mark := &nft.Byteorder{Of: &nft.Socket{Key: bytecode.SocketMark}, ToNetwork: true, Len: 4, Size: 4}
		return &Test{Stmts: []nft.Stmt{&nft.Match{Op: bytecode.CmpGte, Left: mark, Right: value(net32(0))}}} // any
	}
	c.Lossy(pos, "cgroup", "ask in OUTPUT",
		"a SYN-ACK never matches here; to iptables it may where a raw socket sends it, or both ends opened the connection at once")
	const synAck = 0x12 // RFC 9293
	flags := &nft.MaskXor{Of: transport(13, 1), Mask: []byte{synAck}, Xor: []byte{0}}
	return Not{&Test{Stmts: []nft.Stmt{
		&nft.Match{Op: bytecode.CmpEq, Left: &nft.Meta{Key: bytecode.MetaL4proto}, Right: value([]byte{protoTCP})},
		&nft.Match{Op: bytecode.CmpEq, Left: flags, Right: value([]byte{synAck})},
	}}}
}
