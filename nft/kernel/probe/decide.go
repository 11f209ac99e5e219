package probe

import (
	"encoding/binary"

	"rechain/nft/bytecode"
)

// Decision returns the step that settled where the packet went: a drop; else the last rule that gave it another destination or
// socket; else the last verdict in a nat chain, which is what let it go as it was; else the last verdict of a rule anywhere; else
// the policy of a nat chain. ok is false when no rule had a say.
func (r *Result) Decision() (hop Hop, step Step, ok bool) {
	best := 0
	for _, h := range r.Trace {
		for i, s := range h.Steps {
			if rank := rank(h, s, i == len(h.Steps)-1); rank > 0 && rank >= best {
				hop, step, best = h, s, rank
			}
		}
	}
	return hop, step, best > 0
}

func rank(h Hop, s Step, last bool) int {
	nat := h.Chain.Base != nil && h.Chain.Base.Type == "nat"
	switch {
	case s.Verdict.Code == bytecode.Drop && (s.Rule != nil || last):
		return 5
	case s.Rule != nil && s.Verdict.Code == bytecode.Accept && steers(s.Rule):
		return 4
	case s.Rule != nil && nat && ends(s.Verdict):
		return 3
	case s.Rule != nil && ends(s.Verdict):
		return 2
	case s.Rule == nil && nat && last:
		return 1
	}
	return 0
}

// ends says whether a verdict ends a packet's way through a chain.
func ends(v bytecode.Verdict) bool { return v.Code == bytecode.Accept || v.Code == bytecode.Return }

// steers says whether a rule gives a packet another destination or socket.
func steers(r *bytecode.Rule) bool {
	for _, op := range r.Program {
		switch op := op.(type) {
		case *bytecode.Redir, *bytecode.NAT, *bytecode.TProxy:
			return true
		case *bytecode.XtTarget: // of iptables-nft
			return op.Ext == "REDIRECT" || op.Ext == "DNAT" || op.Ext == "TPROXY"
		}
	}
	return false
}

// TProxyPort is the port that a rule hands packets to by TPROXY; 0 when it does not, or keeps theirs.
func TProxyPort(r *bytecode.Rule) uint16 {
	immediate := map[bytecode.Reg][]byte{}
	for _, op := range r.Program {
		switch op := op.(type) {
		case *bytecode.Immediate:
			immediate[op.Dst] = op.Data
		case *bytecode.TProxy:
			if b := immediate[op.Port]; len(b) == 2 {
				return binary.BigEndian.Uint16(b)
			}
		case *bytecode.XtTarget:
			// struct xt_tproxy_target_info_v1: mask and mark, 16 bytes of address, the port.
			if op.Ext == "TPROXY" && len(op.Info) >= 26 {
				return binary.BigEndian.Uint16(op.Info[24:])
			}
		}
	}
	return 0
}
