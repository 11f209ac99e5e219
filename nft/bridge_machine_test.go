package nft

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"slices"

	"rechain/nft/bytecode"
)

// refused reports whether a program reads what nothing has written, or names registers that do not exist: kernels refuse it.
func refused(s *scope, p bytecode.Program) bool {
	var written [quarters]bool
	for _, op := range p {
		in, out, understood := s.operands(op)
		for _, a := range in {
			if q, n, ok := place(a); a.reg != nil && (!ok || a.size == 0 || slices.Contains(written[q:q+n], false)) {
				return true
			}
		}
		if !understood {
			out = regAccess{new(bytecode.Reg), quarters * quarterBytes}
			*out.reg = 1
		}
		q, n, ok := place(out)
		if out.reg != nil && !ok {
			return true
		}
		for k := range n {
			written[q+k] = true
		}
	}
	return false
}

// place is where in the register file an access is, in quarters.
func place(a regAccess) (q, n int, ok bool) {
	if a.reg == nil {
		return 0, 0, false
	}
	q, ok = quarterOf(*a.reg)
	n = quartersOf(known(a.size))
	if !ok || q+n > quarters {
		return 0, 0, false
	}
	return q, n, true
}

// neverBreaks is the seed under which everything passes.
const neverBreaks = ^uint64(0)

// outcome runs a program on a machine that knows nothing of what operations mean. What a load leaves, whether it finds a datum and
// whether a comparison passes depend on the operation, on what it reads, and on how many effects there were before; an operation
// that counts gives something else each time. The outcome lists the effects with the values they got, and how the program ended.
func outcome(s *scope, p bytecode.Program, seed uint64) (effects []string) {
	var file [quarters * quarterBytes]byte
	counts := map[string]int{}
	for _, op := range p {
		what := describe(op)
		in, out, understood := s.operands(op)
		var read []byte
		for k, a := range in {
			if q, n, ok := place(a); ok {
				read = append(append(read, byte(k)), file[q*quarterBytes:(q+n)*quarterBytes]...)
			}
		}
		if !understood {
			read = file[:]
			out = regAccess{new(bytecode.Reg), quarters * quarterBytes}
			*out.reg = 1
		}
		epoch, count := len(effects), 0
		if m, ok := op.(*bytecode.Meta); op.Name() == "numgen" || ok && m.Key == bytecode.MetaPrandom {
			count = counts[what]
			counts[what]++
		}
		if op.Name() == "immediate" {
			epoch = 0
		}
		roll := hash(seed, what, read, epoch, count)
		q, n, _ := place(out)
		r := rand.New(rand.NewPCG(roll, 1))
		for k := range n * quarterBytes {
			file[q*quarterBytes+k] = byte(r.Uint32())
		}
		switch o := op.(type) {
		case *bytecode.Cmp, *bytecode.Range:
		case *bytecode.Verdict:
			if o.Code != bytecode.Continue {
				return append(effects, what)
			}
		case *bytecode.Immediate:
			continue
		case *bytecode.Lookup:
			effects = append(effects, fmt.Sprintf("%s %x", what, read))
			if o.HasDst && o.Dst == 0 && roll%3 == 0 {
				return append(effects, "verdict of map")
			}
		default:
			if n == 0 || !understood {
				effects = append(effects, fmt.Sprintf("%s %x", what, read))
			}
		}
		if roll%8 == 0 && seed != neverBreaks {
			return append(effects, "break")
		}
	}
	return append(effects, "end")
}

// describe is an operation without its registers, but for whether they are there.
func describe(op bytecode.Op) string {
	v := reflect.New(reflect.TypeOf(op).Elem())
	v.Elem().Set(reflect.ValueOf(op).Elem())
	for i := range v.Elem().NumField() {
		if f := v.Elem().Field(i); f.Type() == reflect.TypeFor[bytecode.Reg]() && f.Uint() != 0 {
			f.SetUint(1)
		}
	}
	return fmt.Sprintf("%T%x", op, bytecode.AppendIdentity(nil, bytecode.Program{v.Interface().(bytecode.Op)}))
}

func hash(seed uint64, what string, read []byte, epoch, count int) uint64 {
	h := fnv.New64a()
	binary.Write(h, binary.LittleEndian, []uint64{seed, uint64(epoch), uint64(count)})
	h.Write([]byte(what))
	h.Write(read)
	x := h.Sum64()
	x ^= x >> 29
	return x * 0x9e3779b97f4a7c15 >> 7
}
