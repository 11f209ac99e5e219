package ext

import (
	"fmt"
	"reflect"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// Header is the transport header that a match looks at. All such matches of xtables treat alike what does not have it:
//
//   - A later fragment does not match, whether the match is inverted or not (par->fragoff). nftables does not know better than to
//     compare what stands in the header's place: a load of up to 4 bytes looks at no offset (nft_payload_fast_eval in
//     nf_tables_core.c, as of 6.18).
//   - A packet that ends inside the header is dropped, whatever the rule's target (par->hotdrop). In nftables it does not match.
//
// The zero value looks at none.
type Header struct {
	Size uint32 // in bytes
	// Overlap says that a fragment which begins 8 bytes behind the header's start is dropped too, as tcp_mt does to keep flags
	// from being overwritten.
	Overlap bool
}

// Demand is a condition that package translate finds among others in a rule: what fails it is dropped, whatever the rule's target.
// It cannot be negated.
type Demand struct {
	Name   string      // of a chain that asks it
	Rules  []*nft.Rule // of that chain, from which packets come back that meet it
	Proto  uint8       // of the packets that it is made of; 0 for all
	Header             // that they must have, if any
}

func (*Demand) cond() {}

// Covers says whether what meets d meets other too.
func (d *Demand) Covers(other *Demand) bool {
	if d.Name == other.Name || other.Size > 0 && d.Size >= other.Size && (d.Overlap || !other.Overlap) {
		return d.Proto == other.Proto
	}
	return false
}

// Demanding returns the table's chain for a demand.
func (s *Shared) Demanding(d *Demand) *nft.Chain {
	for _, known := range s.demands {
		if known.demand.Name == d.Name && reflect.DeepEqual(known.demand.Rules, d.Rules) {
			return known.chain
		}
	}
	ch := &nft.Chain{Name: s.Unique(d.Name), Rules: d.Rules}
	s.Chains = append(s.Chains, ch)
	s.demands = append(s.demands, demanded{d, ch})
	return ch
}

type demanded struct {
	demand *Demand
	chain  *nft.Chain
}

// Whole says that the packet is not a fragment behind the first. It always holds where fragments are put together before.
func (c *Context) Whole() Cond {
	switch {
	case !c.Fragments:
		return All{}
	case c.Family == iptables.IPv6: // a packet without the fragment header has no offset to compare
		return Not{&Test{Stmts: []nft.Stmt{fragment6(bytecode.CmpNeq, 0)}, Proto: true}}
	}
	return &Test{Stmts: []nft.Stmt{fragment4(bytecode.CmpEq, 0)}, Inverse: []nft.Stmt{fragment4(bytecode.CmpNeq, 0)}}
}

// readsData is what a match means that takes the data of later fragments for headers, and nobody knows what it finds; first is what it means
// for other packets.
func readsData(name string, m *iptables.Match, first packet.Pred) packet.Pred {
	whole := packet.Eq(packet.FragOffset, packet.Value{})
	return packet.Any{packet.All{whole, first}, packet.All{packet.Not{P: whole}, &packet.Opaque{Key: name + " " + optionsText(m) + "in data"}}}
}

// neverFragment says that no later fragment gets past the rule's conditions.
func (c *Context) neverFragment() bool { return c.wholeBefore(nil) }

// wholeBefore says that no later fragment gets past those before m.
func (c *Context) wholeBefore(m *iptables.Match) bool {
	f := c.Rule.Fragment
	return !c.Fragments || f != nil && f.Neg || c.headerBefore(m, 1)
}

// headerBefore says that a match before m insists on so many bytes of a transport header.
func (c *Context) headerBefore(m *iptables.Match, size uint32) bool {
	before := c.Rule.Matches
	if i := slices.Index(before, m); i >= 0 {
		before = before[:i]
	}
	return slices.ContainsFunc(before, func(m *iptables.Match) bool { return MatchFor(m, c.Family).Header.Size >= size })
}

// fragment4 compares the fragment's offset, in units of 8 bytes: the lower 13 bits of frag_off in struct iphdr.
func fragment4(op bytecode.CmpOp, offset uint16) nft.Stmt {
	field := &nft.MaskXor{Of: &nft.Payload{Base: bytecode.NetworkHeader, Offset: 6, Len: 2}, Mask: []byte{0x1f, 0xff}, Xor: []byte{0, 0}}
	return &nft.Match{Op: op, Left: field, Right: value(net16(offset))}
}

// fragment6 compares it in the fragment header: the upper 13 bits of frag_off in struct frag_hdr.
func fragment6(op bytecode.CmpOp, offset uint16) nft.Stmt {
	field := &nft.MaskXor{Of: &nft.Exthdr{Type: ipFragment, Offset: 2, Len: 2}, Mask: []byte{0xff, 0xf8}, Xor: []byte{0, 0}}
	return &nft.Match{Op: op, Left: field, Right: value(net16(offset << 3))}
}

// demandHeader is that a header is there, or nil where nobody asks.
func (c *Context) demandHeader(h Header) *Demand {
	if !c.DropMalformed {
		return nil
	}
	proto, _ := c.Proto()
	d := &Demand{Name: fmt.Sprintf("header-%d", h.Size), Proto: proto, Header: h}
	if h.Overlap {
		d.Name = "header-tcp"
	}
	switch {
	case !c.Fragments:
	case c.Family == iptables.IPv6: // where offsets are counted in bytes, so that none is 1
		d.say(bytecode.Return, append(c.guard(), fragment6(bytecode.CmpNeq, 0))...)
	case h.Overlap:
		d.say(bytecode.Drop, append(c.guard(), fragment4(bytecode.CmpEq, 1))...)
		fallthrough
	default:
		d.say(bytecode.Return, append(c.guard(), fragment4(bytecode.CmpNeq, 0))...)
	}
	d.say(bytecode.Return, reaches(h.Size))
	return d.orDrop("cut off in its header")
}

// demandOptions is that TCP's header is as long as it says (tcp_mt and tcpmss_mt), behind demandHeader; or nil.
func (c *Context) demandOptions() *Demand {
	if !c.DropMalformed {
		return nil
	}
	d := &Demand{Name: "tcp-options", Proto: protoTCP}
	length := &nft.MaskXor{Of: transport(12, 1), Mask: []byte{0xf0}, Xor: []byte{0}}
	for words := byte(tcpHeader / 4); words < 16; words++ {
		d.say(bytecode.Return, &nft.Match{Op: bytecode.CmpEq, Left: length, Right: value([]byte{words << 4})}, reaches(uint32(words)*4))
	}
	return d.orDrop("cut off in its options")
}

// DemandChain is that IPv6's extension headers lead to a protocol (ip6_packet_match in ip6_tables.c, for -p), or nil.
func (c *Context) DemandChain() *Demand {
	if !c.DropMalformed || c.Family != iptables.IPv6 {
		return nil
	}
	d := &Demand{Name: "header-chain"}
	d.say(bytecode.Return, &nft.Match{Op: bytecode.CmpEq, Left: &nft.Meta{Key: bytecode.MetaL4proto}, Right: &nft.Range{From: []byte{0}, To: []byte{255}}})
	return d.orDrop("cut off in its extension headers")
}

// orDrop ends the rules.
func (d *Demand) orDrop(why string) *Demand {
	d.say(bytecode.Drop)
	d.Rules[len(d.Rules)-1].Comment = why
	return d
}

func (d *Demand) say(code bytecode.VerdictCode, when ...nft.Stmt) {
	d.Rules = append(d.Rules, &nft.Rule{Stmts: append(when, &nft.Verdict{Code: code})})
}

// reaches tests that the packet has n bytes from the transport header on: the last of them has any value.
func reaches(n uint32) nft.Stmt {
	return &nft.Match{Op: bytecode.CmpGte, Left: transport(n-1, 1), Right: value([]byte{0})}
}

// Insist says what a match asks before anything else, for its header. whole says that the rule has asked for a whole packet before.
func (c *Context) Insist(h Header, whole bool) (all All) {
	if h.Size == 0 {
		return nil
	}
	if d := c.demandHeader(h); d != nil {
		all = append(all, d)
	}
	if c.Fragments && !whole {
		all = append(all, c.Whole())
	}
	return all
}

// tcpHeader is the size of struct tcphdr.
const tcpHeader = 20
