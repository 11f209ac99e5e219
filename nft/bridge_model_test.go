package nft

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rechain/nft/bytecode"
)

func b32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
func b16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

func val(b ...byte) *Value        { return &Value{Data: b} }
func mark(v uint32) *Value        { return &Value{Data: hostU32(v)} }
func addr(a, b, c, d byte) []byte { return []byte{a, b, c, d} }

var warning uint32 = 4 // LOGLEVEL_WARNING, which the kernel fills in

const constant = bytecode.SetAnonymous | bytecode.SetConstant

var (
	ipSaddr  = &Payload{Base: bytecode.NetworkHeader, Offset: 12, Len: 4}
	ipDaddr  = &Payload{Base: bytecode.NetworkHeader, Offset: 16, Len: 4}
	dport    = &Payload{Base: bytecode.TransportHeader, Offset: 2, Len: 2}
	metaMark = &Meta{Key: bytecode.MetaMark}
	isTCP    = &Match{Left: &Meta{Key: bytecode.MetaL4proto}, Right: val(6)}
	accept   = &Verdict{Code: bytecode.Accept}
)

func portSet(elements ...Element) *Set {
	s := &Set{Type: []Datatype{TypeInetService}, Flags: constant, Elements: elements}
	for _, e := range elements {
		if e.KeyEnd != nil {
			s.Flags |= bytecode.SetInterval
		}
	}
	return s
}

func anonymousMap(key, data []Datatype, elements ...Element) *Set {
	return &Set{Type: key, Data: data, Flags: constant | bytecode.SetMap, Elements: elements}
}

// models are rules as a translation builds them, in table ip t, with what nft lists for them. The table has a chain "other", and
// in chains of type nat where the rule needs one.
var models = []struct {
	chain string
	text  string
	stmts []Stmt
}{
	{"filter", "meta mark 0x00000005 accept", []Stmt{&Match{Left: metaMark, Right: mark(5)}, accept}},
	{"filter", "meta mark & 0x0000000f != 0x00000001", []Stmt{&Match{Op: bytecode.CmpNeq,
		Left: &MaskXor{Of: metaMark, Mask: hostU32(0xf), Xor: hostU32(0)}, Right: mark(1)}}},
	{"filter", "meta mark set meta mark & 0xffffff12 | 0x00000012", []Stmt{&Assign{Key: metaMark,
		Value: &MaskXor{Of: metaMark, Mask: hostU32(0xffffff00), Xor: hostU32(0x12)}}}},
	{"filter", "ct mark set meta mark", []Stmt{&Assign{Key: &CT{Key: bytecode.CtMark}, Value: metaMark}}},
	{"filter", "meta mark set ct mark << 8", []Stmt{&Assign{Key: metaMark,
		Value: &Shift{Of: &CT{Key: bytecode.CtMark}, Bits: 8, Len: 4}}}},
	{"filter", "meta length 100-200", []Stmt{&Match{
		Left:  &Byteorder{Of: &Meta{Key: bytecode.MetaLen}, ToNetwork: true, Len: 4, Size: 4},
		Right: &Range{From: b32(100), To: b32(200)}}}},
	{"filter", "meta skuid 1000-2000", []Stmt{&Match{
		Left:  &Byteorder{Of: &Meta{Key: bytecode.MetaSkuid}, ToNetwork: true, Len: 4, Size: 4},
		Right: &Range{From: b32(1000), To: b32(2000), Pair: true}}}},
	{"filter", "tcp dport != 80-90", []Stmt{isTCP, &Match{Op: bytecode.CmpNeq, Left: dport, Right: &Range{From: b16(80), To: b16(90)}}}},
	{"filter", "tcp dport >= 80", []Stmt{isTCP, &Match{Op: bytecode.CmpGte, Left: dport, Right: &Value{Data: b16(80)}}}},
	{"filter", "tcp dport { 22, 80 }", []Stmt{isTCP, &InSet{Key: dport, Set: portSet(Element{Key: b16(22)}, Element{Key: b16(80)})}}},
	{"filter", "tcp dport != { 22, 80-90, 60000-65535 }", []Stmt{isTCP, &InSet{Key: dport, Not: true,
		Set: portSet(Element{Key: b16(22)}, Element{Key: b16(80), KeyEnd: b16(90)}, Element{Key: b16(60000), KeyEnd: b16(65535)})}}},
	{"filter", "tcp dport { 0-79, 81-65535 }", []Stmt{isTCP, &InSet{Key: dport,
		Set: portSet(Element{Key: b16(0), KeyEnd: b16(79)}, Element{Key: b16(81), KeyEnd: b16(65535)})}}},
	{"filter", "meta mark { 0x00000001, 0x00000010-0x00000020 }", []Stmt{&InSet{
		Key: &Byteorder{Of: metaMark, ToNetwork: true, Len: 4, Size: 4},
		Set: &Set{Type: []Datatype{TypeMark}, Flags: constant | bytecode.SetInterval,
			Elements: []Element{{Key: b32(1)}, {Key: b32(0x10), KeyEnd: b32(0x20)}}}}}},
	{"filter", "meta mark { 0x00000001, 0x00000200 }", []Stmt{&InSet{Key: metaMark,
		Set: &Set{Type: []Datatype{TypeMark}, Flags: constant, Elements: []Element{{Key: hostU32(1)}, {Key: hostU32(0x200)}}}}}},
	{"filter", "ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 443 }", []Stmt{isTCP, &InSet{Key: &Concat{Parts: []Expr{ipSaddr, dport}},
		Set: &Set{Type: []Datatype{TypeIPAddr, TypeInetService}, Flags: constant, Elements: []Element{
			{Key: []byte{10, 0, 0, 1, 0, 80, 0, 0}}, {Key: []byte{10, 0, 0, 2, 1, 187, 0, 0}}}}}}},
	{"filter", "ip saddr . tcp dport { 10.0.0.0/24 . 80-90, 10.0.1.1 . 443 }", []Stmt{isTCP, &InSet{Key: &Concat{Parts: []Expr{ipSaddr, dport}},
		Set: &Set{Type: []Datatype{TypeIPAddr, TypeInetService}, Flags: constant | bytecode.SetInterval | bytecode.SetConcat,
			Elements: []Element{
				{Key: []byte{10, 0, 0, 0, 0, 80, 0, 0}, KeyEnd: []byte{10, 0, 0, 255, 0, 90, 0, 0}},
				{Key: []byte{10, 0, 1, 1, 1, 187, 0, 0}}}}}}},
	{"filter", "tcp dport vmap { 22 : accept, 23 : jump other }", []Stmt{isTCP, &VerdictMap{Key: dport,
		Set: anonymousMap([]Datatype{TypeInetService}, []Datatype{TypeVerdict},
			Element{Key: b16(22), Verdict: accept}, Element{Key: b16(23), Verdict: &Verdict{Code: bytecode.Jump, Chain: "other"}})}}},
	{"filter", "ip saddr vmap { 10.0.0.0/8 : accept, 11.0.0.0/8 : drop }", []Stmt{&VerdictMap{Key: ipSaddr,
		Set: &Set{Type: []Datatype{TypeIPAddr}, Data: []Datatype{TypeVerdict}, Flags: constant | bytecode.SetMap | bytecode.SetInterval,
			Elements: []Element{
				{Key: addr(10, 0, 0, 0), KeyEnd: addr(10, 255, 255, 255), Verdict: accept},
				{Key: addr(11, 0, 0, 0), KeyEnd: addr(11, 255, 255, 255), Verdict: &Verdict{Code: bytecode.Drop}}}}}}},
	{"filter", "meta mark set ip saddr map { 10.0.0.1 : 0x00000005 }", []Stmt{&Assign{Key: metaMark, Value: &MapLookup{Key: ipSaddr,
		Set: anonymousMap([]Datatype{TypeIPAddr}, []Datatype{TypeMark}, Element{Key: addr(10, 0, 0, 1), Data: hostU32(5)})}}}},
	{"filter", "meta mark set jhash ip saddr . ip daddr mod 4 offset 1", []Stmt{&Assign{Key: metaMark,
		Value: &Hash{Of: &Concat{Parts: []Expr{ipSaddr, ipDaddr}}, Len: 8, Modulus: 4, Offset: 1}}}},
	{"filter", "meta mark set numgen inc mod 4", []Stmt{&Assign{Key: metaMark, Value: &Numgen{Modulus: 4}}}},
	{"filter", "tcp option maxseg size set rt mtu", []Stmt{&Assign{Key: &Exthdr{Op: 1, Type: 2, Offset: 2, Len: 2},
		Value: &Byteorder{Of: &Rt{Key: 3}, ToNetwork: true, Len: 2, Size: 2}}}},
	{"filter", "ip daddr set 10.0.0.9", []Stmt{&Assign{Key: ipDaddr, Value: val(10, 0, 0, 9),
		ChecksumType: 1, ChecksumOffset: 10, ChecksumFlags: 1}}},
	{"filter", "counter name \"c\"", []Stmt{&ObjectRef{Type: bytecode.ObjectCounter, Name: "c"}}},
	{"filter", "counter name tcp dport map { 80 : \"c\" }", []Stmt{isTCP, &ObjectRef{Type: bytecode.ObjectCounter, Key: dport,
		Set: &Set{Type: []Datatype{TypeInetService}, Object: bytecode.ObjectCounter, Flags: constant | bytecode.SetObject,
			Elements: []Element{{Key: b16(80), Object: "c"}}}}}},
	{"filter", "update @dyn { ip saddr limit rate over 10/second } drop", []Stmt{&UpdateSet{Op: bytecode.DynsetUpdate, Name: "dyn", Key: ipSaddr,
		Stmts: []Stmt{&Plain{Op: &bytecode.Limit{Rate: 10, Unit: 1, Burst: 5, Over: true}}}}, &Verdict{Code: bytecode.Drop}}},
	{"filter", "add @dynmap { ip saddr : meta mark }", []Stmt{&UpdateSet{Name: "dynmap", Key: ipSaddr, Data: metaMark}}},
	{"filter", "ip saddr @nets log prefix \"x\"", []Stmt{&InSet{Key: ipSaddr, Name: "nets"}, &Plain{Op: &bytecode.Log{Prefix: "x", Level: &warning}}}},
	{"filter", "fib daddr type local return", []Stmt{&Match{Left: &Fib{Flags: 2, Result: 3}, Right: mark(2)}, &Verdict{Code: bytecode.Return}}},
	{"filter", "iifname \"eth*\" oifname \"lo\"", []Stmt{
		&Match{Left: &Meta{Key: bytecode.MetaIifname}, Right: &Value{Data: []byte("eth")}},
		&Match{Left: &Meta{Key: bytecode.MetaOifname}, Right: &Value{Data: append([]byte("lo"), make([]byte, 14)...)}}}},
	{"filter", "ct state vmap { invalid : drop, established : accept }", []Stmt{&VerdictMap{Key: &CT{Key: bytecode.CtState},
		Set: anonymousMap([]Datatype{TypeCtState}, []Datatype{TypeVerdict},
			Element{Key: hostU32(1), Verdict: &Verdict{Code: bytecode.Drop}}, Element{Key: hostU32(2), Verdict: accept})}}},
	{"filter", "iifname . meta mark { \"lo\" . 0x00000005 }", []Stmt{&InSet{
		Key: &Concat{Parts: []Expr{&Meta{Key: bytecode.MetaIifname}, metaMark}},
		Set: &Set{Type: []Datatype{TypeIfname, TypeMark}, Flags: constant,
			Elements: []Element{{Key: append(append([]byte("lo"), make([]byte, 14)...), hostU32(5)...)}}}}}},
	{"filter", "meta length { 100, 200 }", []Stmt{&InSet{Key: &Meta{Key: bytecode.MetaLen},
		Set: &Set{Type: []Datatype{TypeInteger}, KeyLen: []uint32{4}, Flags: constant, Extra: []byte{0, 4, 1, 0, 0, 0},
			Elements: []Element{{Key: hostU32(100)}, {Key: hostU32(200)}}}}}},
	{"prerouting", "dnat to 10.0.0.1", []Stmt{&NAT{Kind: DNAT, Family: IPv4, Addr: val(10, 0, 0, 1)}}},
	{"prerouting", "meta l4proto tcp dnat to 10.0.0.1-10.0.0.9:80-90 random", []Stmt{isTCP, &NAT{Kind: DNAT, Family: IPv4,
		Addr: val(10, 0, 0, 1), AddrMax: val(10, 0, 0, 9), Port: &Value{Data: b16(80)}, PortMax: &Value{Data: b16(90)}, Flags: 4}}},
	{"prerouting", "meta l4proto tcp redirect to :15001", []Stmt{isTCP, &NAT{Kind: Redirect, Port: &Value{Data: b16(15001)}}}},
	{"prerouting", "dnat to ip saddr map { 10.0.0.1 : 10.0.0.2 }", []Stmt{&NAT{Kind: DNAT, Family: IPv4, Addr: &MapLookup{Key: ipSaddr,
		Set: anonymousMap([]Datatype{TypeIPAddr}, []Datatype{TypeIPAddr}, Element{Key: addr(10, 0, 0, 1), Data: addr(10, 0, 0, 2)})}}}},
	{"prerouting", "meta l4proto tcp dnat ip to ip saddr map { 10.0.0.1 : 10.0.0.2 . 80 }", []Stmt{isTCP, &NAT{Kind: DNAT, Family: IPv4,
		Addr: &MapLookup{Key: ipSaddr, Set: anonymousMap([]Datatype{TypeIPAddr}, []Datatype{TypeIPAddr, TypeInetService},
			Element{Key: addr(10, 0, 0, 1), Data: []byte{10, 0, 0, 2, 0, 80, 0, 0}})}}}},
	{"prerouting", "dnat ip to ip saddr map { 10.0.0.1 : 10.0.0.2-10.0.0.9 }", []Stmt{&NAT{Kind: DNAT, Family: IPv4,
		Addr: &MapLookup{Key: ipSaddr, Set: &Set{Type: []Datatype{TypeIPAddr}, Data: []Datatype{TypeIPAddr}, DataInterval: true,
			Flags: constant | bytecode.SetMap, Elements: []Element{{Key: addr(10, 0, 0, 1), Data: []byte{10, 0, 0, 2, 10, 0, 0, 9}}}}}}}},
	{"mangle", "meta l4proto tcp tproxy to 127.0.0.1:15001", []Stmt{isTCP, &TProxy{Family: IPv4, Addr: val(127, 0, 0, 1), Port: &Value{Data: b16(15001)}}}},
	{"mangle", "socket transparent 1 meta mark set 0x00000539", []Stmt{&Match{Left: &Socket{}, Right: val(1)}, &Assign{Key: metaMark, Value: mark(1337)}}},
	{"filter", "dup to 10.0.0.9 device \"lo\"", []Stmt{&Dup{Addr: val(10, 0, 0, 9), Dev: mark(1)}}},
}

// modelTable puts the models into a table, each in its chain.
func modelTable() *Table {
	t := &Table{Family: IPv4, Name: "t", Comment: "a table",
		Objects: []*Object{{Type: bytecode.ObjectCounter, Name: "c", Value: &bytecode.Counter{}}},
		Sets: []*Set{
			{Name: "dyn", Type: []Datatype{TypeIPAddr}, Flags: bytecode.SetEval, Size: 100, Comment: "a set"},
			{Name: "dynmap", Type: []Datatype{TypeIPAddr}, Data: []Datatype{TypeMark}, Flags: bytecode.SetEval | bytecode.SetMap, Size: 100},
			{Name: "nets", Type: []Datatype{TypeIPAddr}, Flags: bytecode.SetInterval, AutoMerge: true, Elements: []Element{
				{Key: addr(10, 0, 0, 0), KeyEnd: addr(10, 255, 255, 255), Comment: "ten"}, {Key: addr(192, 168, 0, 1)}}},
		},
	}
	chains := map[string]*Base{
		"other": nil, "filter": {Type: "filter", Hook: bytecode.Forward, Policy: bytecode.Accept},
		"prerouting": {Type: "nat", Hook: bytecode.Prerouting, Priority: -100, Policy: bytecode.Accept},
		"mangle":     {Type: "filter", Hook: bytecode.Prerouting, Priority: -150, Policy: bytecode.Accept},
	}
	for _, name := range []string{"other", "filter", "prerouting", "mangle"} {
		c := &Chain{Name: name, Base: chains[name], Comment: "chain " + name}
		for _, m := range models {
			if m.chain == name {
				c.Rules = append(c.Rules, &Rule{Stmts: m.stmts, Comment: m.text})
			}
		}
		t.Chains = append(t.Chains, c)
	}
	return t
}

// unordered is for elements, whose order means nothing.
var unordered = cmpopts.SortSlices(func(a, b Element) bool { return bytes.Compare(a.Key, b.Key) < 0 })

// nameless is what two models of the same thing may differ in: where they are kept.
var nameless = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && (f.Name() == "Handle" || f.Name() == "Name" && p.Index(-2).Type() == reflect.TypeFor[Set]())
}, cmp.Ignore())

func TestRaiseLower(t *testing.T) {
	want := modelTable()
	got := Raise(Lower(&Ruleset{Tables: []*Table{want}}))
	if d := cmp.Diff(&Ruleset{Tables: []*Table{want}}, got, nameless, unordered); d != "" {
		t.Error(d)
	}
}

// TestModelsInKernel loads the models, and wants nft to list them as it should, and the kernel to return them.
func TestModelsInKernel(t *testing.T) {
	c := emptyKernel(t)
	want := modelTable()
	commit(t, c, Lower(&Ruleset{Tables: []*Table{want}}))
	got := Raise(readAll(t, c))
	for _, table := range got.Tables {
		for _, chain := range table.Chains {
			if chain.Base != nil {
				chain.Base.Counters = nil
			}
		}
	}
	counted := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Objects" }, cmp.Ignore())
	if d := cmp.Diff(&Ruleset{Tables: []*Table{want}}, got, nameless, unordered, counted); d != "" {
		t.Error(d)
	}
	listed := mustTool(t, "", "nft", "-s", "list", "ruleset")
	for _, m := range models {
		if line := "\t\t" + m.text + " comment \"" + m.text + "\"\n"; !strings.Contains(listed, line) {
			t.Errorf("nft does not list %q", m.text)
		}
	}
	if t.Failed() {
		t.Log(listed)
	}
}

// TestRaiseForeign: programs that this package would make in another way, or not at all.
func TestRaiseForeign(t *testing.T) {
	loadPort := &bytecode.Payload{Base: bytecode.TransportHeader, Offset: 2, Len: 2, Dst: 1}
	loadMark := &bytecode.Meta{Key: bytecode.MetaMark, Dst: 9}
	port := &bytecode.Cmp{Src: 1, Data: b16(80)}
	not := &bytecode.Cmp{Op: bytecode.CmpNeq, Src: 1, Data: b16(443)}
	isMark := &bytecode.Cmp{Src: 9, Data: hostU32(1)}
	count := &bytecode.Counter{}
	inner := &bytecode.Unknown{Type: "inner", Data: []byte{1, 2, 3, 4}}
	numgen := &bytecode.Numgen{Dst: 1, Modulus: 10}
	matchPort := &Match{Left: dport, Right: &Value{Data: b16(80)}}
	matchMark := &Match{Left: metaMark, Right: mark(1)}
	for name, c := range map[string]struct {
		p    bytecode.Program
		want []Stmt
	}{
		"other registers":             {bytecode.Program{loadMark, isMark}, []Stmt{matchMark}},
		"loads before comparisons":    {bytecode.Program{loadPort, loadMark, port, isMark}, []Stmt{matchPort, matchMark}},
		"a value compared twice":      {bytecode.Program{loadPort, port, not}, []Stmt{matchPort, &Match{Op: bytecode.CmpNeq, Left: dport, Right: &Value{Data: b16(443)}}}},
		"an effect between":           {bytecode.Program{loadPort, count, port}, []Stmt{&Opaque{Ops: []bytecode.Op{loadPort, count, port}}}},
		"a number that is used twice": {bytecode.Program{numgen, port, not}, []Stmt{&Opaque{Ops: []bytecode.Op{numgen, port, not}}}},
		"a value that is not used":    {bytecode.Program{loadPort, loadMark, isMark}, []Stmt{&Opaque{Ops: []bytecode.Op{loadPort}}, matchMark}},
		"an unknown operation":        {bytecode.Program{loadPort, port, inner, not, count}, []Stmt{matchPort, &Opaque{Ops: []bytecode.Op{inner, not}}, &Counter{}}},
		"an unknown one may read":     {bytecode.Program{loadPort, inner, not, count}, []Stmt{&Opaque{Ops: []bytecode.Op{loadPort, inner, not}}, &Counter{}}},
		"two registers": {bytecode.Program{
			&bytecode.Meta{Key: bytecode.MetaMark, Dst: 1}, &bytecode.Ct{Key: bytecode.CtMark, Dst: 2},
			&bytecode.Bitwise{Op: bytecode.BitwiseOr, Src: 1, Src2: 2, Dst: 1, Len: 4}, &bytecode.Meta{Key: bytecode.MetaMark, Src: 1, Set: true}},
			[]Stmt{&Assign{Key: metaMark, Value: &Binary{Op: bytecode.BitwiseOr, A: metaMark, B: &CT{Key: bytecode.CtMark}, Len: 4}}}},
		"half of a value": {bytecode.Program{&bytecode.Payload{Base: bytecode.NetworkHeader, Len: 8, Dst: 1}, &bytecode.Cmp{Src: 9, Data: b32(1)}},
			[]Stmt{&Opaque{Ops: []bytecode.Op{&bytecode.Payload{Base: bytecode.NetworkHeader, Len: 8, Dst: 1}, &bytecode.Cmp{Src: 9, Data: b32(1)}}}}},
	} {
		got := RaiseRule(nil, &bytecode.Rule{Program: c.p})
		if d := cmp.Diff(c.want, got.Stmts); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestSame(t *testing.T) {
	rule := func(comment string, s ...Stmt) *Rule { return &Rule{Stmts: s, Comment: comment} }
	in := func(name string, es ...Element) Stmt {
		s := portSet(es...)
		s.Name = name
		return &InSet{Key: dport, Set: s}
	}
	a := rule("c", isTCP, in("", Element{Key: b16(1)}, Element{Key: b16(2)}), &Counter{})
	for _, c := range []struct {
		what string
		b    *Rule
		same bool
	}{
		{"counted, read, in another order", rule("c", isTCP, in("__set7", Element{Key: b16(2)}, Element{Key: b16(1)}), &Counter{Packets: 5}), true},
		{"other comment", rule("d", a.Stmts...), false},
		{"other element", rule("c", isTCP, in("", Element{Key: b16(1)}, Element{Key: b16(3)}), &Counter{}), false},
		{"other statement", rule("c", isTCP, a.Stmts[1]), false},
	} {
		if Same(a, c.b) != c.same {
			t.Errorf("%s: not %v", c.what, c.same)
		}
	}
}
