package nft

import "rechain/nft/bytecode"

// plain names what needs the protocol for it.
func (r *ruleView) plain(s *Plain) node {
	switch op := s.Op.(type) {
	case *bytecode.Reject:
		return r.reject(op)
	case *bytecode.XtMatch:
		return &xtNode{"match", op.Ext}
	case *bytecode.XtTarget:
		if r.family == Bridge && (op.Ext == "log" || op.Ext == "nflog") {
			return &xtNode{"watcher", op.Ext} // in ebtables, a target that does not end the rule
		}
		return &xtNode{"target", op.Ext}
	}
	return &plainNode{s.Op}
}

// The kinds of [bytecode.Reject] (enum nft_reject_types).
const (
	rejectICMP  = 0
	rejectTCP   = 1
	rejectICMPX = 2
)

func (r *ruleView) reject(op *bytecode.Reject) node {
	n := &rejectNode{op: op}
	code := func(family string, t Datatype) {
		n.family, n.code = family, r.literal([]byte{op.Code}, valueType{typ: t, bits: 8}, false)
	}
	proto := r.ctx.layers[bytecode.NetworkHeader]
	switch {
	case r.family == IPv4 || r.family == IPv6:
		if op.Type == rejectTCP {
			r.deps.tcp(&r.ctx)
		}
	case op.Type == rejectICMPX:
		code("icmpx", TypeICMPXCode)
		return n
	default:
		n.spell = true
	}
	if op.Type == rejectICMP && proto == protoIP {
		code("icmp", TypeICMPCode)
		r.deps.network(IPv4)
	} else if op.Type == rejectICMP && proto == protoIP6 {
		code("icmpv6", TypeICMPv6Code)
		r.deps.network(IPv6)
	}
	return n
}
