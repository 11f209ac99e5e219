package bytecode

import "strconv"

// enum nft_data_attributes and nft_verdict_attributes.
const (
	nftaDataValue    = 1
	nftaDataVerdict  = 2
	nftaVerdictCode  = 1
	nftaVerdictChain = 2
)

// AppendData appends register contents as the nested attribute attr (NFTA_CMP_DATA, NFTA_SET_ELEM_KEY, …).
func AppendData(b []byte, attr uint16, data []byte) []byte {
	b, start := Nest(b, attr)
	return EndNest(AppendBytes(b, nftaDataValue, data), start)
}

// AppendVerdict appends a verdict as the nested attribute attr (NFTA_IMMEDIATE_DATA, NFTA_SET_ELEM_DATA).
func AppendVerdict(b []byte, attr uint16, v *Verdict) []byte {
	b, start := Nest(b, attr)
	b, inner := Nest(b, nftaDataVerdict)
	b = AppendU32(b, nftaVerdictCode, uint32(v.Code))
	if v.Chain != "" {
		b = AppendString(b, nftaVerdictChain, v.Chain)
	}
	return EndNest(EndNest(b, inner), start)
}

// DecodeData reads the payload of an attribute that [AppendData] or [AppendVerdict] wrote: either data or a verdict. ok is false
// when it is neither. data shares no memory with b.
func DecodeData(b []byte) (data []byte, v *Verdict, ok bool) {
	seen := 0
	for a, err := range Attrs(b) {
		seen++
		switch {
		case err != nil:
			return nil, nil, false
		case a.Type == nftaDataValue:
			data = a.Bytes()
		case a.Type == nftaDataVerdict:
			v = new(Verdict)
			if !v.takeVerdict(a.Data) {
				return nil, nil, false
			}
		default:
			return nil, nil, false
		}
	}
	return data, v, seen == 1
}

func setData(a Attr, to *[]byte) bool {
	data, v, ok := DecodeData(a.Data)
	*to = data
	return ok && v == nil
}

// Immediate puts Data into Dst (nft_immediate.c).
type Immediate struct {
	Dst  Reg
	Data []byte
}

// enum nft_immediate_attributes.
const (
	nftaImmediateDreg = 1
	nftaImmediateData = 2
)

// immediateOrVerdict tells the two faces of the kernel's immediate apart.
func immediateOrVerdict(data []byte) Op {
	inner, _ := FindAttr(data, nftaImmediateData)
	if _, ok := FindAttr(inner, nftaDataVerdict); ok {
		return new(Verdict)
	}
	return new(Immediate)
}

func (o *Immediate) Name() string { return "immediate" }
func (o *Immediate) String() string {
	return "immediate reg " + strconv.Itoa(int(o.Dst)) + " " + words(o.Data)
}

func (o *Immediate) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaImmediateDreg, o.Dst)
	return AppendData(b, nftaImmediateData, o.Data)
}

func (o *Immediate) take(a Attr) bool {
	switch a.Type {
	case nftaImmediateDreg:
		return set32(a, &o.Dst)
	case nftaImmediateData:
		return setData(a, &o.Data)
	}
	return false
}

// VerdictCode is a verdict (NF_* and enum nft_verdicts).
type VerdictCode int32

// The verdicts. Queue takes its number in the upper 16 bits and is normally a [Queue] of its own.
const (
	Drop     VerdictCode = 0
	Accept   VerdictCode = 1
	Stolen   VerdictCode = 2
	QueueTo  VerdictCode = 3
	Continue VerdictCode = -1
	Break    VerdictCode = -2
	Jump     VerdictCode = -3
	Goto     VerdictCode = -4
	Return   VerdictCode = -5
)

// Verdict is an immediate into the verdict register. Chain is the target of Jump and Goto.
type Verdict struct {
	Code  VerdictCode
	Chain string
}

func (o *Verdict) Name() string { return "immediate" }
func (o *Verdict) String() string {
	s := "immediate reg 0 " + o.Code.String()
	if o.Chain != "" {
		s += " -> " + o.Chain
	}
	return s
}

func (o *Verdict) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaImmediateDreg, VerdictReg)
	return AppendVerdict(b, nftaImmediateData, o)
}

func (o *Verdict) take(a Attr) bool {
	switch a.Type {
	case nftaImmediateDreg:
		return len(a.Data) == 4 && a.U32() == uint32(VerdictReg)
	case nftaImmediateData:
		_, v, ok := DecodeData(a.Data)
		if !ok || v == nil {
			return false
		}
		*o = *v
		return true
	}
	return false
}

func (o *Verdict) takeVerdict(b []byte) bool {
	for a, err := range Attrs(b) {
		var ok bool
		switch {
		case err != nil:
		case a.Type == nftaVerdictCode:
			o.Code = VerdictCode(a.U32())
			ok = len(a.Data) == 4
		case a.Type == nftaVerdictChain:
			ok = setString(a, &o.Chain)
		}
		if !ok {
			return false
		}
	}
	return true
}
