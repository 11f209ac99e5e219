package nft

import "rechain/nft/bytecode"

// A quarter is one of the sixteen 4-byte units of the register file (NFT_REG32_00 to NFT_REG32_15). Values begin on one and are
// padded to whole ones; the four 16-byte registers begin on every fourth.
const (
	quarterBytes   = 4
	quarters       = 16
	wideQuarters   = 4 // of a 16-byte register
	firstNarrowReg = 8 // NFT_REG32_00
)

// quartersOf is how many quarters hold n bytes.
func quartersOf(n uint32) int { return int((uint64(n) + quarterBytes - 1) / quarterBytes) }

// nextWide is the first quarter of the first 16-byte register at or after q.
func nextWide(q int) int { return (q + wideQuarters - 1) / wideQuarters * wideQuarters }

// regAt is the register that begins at a quarter, by the number that the kernel reports (nft_dump_register).
func regAt(q int) bytecode.Reg {
	if q%wideQuarters == 0 && q < quarters {
		return bytecode.Reg(q/wideQuarters + 1)
	}
	return bytecode.Reg(q + firstNarrowReg)
}

// quarterOf is the quarter at which a register begins; false for the verdict register and numbers that are no register.
func quarterOf(r bytecode.Reg) (int, bool) {
	switch {
	case r >= 1 && r <= quarters/wideQuarters:
		return int(r-1) * wideQuarters, true
	case r >= firstNarrowReg && r < firstNarrowReg+quarters:
		return int(r - firstNarrowReg), true
	}
	return 0, false
}

// regAccess is a register that an operation reads or writes, and how many bytes of it; 0 when that is not known. An access that
// the operation could have but has not is the zero value.
type regAccess struct {
	reg  *bytecode.Reg
	size uint32
}

// optionalReg is the zero access when the register is 0, which says that it is absent.
func optionalReg(r *bytecode.Reg, size uint32) regAccess {
	if *r == 0 {
		return regAccess{}
	}
	return regAccess{r, size}
}

// maximumReg is the access of a range's end: absent also when it is the register of the start, which then stands for both.
func maximumReg(low, high *bytecode.Reg, size uint32) regAccess {
	if a, ok := quarterOf(*low); ok {
		if b, ok := quarterOf(*high); ok && a == b {
			return regAccess{}
		}
	}
	return optionalReg(high, size)
}

// operands returns the registers that an operation reads, in a fixed order, and the one that it writes. It returns false for an
// operation that package bytecode does not know, whose registers are not known either.
func (s *scope) operands(op bytecode.Op) (in []regAccess, out regAccess, known bool) {
	known = true
	switch o := op.(type) {
	case *bytecode.Immediate:
		out = regAccess{&o.Dst, uint32(len(o.Data))}
	case *bytecode.Meta:
		in, out = loadOrStore(o.Set, &o.Src, &o.Dst, metaSize(o.Key))
	case *bytecode.Ct:
		in, out = loadOrStore(o.Set, &o.Src, &o.Dst, s.ctSize(o.Key))
	case *bytecode.Payload:
		out = regAccess{&o.Dst, o.Len}
	case *bytecode.PayloadSet:
		in = []regAccess{{&o.Src, o.Len}}
	case *bytecode.Exthdr:
		switch {
		case o.Src != 0:
			in = []regAccess{{&o.Src, o.Len}}
		case o.Dst != 0:
			out = regAccess{&o.Dst, exthdrSize(o.Len, o.Flags)}
		}
	case *bytecode.Socket:
		out = regAccess{&o.Dst, socketSize(o.Key)}
	case *bytecode.Fib:
		out = regAccess{&o.Dst, fibSize(o.Result)}
	case *bytecode.Rt:
		out = regAccess{&o.Dst, rtSize(o.Key)}
	case *bytecode.Osf:
		out = regAccess{&o.Dst, osfSize}
	case *bytecode.Xfrm:
		out = regAccess{&o.Dst, xfrmSize(o.Key)}
	case *bytecode.Tunnel:
		out = regAccess{&o.Dst, tunnelSize(o.Key)}
	case *bytecode.Numgen:
		out = regAccess{&o.Dst, 4}
	case *bytecode.Hash:
		in, out = []regAccess{optionalReg(&o.Src, o.Len)}, regAccess{&o.Dst, 4}
	case *bytecode.Bitwise:
		in, out = []regAccess{{&o.Src, o.Len}, {}}, regAccess{&o.Dst, o.Len}
		if o.Op != bytecode.BitwiseMaskXor && o.Data == nil {
			in[1] = regAccess{&o.Src2, o.Len}
		}
	case *bytecode.Byteorder:
		in, out = []regAccess{{&o.Src, o.Len}}, regAccess{&o.Dst, o.Len}
	case *bytecode.Cmp:
		in = []regAccess{{&o.Src, uint32(len(o.Data))}}
	case *bytecode.Range:
		in = []regAccess{{&o.Src, uint32(len(o.From))}}
	case *bytecode.Lookup:
		set := s.find(o.Set, o.SetID)
		in = []regAccess{{&o.Src, set.keySize()}}
		if o.HasDst && o.Dst != bytecode.VerdictReg {
			out = regAccess{&o.Dst, set.dataSize()}
		}
	case *bytecode.Objref:
		if o.Set != "" {
			in = []regAccess{{&o.Src, s.find(o.Set, o.SetID).keySize()}}
		}
	case *bytecode.Dynset:
		set := s.find(o.Set, o.SetID)
		in = []regAccess{{&o.Key, set.keySize()}, optionalReg(&o.Data, set.dataSize())}
	case *bytecode.NAT:
		addr := addrSize(o.Family)
		in = []regAccess{
			optionalReg(&o.AddrMin, addr), maximumReg(&o.AddrMin, &o.AddrMax, addr),
			optionalReg(&o.ProtoMin, portSize), maximumReg(&o.ProtoMin, &o.ProtoMax, portSize),
		}
	case *bytecode.Redir:
		in = []regAccess{optionalReg(&o.ProtoMin, portSize), maximumReg(&o.ProtoMin, &o.ProtoMax, portSize)}
	case *bytecode.Masq:
		in = []regAccess{optionalReg(&o.ProtoMin, portSize), maximumReg(&o.ProtoMin, &o.ProtoMax, portSize)}
	case *bytecode.TProxy:
		in = []regAccess{optionalReg(&o.Addr, addrSize(o.Family)), optionalReg(&o.Port, portSize)}
	case *bytecode.Queue:
		in = []regAccess{optionalReg(&o.Src, 2)}
	case *bytecode.Dup:
		in = []regAccess{optionalReg(&o.Addr, addrSize(s.family)), optionalReg(&o.Dev, 4)}
	case *bytecode.Fwd:
		in = []regAccess{{&o.Dev, 4}, optionalReg(&o.Addr, addrSize(Family(o.NFProto)))}
	case *bytecode.Verdict, *bytecode.Counter, *bytecode.Limit, *bytecode.Log, *bytecode.Reject, *bytecode.Notrack,
		*bytecode.Quota, *bytecode.Connlimit, *bytecode.Synproxy, *bytecode.Last, *bytecode.FlowOffload, *bytecode.XtMatch,
		*bytecode.XtTarget:
	default:
		known = false
	}
	return in, out, known
}

func loadOrStore(store bool, src, dst *bytecode.Reg, size uint32) (in []regAccess, out regAccess) {
	if store {
		return []regAccess{{src, size}}, regAccess{}
	}
	return nil, regAccess{dst, size}
}
