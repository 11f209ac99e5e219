package ext

import (
	"fmt"
	"math"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// clusterNodes is how many nodes a cluster has at most (XT_CLUSTER_NODES_MAX).
const clusterNodes = 32

// xt_cluster.c, xt_cluster_mt: which of the nodes a connection belongs to, by the hash of where it came from. A packet without a
// connection matches neither way. Both engines scale the hash in the same way (reciprocal_scale), and the hash of a word is that of its
// bytes on hosts that store the low byte first (linux/jhash.h). Of an IPv6 address the kernel hashes the first word alone, since it takes
// NF_CT_TUPLE_L3SIZE for a number of bytes.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "cluster",
		Options: []*iptables.OptionSpec{
			{Name: "--cluster-local-node", Kind: iptables.Uint(1, clusterNodes), Neg: true, Excludes: []string{"--cluster-local-nodemask"}},
			{Name: "--cluster-local-nodemask", Kind: iptables.Hex(1, math.MaxUint32, 8), Neg: true},
			{Name: "--cluster-total-nodes", Kind: iptables.Uint(1, clusterNodes), Required: true},
			{Name: "--cluster-hash-seed", Kind: iptables.Hex(0, math.MaxUint32, 8), Required: true},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			for i, o := range options {
				if o.Spec.Name == "--cluster-local-node" {
					options[i].Spec = e.Option("--cluster-local-nodemask")
					options[i].Value = uint64(1) << (o.Value.(uint64) - 1)
				}
			}
			return options
		},
		Check: checkCluster,
		Listing: listed("cluster", "!node_mask=*", "--cluster-local-nodemask", "total_nodes=*", "--cluster-total-nodes",
			"hash_seed=*", "--cluster-hash-seed"),
	},
	Limits:  Limits{Refused: "ip6tables", Lossy: Always},
	Meaning: clusterMeaning,
	Lower:   lowerCluster,
})

func checkCluster(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	m := iptables.Match{Options: options}
	mask, given := m.Get("--cluster-local-nodemask")
	total, _ := m.Get("--cluster-total-nodes")
	switch {
	case !given:
		return &iptables.Problem{Pos: r.Pos, Ext: "cluster", Msg: "needs --cluster-local-node or --cluster-local-nodemask"}
	case mask.Value.(uint64)>>total.Value.(uint64) != 0:
		return &iptables.Problem{Pos: mask.Pos, Ext: "cluster", Msg: fmt.Sprintf("names a node beyond the %d that there are", total.Value)}
	}
	return nil
}

func lowerCluster(c *Context, m *iptables.Match) Cond {
	if c.Family == iptables.IPv6 {
		c.Refuse(m.Pos, "cluster", "match the sources with -s: no more of them counts than the first 32 bits",
			"the kernel hashes the first 32 bits of a source for ip6tables, and nftables all of it")
		return All{}
	}
	c.Lossy(m.Pos, "cluster", "", "a connection that belongs to another, such as one for FTP data, is hashed by its own source; "+
		"nftables does not see the source of the other")
	here := onNodes(m)
	if c.Chain != "PREROUTING" {
		c.Lossy(m.Pos, "cluster", "put it into PREROUTING",
			"a packet to one host that came as a multicast frame stays so, since nftables can make it one for this host only in PREROUTING")
		return here
	}
	frame := &nft.Meta{Key: bytecode.MetaPkttype}
	mine := &Test{Stateful: true, Stmts: slices.Concat(
		present(frame, []byte{packetMulticast}).Stmts, toMulticast().Inverse,
		[]nft.Stmt{&nft.Assign{Key: frame, Value: value([]byte{packetHost})}})}
	return Any{All{mine, here}, here}
}

// Types of packets, as their link layer has them (linux/if_packet.h).
const (
	packetHost      = 0
	packetMulticast = 2
)

// toMulticast tests for a multicast address to go to, 224.0.0.0/4.
func toMulticast() *Test {
	to := &nft.Payload{Base: bytecode.NetworkHeader, Offset: 16, Len: 4}
	return present(&nft.MaskXor{Of: to, Mask: []byte{0xf0, 0, 0, 0}, Xor: make([]byte, 4)}, []byte{224, 0, 0, 0})
}

// onNodes tests that the packet's connection belongs to one of the nodes that are bits of the mask, or to another.
func onNodes(m *iptables.Match) Cond {
	mask, _ := m.Get("--cluster-local-nodemask")
	total, _ := m.Get("--cluster-total-nodes")
	seed, _ := m.Get("--cluster-hash-seed")
	n := uint32(total.Value.(uint64))
	node := &nft.Hash{Of: &nft.CT{Key: bytecode.CtSrcIP, HasDir: true}, Len: 4, Modulus: n, Seed: uint32(seed.Value.(uint64)), HasSeed: true}
	var these, others Any
	for i := range n {
		is := present(node, host32(i))
		if mask.Value.(uint64)>>i&1 != 0 {
			these = append(these, is)
		} else {
			others = append(others, is)
		}
	}
	switch {
	case len(others) == 0 && mask.Neg:
		return Any{}
	case len(others) == 0:
		return tracked()
	case mask.Neg:
		these, others = others, these
	}
	if len(these) > 1 && len(others) < len(these) { // "none of these" is one rule, and "one of these" is one for each
		return Not{others}
	}
	return these
}

// clusterMeaning is xt_cluster_mt: the node that a connection belongs to, or the one that it is expected by.
func clusterMeaning(c *Context, m *iptables.Match) packet.Pred {
	mask, _ := m.Get("--cluster-local-nodemask")
	total, _ := m.Get("--cluster-total-nodes")
	seed, _ := m.Get("--cluster-hash-seed")
	var nodes []packet.Value
	for n := range total.Value.(uint64) {
		if mask.Value.(uint64)>>n&1 != 0 {
			nodes = append(nodes, packet.Num(n))
		}
	}
	on := func(of string) packet.Pred {
		source := packet.CTTuple(false, addressField(c.Family, false)).Name
		return packet.OneOf(packet.Named(fmt.Sprintf("jhash %s%s mod %d seed %d offset 0", of, source, total.Value, seed.Value), 32, packet.Number), nodes...)
	}
	expected := packet.Set(packet.Named("ct is expected", 1, packet.Bool))
	here := packet.Any{packet.All{expected, on("master ")}, packet.All{packet.Not{P: expected}, on("")}}
	return packet.All{packet.Tracked, packet.Negate(here, mask.Neg)}
}
