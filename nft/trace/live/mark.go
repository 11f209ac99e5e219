package live

import (
	"encoding/binary"

	"rechain/nft/bytecode"
	"rechain/nft/kernel"
	"rechain/nft/packet"
)

// tableName is the table that marks a packet for tracing.
const tableName = "rechain-trace"

// table is that table: a rule that finds the packet as it comes, before all others, and an empty chain at the end of each hook, whose trace tells
// that the packet got there, and how it was. It belongs to the connection that makes it. marks says that the packet is also given its
// mark.
func table(line *packet.Line, marks bool) *kernel.Batch {
	const (
		first, last = -1 << 30, 1 << 30
		owner       = 2 // NFT_TABLE_F_OWNER
	)
	b := &kernel.Batch{Origin: kernel.Label("tracing")}
	b.AddTable(&bytecode.Table{Family: bytecode.Inet, Name: tableName, Flags: owner})
	chain := func(name string, hook bytecode.Hook, priority int32) {
		b.AddChain(bytecode.Inet, tableName, &bytecode.Chain{Name: name,
			Base: &bytecode.BaseChain{Type: "filter", Hook: hook, Priority: priority, Policy: bytecode.Accept}})
	}
	hook := bytecode.Prerouting
	if line.Route == packet.Sent || line.Route == packet.Looped {
		hook = bytecode.Output
	}
	chain("mark", hook, first)
	for _, h := range []packet.Hook{packet.Prerouting, packet.Input, packet.Forward, packet.Output, packet.Postrouting} {
		chain(h.String(), bytecode.Hook(h), last)
	}
	program := match(line)
	if marks {
		program = append(program, &bytecode.Immediate{Dst: 1, Data: binary.NativeEndian.AppendUint32(nil, uint32(line.Packet.Get(packet.Mark).Lo))},
			&bytecode.Meta{Key: bytecode.MetaMark, Src: 1, Set: true})
	}
	program = append(program, &bytecode.Immediate{Dst: 1, Data: []byte{1}}, &bytecode.Meta{Key: bytecode.MetaNftrace, Src: 1, Set: true})
	b.AddRule(bytecode.Inet, tableName, "mark", &bytecode.Rule{Program: program})
	return b
}

// match finds a packet by its family, protocol, addresses and, as far as they were said, ports and devices.
func match(line *packet.Line) bytecode.Program {
	var out bytecode.Program
	is := func(load bytecode.Op, data []byte) { out = append(out, load, &bytecode.Cmp{Src: 1, Data: data}) }
	p := line.Packet
	network := func(offset uint32, f packet.Field) {
		b := p.Get(f).Bytes(int(f.Bits / 8))
		is(&bytecode.Payload{Base: bytecode.NetworkHeader, Offset: offset, Len: uint32(len(b)), Dst: 1}, b)
	}
	if line.IPv6 {
		is(&bytecode.Meta{Key: bytecode.MetaNfproto, Dst: 1}, []byte{byte(bytecode.IPv6)})
		network(8, packet.IPv6Src)
		network(24, packet.IPv6Dst)
	} else {
		is(&bytecode.Meta{Key: bytecode.MetaNfproto, Dst: 1}, []byte{byte(bytecode.IPv4)})
		network(12, packet.IPv4Src)
		network(16, packet.IPv4Dst)
	}
	is(&bytecode.Meta{Key: bytecode.MetaL4proto, Dst: 1}, p.Get(packet.L4Proto).Bytes(1))
	for i, f := range []packet.Field{packet.SrcPort, packet.DstPort} {
		if line.Said(f) && !p.Get(packet.HasTransport).IsZero() {
			is(&bytecode.Payload{Base: bytecode.TransportHeader, Offset: uint32(2 * i), Len: 2, Dst: 1}, p.Get(f).Bytes(2))
		}
	}
	return out
}
