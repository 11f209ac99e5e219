package nft

import (
	"slices"

	"rechain/nft/bytecode"
)

// use is one quarter that an operation reads: the operation that wrote it, and which quarter of what that wrote it is.
type use struct{ def, part int }

// unset is the def of a quarter that no operation before has written.
const unset = -1

// flow is where the values that a program's operations read come from.
type flow struct {
	in      [][][]use // by operation and by access, as scope.operands orders them; nil for one that is absent
	out     []int     // by operation, how many quarters it writes
	last    []int     // by operation, the last one that reads what it wrote, or itself
	unknown bool      // there is an operation whose registers are not known
	invalid []bool    // by operation, whether it names registers that do not exist
}

// flowOf follows the registers through a program. An access whose size is not known reads the value that is there and the unused
// ones right behind it. An operation whose registers are not known is taken to read all values that nothing has read before, and
// to write all registers.
func (s *scope) flowOf(p bytecode.Program) *flow {
	f := &flow{in: make([][][]use, len(p)), out: make([]int, len(p)), last: make([]int, len(p)), invalid: make([]bool, len(p))}
	var file [quarters]use
	for q := range file {
		file[q].def = unset
	}
	for i, op := range p {
		f.last[i] = i
		in, out, known := s.operands(op)
		if !known {
			f.unknown = true
			f.readFresh(i, &file)
			for q := range file {
				file[q] = use{i, q}
			}
			continue
		}
		f.in[i] = make([][]use, len(in))
		for k, a := range in {
			if a.reg != nil {
				f.in[i][k] = f.read(i, a, &file)
			}
		}
		for _, uses := range f.in[i] {
			for _, u := range uses {
				if u.def != unset {
					f.last[u.def] = i
				}
			}
		}
		if out.reg != nil {
			f.write(i, out, &file)
		}
	}
	return f
}

func (f *flow) read(i int, a regAccess, file *[quarters]use) []use {
	q, ok := quarterOf(*a.reg)
	if !ok {
		f.invalid[i] = true
		return nil
	}
	n := quartersOf(a.size)
	if n == 0 {
		for n = 1; q+n < quarters && f.continues(file[q+n-1], file[q+n]); n++ {
		}
	}
	if n > quarters-q {
		f.invalid[i] = true
		return nil
	}
	return append([]use(nil), file[q:q+n]...)
}

// continues reports whether a read of unknown size that took in a goes on with b.
func (f *flow) continues(a, b use) bool {
	if b.def == unset {
		return false
	}
	return b.def == a.def && b.part == a.part+1 || b.part == 0 && f.last[b.def] == b.def
}

func (f *flow) readFresh(i int, file *[quarters]use) {
	for _, u := range file {
		if u.def != unset && (f.last[u.def] == u.def || f.last[u.def] == i) {
			f.last[u.def] = i
		}
	}
}

func (f *flow) write(i int, a regAccess, file *[quarters]use) {
	q, ok := quarterOf(*a.reg)
	n := quartersOf(known(a.size))
	if !ok || n > quarters-q && a.size != 0 {
		f.invalid[i] = true
		return
	}
	n = min(n, quarters-q)
	f.out[i] = n
	for k := range n {
		file[q+k] = use{i, k}
	}
}

// spans cuts a program into the shortest runs of operations that have no register in common: what one run writes no other reads.
// It yields the end of each run.
func (f *flow) spans() []int {
	var ends []int
	end := 0
	for i := range f.last {
		end = max(end, f.last[i])
		if i == end {
			end++
			ends = append(ends, end)
		}
	}
	return ends
}

// sameFlow reports whether b is a with other registers. It writes the registers of a into b.
func (s *scope) sameFlow(a, b bytecode.Program) bool {
	if bytecode.Equal(a, b) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	fa, fb := s.flowOf(a), s.flowOf(b)
	for i := range a {
		same := func(x, y int) bool { return x == y }
		if fa.out[i] != fb.out[i] || !sameUses(fa.in[i], fb.in[i], same) || !s.sameOp(a[i], b[i]) {
			return false
		}
	}
	return true
}

// sameEffects reports whether the operations with an effect are the same in both programs and get the same values, however these
// came into registers. It writes registers of a into b.
func (s *scope) sameEffects(a, b bytecode.Program) bool {
	fa, fb := s.flowOf(a), s.flowOf(b)
	done := map[[2]int]bool{} // a value is read by the quarter, and by many
	var same func(i, j int) bool
	same = func(i, j int) bool {
		if i == unset || j == unset {
			return i == j
		}
		result, ok := done[[2]int{i, j}]
		if !ok {
			result = sameUses(fa.in[i], fb.in[j], same) && s.sameOp(a[i], b[j])
			done[[2]int{i, j}] = result
		}
		return result
	}
	ea, eb := fa.effects(), fb.effects()
	if len(ea) != len(eb) {
		return false
	}
	for k := range ea {
		if !same(ea[k], eb[k]) {
			return false
		}
	}
	return true
}

// effects are the operations that write no register.
func (f *flow) effects() []int {
	var all []int
	for i, n := range f.out {
		if n == 0 {
			all = append(all, i)
		}
	}
	return all
}

// sameOp reports whether two operations are the same but for registers. It writes the registers of a into b.
func (s *scope) sameOp(a, b bytecode.Op) bool {
	inA, outA, _ := s.operands(a)
	inB, outB, _ := s.operands(b)
	if len(inA) != len(inB) {
		return false
	}
	for k := range inB {
		renumber(inA[k], inB[k])
	}
	renumber(outA, outB)
	return bytecode.Equal(bytecode.Program{a}, bytecode.Program{b})
}

func renumber(a, b regAccess) {
	if a.reg != nil && b.reg != nil {
		*b.reg = *a.reg
	}
}

// sameUses compares what two operations read: the same parts, of operations that same compares.
func sameUses(a, b [][]use, same func(i, j int) bool) bool {
	return slices.EqualFunc(a, b, func(a, b []use) bool {
		return (a == nil) == (b == nil) && slices.EqualFunc(a, b, func(a, b use) bool {
			return a.part == b.part && same(a.def, b.def)
		})
	})
}
