package nft

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"rechain/nft/bytecode"
)

// fuzzTable has a set of every kind that matters for registers.
var fuzzTable = &bytecode.Table{Family: IPv4, Name: "t", Sets: []*bytecode.Set{
	{Name: "one", KeyType: 7, KeyLen: 4},
	{Name: "two", KeyType: 7<<6 | 13, KeyLen: 8},
	{Name: "__set0", KeyType: 13, KeyLen: 2, Flags: bytecode.SetAnonymous | bytecode.SetConstant},
	{Name: "map", KeyType: 7, KeyLen: 4, Flags: bytecode.SetMap, DataType: 19, DataLen: 4},
	{Name: "nat", KeyType: 7, KeyLen: 4, Flags: bytecode.SetMap, DataType: 7<<6 | 13, DataLen: 8},
	{Name: "__map0", KeyType: 8, KeyLen: 16, Flags: bytecode.SetMap | bytecode.SetAnonymous | bytecode.SetConstant, DataType: 7, DataLen: 4},
	{Name: "verdicts", KeyType: 7, KeyLen: 4, Flags: bytecode.SetMap, DataType: verdictType, DataLen: 16},
	{Name: "objects", KeyType: 7, KeyLen: 4, Flags: bytecode.SetObject, ObjectType: bytecode.ObjectCounter},
}}

// fuzzOps are the operations that programs are made of.
var fuzzOps = []bytecode.Op{
	&bytecode.Meta{Key: bytecode.MetaMark}, &bytecode.Meta{Key: bytecode.MetaIifname}, &bytecode.Meta{Key: bytecode.MetaPrandom},
	&bytecode.Meta{Key: bytecode.MetaMark, Set: true}, &bytecode.Meta{Key: 99},
	&bytecode.Ct{Key: bytecode.CtMark}, &bytecode.Ct{Key: bytecode.CtSrc, HasDir: true}, &bytecode.Ct{Key: bytecode.CtMark, Set: true},
	&bytecode.Payload{Base: bytecode.NetworkHeader, Offset: 12, Len: 4}, &bytecode.Payload{Base: bytecode.NetworkHeader, Offset: 8, Len: 16},
	&bytecode.Payload{Base: bytecode.TransportHeader, Offset: 2, Len: 2},
	&bytecode.PayloadSet{Base: bytecode.NetworkHeader, Offset: 12, Len: 4, ChecksumType: 1, ChecksumOffset: 10},
	&bytecode.Exthdr{Op: 1, Type: 2, Offset: 2, Len: 2},
	&bytecode.Cmp{Data: []byte{1, 2, 3, 4}}, &bytecode.Cmp{Op: bytecode.CmpGte, Data: []byte{1, 2}}, &bytecode.Cmp{Op: bytecode.CmpLte, Data: []byte{3, 4}},
	&bytecode.Cmp{Op: bytecode.CmpNeq, Data: make([]byte, 16)}, &bytecode.Cmp{},
	&bytecode.Range{From: []byte{0, 1}, To: []byte{0, 9}}, &bytecode.Range{Neq: true, From: []byte{0, 1, 1, 1}, To: []byte{0, 9, 1, 1}},
	&bytecode.Bitwise{Len: 4, Mask: []byte{1, 2, 3, 4}, Xor: []byte{4, 5, 6, 7}}, &bytecode.Bitwise{Len: 4, Mask: []byte{1, 2}, Xor: []byte{4, 5}},
	&bytecode.Bitwise{Op: bytecode.BitwiseLshift, Len: 4, Data: []byte{8, 0, 0, 0}}, &bytecode.Bitwise{Op: bytecode.BitwiseXor, Len: 8},
	&bytecode.Bitwise{Op: bytecode.BitwiseAnd, Len: 4, Data: []byte{8, 0, 0, 0}},
	&bytecode.Byteorder{ToNetwork: true, Len: 4, Size: 4}, &bytecode.Byteorder{Len: 16, Size: 8},
	&bytecode.Immediate{Data: []byte{1, 2, 3, 4}}, &bytecode.Immediate{Data: []byte{0, 80}}, &bytecode.Immediate{},
	&bytecode.Verdict{Code: bytecode.Accept}, &bytecode.Verdict{Code: bytecode.Jump, Chain: "x"}, &bytecode.Verdict{Code: bytecode.Continue},
	&bytecode.Lookup{}, &bytecode.Lookup{HasDst: true}, &bytecode.Lookup{Invert: true},
	&bytecode.Counter{Packets: 1}, &bytecode.NAT{Type: bytecode.DNAT, Family: IPv4, Flags: 3}, &bytecode.NAT{Family: IPv6}, &bytecode.Redir{Flags: 4},
	&bytecode.Masq{}, &bytecode.TProxy{Family: IPv4}, &bytecode.TProxy{}, &bytecode.Socket{}, &bytecode.Fib{Flags: 1, Result: 2}, &bytecode.Rt{Key: 3},
	&bytecode.Numgen{Modulus: 3}, &bytecode.Hash{Len: 8, Modulus: 3}, &bytecode.Hash{Type: 1, Modulus: 3}, &bytecode.Osf{}, &bytecode.Xfrm{Key: 4},
	&bytecode.Tunnel{}, &bytecode.Queue{Num: 1}, &bytecode.Dup{}, &bytecode.Fwd{NFProto: 2}, &bytecode.Objref{Obj: "c", Type: 1}, &bytecode.Objref{Set: "objects"},
	&bytecode.Dynset{Exprs: []bytecode.Op{&bytecode.Counter{}}}, &bytecode.Limit{Rate: 1}, &bytecode.Notrack{}, &bytecode.XtMatch{Ext: "x"},
	&bytecode.Log{Prefix: "x"}, &bytecode.Unknown{Type: "inner", Data: []byte{1}},
}

// fuzzRegs favour the first registers, so that values meet.
var fuzzRegs = []bytecode.Reg{1, 1, 1, 1, 2, 2, 9, 9, 10, 11, 3, 4, 8, 12, 23, 0, 5, 99}

// fuzzProgram makes a program out of bytes: an operation, and a byte for each of its registers and sets.
func fuzzProgram(data []byte) bytecode.Program {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	var p bytecode.Program
	for len(data) > 0 && len(p) < 40 {
		template := reflect.ValueOf(fuzzOps[next()%len(fuzzOps)]).Elem()
		op := reflect.New(template.Type())
		op.Elem().Set(template)
		for i := range op.Elem().NumField() {
			f := op.Elem().Field(i)
			switch {
			case f.Type() == reflect.TypeFor[bytecode.Reg]():
				f.SetUint(uint64(fuzzRegs[next()%len(fuzzRegs)]))
			case op.Elem().Type().Field(i).Name == "Set" && f.Kind() == reflect.String && op.Type() != reflect.TypeFor[*bytecode.Objref]():
				sets := fuzzTable.Sets
				f.SetString(sets[next()%len(sets)].Name)
			}
		}
		p = append(p, op.Interface().(bytecode.Op))
	}
	return p
}

func checkRaised(t *testing.T, r *raising, p bytecode.Program) []Stmt {
	t.Helper()
	before := p.String()
	stmts := r.program(p)
	back := r.lowered(stmts)
	if p.String() != before {
		t.Fatalf("raising changes\n%s\ninto\n%s", before, p)
	}
	if refused(r.scope, p) {
		return stmts
	}
	for seed := neverBreaks; seed != 12; seed++ {
		want, got := outcome(r.scope, p, seed), outcome(r.scope, back, seed)
		if refused(r.scope, back) || !slices.Equal(got, want) {
			t.Fatalf("%s\nbecomes\n%s\nwhich does %v\nnot %v", p, back, got, want)
		}
	}
	again := r.program(back)
	if last := r.lowered(again); !bytecode.Equal(back, last) {
		t.Fatalf("%s\nis raised and lowered to\n%s", back, last)
	}
	return stmts
}

func FuzzRaise(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		b := make([]byte, r.IntN(30))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		random := newRaising(fuzzTable)
		checkRaised(t, random, fuzzProgram(data))
		if p, err := bytecode.DecodeExpressions(data); err == nil {
			checkRaised(t, random, p)
		}
	})
}

// TestRaiseRandom runs programs that kernels would take: random operations, and the models with operations moved, left out or
// in other registers.
func TestRaiseRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	models := LowerTable(modelTable())
	var programs []bytecode.Program
	for _, c := range models.Chains {
		for _, r := range c.Rules {
			programs = append(programs, r.Program)
		}
	}
	random, mutated := newRaising(fuzzTable), newRaising(models)
	kinds := map[string]int{}
	for range 4000 {
		stmts := checkRaised(t, random, randomProgram(rnd, random.scope))
		for range 3 {
			stmts = append(stmts, checkRaised(t, mutated, mutatedProgram(rnd, mutated.scope, programs))...)
		}
		for _, s := range stmts {
			kinds[reflect.TypeOf(s).Elem().Name()]++
		}
	}
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%6d %s", kinds[k], k)
	}
}

// randomProgram appends operations as long as they are valid, and prefers ones that use what is there.
func randomProgram(r *rand.Rand, s *scope) bytecode.Program {
	var p bytecode.Program
	unused := 0
	for n := 1 + r.IntN(12); len(p) < n || unused > 0 && len(p) < 30; {
		b := make([]byte, 6)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		op := fuzzProgram(b)[0]
		in, out, _ := s.operands(op)
		reads := slices.ContainsFunc(in, func(a regAccess) bool { return a.reg != nil })
		if unused > 0 && !reads && r.IntN(20) > 0 || unused == 0 && out.reg == nil && r.IntN(10) > 0 {
			continue
		}
		if refused(s, append(slices.Clone(p), op)) {
			continue
		}
		p = append(p, op)
		f := s.flowOf(p)
		unused = 0
		for i := range p {
			if f.out[i] > 0 && f.last[i] == i {
				unused++
			}
		}
	}
	return p
}

// mutatedProgram puts some programs one behind the other and changes the result a little.
func mutatedProgram(r *rand.Rand, s *scope, programs []bytecode.Program) bytecode.Program {
	var p bytecode.Program
	for range 1 + r.IntN(3) {
		for _, op := range programs[r.IntN(len(programs))] {
			c := reflect.New(reflect.TypeOf(op).Elem())
			c.Elem().Set(reflect.ValueOf(op).Elem())
			p = append(p, c.Interface().(bytecode.Op))
		}
	}
	for range r.IntN(6) {
		if len(p) < 2 {
			break
		}
		q := slices.Clone(p)
		switch i := r.IntN(len(q) - 1); r.IntN(4) {
		case 0:
			q = slices.Delete(q, i, i+1)
		case 1, 2:
			q[i], q[i+1] = q[i+1], q[i]
		case 3: // from here on, another 16-byte register stands for the first
			to := bytecode.Reg(2 + r.IntN(3))
			for _, op := range q[i:] {
				in, out, _ := s.operands(op)
				for _, a := range append(in, out) {
					if a.reg != nil && *a.reg == 1 {
						*a.reg = to
					}
				}
			}
		}
		p = q
	}
	return p
}

// TestOperands: every register of every operation is known to [scope.operands], if only when it is the only one that is given.
func TestOperands(t *testing.T) {
	s := newRaising(fuzzTable).scope
	seen := map[string]bool{}
	for _, template := range fuzzOps {
		typ := reflect.TypeOf(template).Elem()
		var fields []int
		for i := range typ.NumField() {
			if typ.Field(i).Type == reflect.TypeFor[bytecode.Reg]() {
				fields = append(fields, i)
				seen[typ.Name()+"."+typ.Field(i).Name] = seen[typ.Name()+"."+typ.Field(i).Name]
			}
		}
		try := func(given []int) {
			v := reflect.New(typ)
			v.Elem().Set(reflect.ValueOf(template).Elem())
			for _, i := range given {
				v.Elem().Field(i).SetUint(uint64(9 + i))
			}
			in, out, _ := s.operands(v.Interface().(bytecode.Op))
			for _, a := range append(in, out) {
				if a.reg != nil && *a.reg != 0 {
					seen[typ.Name()+"."+typ.Field(int(*a.reg)-9).Name] = true
				}
			}
		}
		try(fields)
		for _, i := range fields {
			try([]int{i})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if !seen[name] {
			t.Errorf("%s is among the operands of no operation", name)
		}
	}
}

// FuzzRaiseIntervals: an interval set holds the same values, with the same data, after it was raised and lowered. Keys are one
// byte long, so that all can be tried.
func FuzzRaiseIntervals(f *testing.F) {
	f.Add([]byte{0, 1, 5, 0, 9, 1, 10, 0, 255, 0}, false)
	f.Add([]byte{3, 0, 4, 0, 5, 1, 255, 1}, true)
	f.Add([]byte{0, 0}, true)
	f.Fuzz(func(t *testing.T, data []byte, anonymous bool) {
		b := &bytecode.Set{Name: "s", KeyType: uint32(TypeInetProto), KeyLen: 1, DataType: uint32(TypeMark), DataLen: 4,
			Flags: bytecode.SetInterval | bytecode.SetMap}
		seen := map[[2]byte]bool{}
		for i := 0; i+1 < len(data); i += 2 {
			at := [2]byte{data[i], data[i+1] & 1}
			if seen[at] {
				continue
			}
			seen[at] = true
			e := bytecode.Element{Key: at[:1], Flags: uint32(at[1])}
			if e.Flags == 0 {
				e.Data = []byte{byte(i), 0, 0, 0}
			}
			b.Elements = append(b.Elements, e)
		}
		if anonymous {
			b.Flags |= bytecode.SetAnonymous | bytecode.SetConstant
		}
		l := &lowering{scope: &scope{}, id: new(uint32)}
		back := l.set(raiseSet(b), "s", b.Flags)
		want, got := lookups(b.Elements), lookups(back.Elements)
		for v := range want {
			if !slices.Equal(want[v], got[v]) {
				t.Fatalf("%d: %v, want %v\n%+v\n%+v", v, got[v], want[v], b.Elements, back.Elements)
			}
		}
	})
}

// lookups is what nft_set_rbtree finds for each value: the last element at or before it says, where an end stands before a start.
func lookups(es []bytecode.Element) (all [256][]byte) {
	var at [256][2]*bytecode.Element
	for i, e := range es {
		at[e.Key[0]][e.Flags] = &es[i]
	}
	var found []byte
	for v := range all {
		for _, flags := range []uint32{bytecode.ElemIntervalEnd, 0} {
			if e := at[v][flags]; e != nil {
				found = e.Data
			}
		}
		all[v] = found
	}
	return all
}

func BenchmarkRaise(b *testing.B) {
	t := modelTable()
	for range 1000 {
		t.Chains = append(t.Chains, modelTable().Chains...)
	}
	low := LowerTable(t)
	rules := 0
	for _, c := range low.Chains {
		rules += len(c.Rules)
	}
	b.Run("lower", func(b *testing.B) {
		for b.Loop() {
			LowerTable(t)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rules), "ns/rule")
	})
	b.Run("raise", func(b *testing.B) {
		for b.Loop() {
			RaiseTable(low)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rules), "ns/rule")
	})
}
