package nft

import (
	"bytes"
	"encoding/json"
	"math/big"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rechain/nft/bytecode"
)

// constant reads register bytes of a type.
func (r *jsonReader) constant(n *jsonNode, t valueType) []byte {
	if t.parts != nil {
		key, parts, ok := n.single()
		if !ok || key != "concat" {
			n.fail("is %s, not a concatenation", n.kind())
		}
		return r.concatConstant(parts, t)
	}
	if key, args, ok := n.single(); ok && key == "|" {
		var out []byte
		for _, a := range args.list() {
			out = orBytes(out, r.constant(a, t))
		}
		return out
	}
	if l, ok := n.value.([]any); ok && len(l) > 0 { // flags
		var out []byte
		for _, a := range n.list() {
			out = orBytes(out, r.constant(a, t))
		}
		return out
	}
	return r.scalar(n, t)
}

func orBytes(a, b []byte) []byte {
	for i := range a {
		b[i] |= a[i]
	}
	return b
}

func (r *jsonReader) concatConstant(n *jsonNode, t valueType) (out []byte) {
	parts := n.list()
	if len(parts) != len(t.parts) {
		n.fail("has %d parts, not %d", len(parts), len(t.parts))
	}
	for i, p := range parts {
		out = appendPadded(out, r.constant(p, t.parts[i]))
	}
	return out
}

// appendPadded appends a part of a concatenation.
func appendPadded(out, part []byte) []byte {
	out = append(out, part...)
	return append(out, make([]byte, int(pad(uint32(len(part))))-len(part))...)
}

// scalar reads one constant.
func (r *jsonReader) scalar(n *jsonNode, t valueType) []byte {
	switch t.typ {
	case TypeIPAddr, TypeIP6Addr:
		a, err := netip.ParseAddr(n.str())
		if err != nil || a.Is4() != (t.typ == TypeIPAddr) || a.Zone() != "" {
			n.fail("%q is not an address of %s", n.str(), t.typ.info().name)
		}
		return a.AsSlice()
	case TypeEtherAddr, TypeLLAddr:
		a, err := net.ParseMAC(n.str())
		if err != nil || t.bits != 0 && len(a) != int(t.bits/8) {
			n.fail("%q is not a hardware address", n.str())
		}
		return a
	}
	if t.typ.info().kind == stringKind {
		s := n.str()
		if len(s) > int(t.bits/8) {
			n.fail("%q is longer than %d bytes", s, t.bits/8)
		}
		return append([]byte(s), make([]byte, int(t.bits/8)-len(s))...)
	}
	num := r.number(n, t)
	size := int(t.bits+7) / 8
	if num.BitLen() > int(t.bits) {
		n.fail("%s has more than %d bits", num, t.bits)
	}
	data := num.FillBytes(make([]byte, size))
	return t.bigEndian(data) // which is its own inverse
}

// number reads a number of a datatype: a number, or a word for one.
func (r *jsonReader) number(n *jsonNode, t valueType) *big.Int {
	switch v := n.value.(type) {
	case json.Number:
		num, ok := new(big.Int).SetString(v.String(), 10)
		if !ok || num.Sign() < 0 {
			n.fail("%s is not a number that a register holds", v)
		}
		switch t.typ {
		case TypeTime:
			num.Mul(num, big.NewInt(1000))
		case TypeCtLabel:
			if !num.IsUint64() || num.Uint64() >= uint64(t.bits) {
				n.fail("%s is not the number of a label", v)
			}
			num = new(big.Int).Lsh(big.NewInt(1), uint(num.Uint64()))
		}
		return num
	case bool:
		if t.typ == TypeBoolean && v {
			return big.NewInt(1)
		}
		return new(big.Int)
	case string:
		return r.wordNumber(n, v, t)
	}
	n.fail("is %s, not a constant of %s", n.kind(), t.typ.info().name)
	return nil
}

func (r *jsonReader) wordNumber(n *jsonNode, word string, t valueType) *big.Int {
	switch t.typ {
	case TypeIfindex:
		return new(big.Int).SetUint64(uint64(r.ifindex(n, word)))
	case TypeClassid:
		return new(big.Int).SetUint64(uint64(readClassid(n, word)))
	case TypeTime:
		return new(big.Int).SetUint64(readDuration(n, word))
	case TypeTimeDate:
		at, err := time.ParseInLocation("2006-01-02 15:04:05", word, time.UTC)
		if err != nil {
			n.fail("%q is not a time", word)
		}
		return big.NewInt(at.UnixNano())
	case TypeTimeHour:
		return big.NewInt(int64(readHour(n, word)))
	case TypeCgroupV2:
		if num, err := strconv.ParseUint(word, 10, 64); err == nil {
			return new(big.Int).SetUint64(num)
		}
		if r.Cgroup != nil {
			if id := r.Cgroup(word); id != 0 {
				return new(big.Int).SetUint64(id)
			}
		}
		n.fail("control group %q is not known here", word)
	}
	return new(big.Int).Set(symbolNumber(n, word, t))
}

// readSymbol is a constant of at most 64 bits, by name or number.
func readSymbol(n *jsonNode, t valueType) uint64 {
	if s, ok := n.value.(string); ok {
		return symbolNumber(n, s, t).Uint64()
	}
	return n.num(int(t.bits))
}

func symbolNumber(n *jsonNode, word string, t valueType) *big.Int {
	for _, s := range t.typ.info().symbols {
		if s.name == word {
			return new(big.Int).SetUint64(s.value)
		}
	}
	if v, ok := new(big.Int).SetString(word, 0); ok && v.Sign() >= 0 {
		return v
	}
	n.fail("%q is no value of %s", word, t.typ.info().name)
	return nil
}

// loopbackIndex is LOOPBACK_IFINDEX: the same in every network namespace.
const loopbackIndex = 1

func (r *jsonReader) ifindex(n *jsonNode, name string) uint32 {
	if v, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(v)
	}
	if r.Ifindex != nil {
		if i := r.Ifindex(name); i != 0 {
			return i
		}
	}
	if name != "lo" {
		n.fail("the index of interface %q is not known here", name)
	}
	return loopbackIndex
}

func readClassid(n *jsonNode, word string) uint32 {
	switch word {
	case "none":
		return 0
	case "root":
		return ^uint32(0)
	}
	major, minor, ok := strings.Cut(word, ":")
	a, err1 := strconv.ParseUint(major, 16, 16)
	b, err2 := strconv.ParseUint(minor, 16, 16)
	if !ok || err1 != nil || err2 != nil {
		n.fail("%q is not a class", word)
	}
	return uint32(a<<16 | b)
}

var hourText = regexp.MustCompile(`^(\d\d):(\d\d)(?::(\d\d))?$`)

// readHour is seconds since midnight.
func readHour(n *jsonNode, word string) (seconds int) {
	m := hourText.FindStringSubmatch(word)
	if m == nil {
		n.fail("%q is not a time of day", word)
	}
	for _, part := range m[1:] {
		v, _ := strconv.Atoi("0" + part)
		seconds = seconds*60 + v
	}
	return seconds
}

var durationPart = regexp.MustCompile(`^(\d+)(ms|d|h|m|s)`)

// readDuration undoes [durationText].
func readDuration(n *jsonNode, word string) (ms uint64) {
	units := map[string]uint64{"d": 86400000, "h": 3600000, "m": 60000, "s": 1000, "ms": 1}
	for rest := word; rest != ""; {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			n.fail("%q is not a time", word)
		}
		v, err := strconv.ParseUint(m[1], 10, 32)
		if err != nil {
			n.fail("%q is too long a time", word)
		}
		ms += v * units[m[2]]
		rest = rest[len(m[0]):]
	}
	return ms
}

// interval reads a constant or a closed interval of them: a range, a prefix, or the beginning of a string. last is nil for one value.
func (r *jsonReader) interval(n *jsonNode, t valueType) (first, last []byte) {
	if t.typ.info().kind == stringKind && t.parts == nil {
		if s := n.str(); strings.HasSuffix(s, "*") && !strings.HasSuffix(s, `\*`) {
			first = r.scalar(n.child("", s[:len(s)-1]), t)
			last = bytes.Clone(first)
			for i := len(s) - 1; i < len(last); i++ {
				last[i] = 0xff
			}
			return first, last
		}
	}
	key, v, ok := n.single()
	switch {
	case ok && key == "range":
		from, to := v.pair()
		return r.constant(from, t), r.constant(to, t)
	case ok && key == "prefix":
		o := v.members()
		first = r.constant(o.need("addr"), t)
		last = maskAfter(first, o.need("len"), t)
		o.done()
		return first, last
	}
	return r.constant(n, t), nil
}

// maskAfter is the last value of a prefix.
func maskAfter(first []byte, bits *jsonNode, t valueType) []byte {
	mask := prefixMask(bits, t)
	last := make([]byte, len(first))
	for i := range last {
		last[i] = first[i]&mask[i] | ^mask[i]
	}
	return last
}

// prefixMask is the mask of a prefix in the order of a type.
func prefixMask(bits *jsonNode, t valueType) []byte {
	n := bits.num(8)
	if n > uint64(t.bits) {
		bits.fail("%d is more than the %d bits of the value", n, t.bits)
	}
	m := new(big.Int).Lsh(mask(uint32(n)), uint(uint64(t.bits)-n))
	return t.bigEndian(m.FillBytes(make([]byte, bytesOf(t.bits))))
}

// verdict reads a verdict; ok says whether it is one.
func readVerdict(n *jsonNode) (*Verdict, bool) {
	key, arg, ok := n.single()
	if !ok {
		return nil, false
	}
	for _, code := range []bytecode.VerdictCode{bytecode.Accept, bytecode.Drop, bytecode.Continue, bytecode.Break, bytecode.Jump, bytecode.Goto, bytecode.Return} {
		if verdictWord(code) != key {
			continue
		}
		v := &Verdict{Code: code}
		o := arg.members()
		if code == bytecode.Jump || code == bytecode.Goto {
			v.Chain = o.need("target").str()
		}
		o.done()
		return v, true
	}
	return nil, false
}
