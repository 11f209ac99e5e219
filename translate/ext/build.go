package ext

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// host32 is v as a register holds metadata: 4 bytes in host order.
func host32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

// net16 is v as the packet holds it: 2 bytes in network order.
func net16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

func net32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func value(b []byte) *nft.Value { return &nft.Value{Data: b} }

// present tests left against data where the datum is always there, so that the inverse is the other comparison.
func present(left nft.Expr, data []byte) *Test { return compare(left, value(data)) }

// compare tests that left, which is always there, is right. It is what most rules are made of, hence the few allocations.
func compare(left, right nft.Expr) *Test {
	t := &struct {
		Test
		stmts [2]nft.Stmt
		ne    nft.Match
	}{ne: nft.Match{Op: bytecode.CmpNeq, Left: left, Right: right}}
	t.stmts = [2]nft.Stmt{&nft.Match{Op: bytecode.CmpEq, Left: left, Right: right}, &t.ne}
	t.Stmts, t.Inverse = t.stmts[:1:1], t.stmts[1:]
	return &t.Test
}

// maybe tests left against data where the datum can be missing.
func maybe(left nft.Expr, data []byte) *Test {
	return &Test{Stmts: []nft.Stmt{&nft.Match{Op: bytecode.CmpEq, Left: left, Right: value(data)}}}
}

// ports are the loads of the ports, which many rules share.
var ports = map[uint32]*nft.Payload{
	sourcePort:      {Base: bytecode.TransportHeader, Offset: sourcePort, Len: 2},
	destinationPort: {Base: bytecode.TransportHeader, Offset: destinationPort, Len: 2},
}

// transport is n bytes of the transport header.
func transport(offset, n uint32) *nft.Payload {
	if p := ports[offset]; p != nil && n == p.Len {
		return p
	}
	return &nft.Payload{Base: bytecode.TransportHeader, Offset: offset, Len: n}
}

// masked tests left & mask == want for a 4-byte datum in host order that is always there.
func masked(left nft.Expr, mask, want uint32) Cond {
	switch {
	case want&^mask != 0: // as in the kernel's comparison
		return Any{}
	case mask == 0:
		return All{}
	case mask == ^uint32(0):
		return present(left, host32(want))
	}
	return present(&nft.MaskXor{Of: left, Mask: host32(mask), Xor: host32(0)}, host32(want))
}

// withDefault adds an option that iptables-save prints although it was not given.
func withDefault(e *iptables.Extension, options []iptables.Option, name string, value any) []iptables.Option {
	spec := e.Option(name)
	if slices.ContainsFunc(options, func(o iptables.Option) bool { return o.Spec == spec }) {
		return options
	}
	return append(options, iptables.Option{Spec: spec, Value: value})
}

// stmts is a list of statements as an action of one rule.
func stmts(s ...nft.Stmt) Action { return Action{Rules: [][]nft.Stmt{s}} }

// addrLen is the length of an address in bytes.
func addrLen(f iptables.Family) uint32 {
	if f == iptables.IPv6 {
		return 16
	}
	return 4
}

// hostU16 is v as a register holds metadata of 2 bytes: in host order.
func hostU16(v uint16) []byte { return binary.NativeEndian.AppendUint16(nil, v) }

// within tests that left, which is always there, lies between two values, both included.
func within(left nft.Expr, from, to []byte) *Test {
	return compare(left, &nft.Range{From: from, To: to})
}

// lookupName finds a name in any case.
func lookupName(w string, names map[string]uint64, what string) (uint64, error) {
	if v, ok := names[strings.ToUpper(w)]; ok {
		return v, nil
	}
	return 0, fmt.Errorf("%s is not the name of a %s", iptables.Quote(w), what)
}
