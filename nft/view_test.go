package nft

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"rechain/nft/bytecode"
)

// The texts of the models are judged by nft in TestModelsInKernel.
func TestRuleText(t *testing.T) {
	table := modelTable()
	for _, m := range models {
		want := strings.Replace(m.text, `device "lo"`, "device 1", 1) // no host, no names
		if got := RuleText(table, &Rule{Stmts: m.stmts}); got != want {
			t.Errorf("want %s\n got %s", want, got)
		}
	}
}

// TestStmtText: a statement alone knows no more than its table's family. nft lists "meta l4proto 6" and the rest apart in the same way.
func TestStmtText(t *testing.T) {
	port := &Match{Left: &Payload{Base: bytecode.TransportHeader, Offset: 2, Len: 2}, Right: &Value{Data: []byte{0, 22}}}
	for want, s := range map[string]Stmt{
		"th dport 22":            port,
		"meta l4proto tcp":       &Match{Left: &Meta{Key: bytecode.MetaL4proto}, Right: &Value{Data: []byte{6}}},
		"counter":                &Counter{Packets: 5, Bytes: 6},
		"@th,32,8 0x5":           &Match{Left: &Payload{Base: bytecode.TransportHeader, Offset: 4, Len: 1}, Right: &Value{Data: []byte{5}}},
		"reject":                 &Plain{Op: &bytecode.Reject{Code: 3}},
		"opaque: [ xt match x ]": &Opaque{Ops: []bytecode.Op{wordOp("xt match x")}},
	} {
		if got := StmtText(&Table{Family: IPv4}, s); got != want {
			t.Errorf("want %s, got %s", want, got)
		}
	}
}

// wordOp is an operation that nobody knows.
func wordOp(words string) bytecode.Op { return &namedOp{words: words} }

type namedOp struct {
	bytecode.Notrack
	words string
}

func (o *namedOp) String() string { return o.words }

func TestTextOptions(t *testing.T) {
	rs := &Ruleset{Tables: []*Table{{Family: IPv6, Name: "t", Handle: 3, Chains: []*Chain{{Name: "c", Handle: 4, Rules: []*Rule{
		{Stmts: []Stmt{&Counter{Packets: 1, Bytes: 2}, &Match{Left: &Meta{Key: bytecode.MetaIif}, Right: &Value{Data: hostU32(7)}}},
			Comment: "why", Handle: 5, Origin: Origin{File: "rules.v6", Line: 12}},
		{Stmts: []Stmt{&Verdict{Code: bytecode.Drop}}, Handle: 6, Origin: Origin{Key: "mesh.port"}},
	}}}}}}
	names := Names{Ifname: func(i uint32) string { return map[uint32]string{7: "eth7"}[i] }}
	for _, c := range []struct {
		opt  TextOptions
		want string
	}{
		{TextOptions{}, "table ip6 t {\n\tchain c {\n\t\tcounter iif 7 comment \"why\"\n\t\tdrop\n\t}\n}\n"},
		{TextOptions{Counters: true, Handles: true, Names: names}, "table ip6 t { # handle 3\n\tchain c { # handle 4\n" +
			"\t\tcounter packets 1 bytes 2 iif \"eth7\" comment \"why\" # handle 5\n\t\tdrop # handle 6\n\t}\n}\n"},
		{TextOptions{Origin: true}, "table ip6 t {\n\tchain c {\n\t\tcounter iif 7 comment \"why\" # rules.v6:12\n" +
			"\t\tdrop # mesh.port\n\t}\n}\n"},
	} {
		var b bytes.Buffer
		if err := WriteText(&b, rs, c.opt); err != nil || b.String() != c.want {
			t.Errorf("%+v: %v\n%s", c.opt, err, b.String())
		}
	}
}

// TestNothingIsDropped: each statement of a rule shows, whatever it is.
func TestNothingIsDropped(t *testing.T) {
	rule := &Rule{Stmts: []Stmt{
		&Match{Left: &Meta{Key: 999}, Right: &Value{Data: []byte{1}}},
		&Match{Left: &CT{Key: 999}, Right: &Value{Data: []byte{1}}},
		&Match{Left: &Exthdr{Op: 4, Type: 5, Len: 1}, Right: &Value{Data: []byte{1}}},
		&Match{Left: &Exthdr{Op: 9, Type: 5, Len: 1}, Right: &Value{Data: []byte{1}}},
		&InSet{Key: &Meta{Key: bytecode.MetaMark}, Name: "nowhere"},
		&ObjectRef{Type: 99, Name: "x"},
		&Plain{Op: &bytecode.Last{}},
		&Opaque{Ops: []bytecode.Op{wordOp("strange")}},
		&Verdict{Code: 77},
	}}
	table := &Table{Family: IPv4, Name: "t", Chains: []*Chain{{Name: "c", Rules: []*Rule{rule}}}}
	text := RuleText(table, rule)
	for _, part := range []string{"meta key999 0x1", "ct key999 0x1", "dccp option 5", "@5,0,8", "@nowhere", "\"x\"", "last", "[ strange ]", "77"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
	var b bytes.Buffer
	if err := WriteJSON(&b, &Ruleset{Tables: []*Table{table}}, JSONOptions{}); err != nil || !json.Valid(b.Bytes()) {
		t.Errorf("%v: %s", err, b.String())
	}
}

// BenchmarkWriteText prints 10,000 rules.
func BenchmarkWriteText(b *testing.B) {
	c := &Chain{Name: "c"}
	for i := range 10000 {
		c.Rules = append(c.Rules, &Rule{Stmts: models[i%len(models)].stmts})
	}
	rs := &Ruleset{Tables: []*Table{{Family: IPv4, Name: "t", Chains: []*Chain{c}}}}
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteText(io.Discard, rs, TextOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestQuotes: nft has no way to put a quote into a string, so none may end one.
func TestQuotes(t *testing.T) {
	rule := &Rule{Comment: "a \"b\"\nc", Stmts: []Stmt{
		&Match{Left: &Meta{Key: bytecode.MetaIifname}, Right: &Value{Data: append([]byte(`x" accept`), make([]byte, 7)...)}},
		&Plain{Op: &bytecode.Log{Prefix: `"`}},
	}}
	want := `iifname "x"" accept" log prefix """" comment "a 'b' c"`
	if got := RuleText(&Table{Family: IPv4}, rule); got != want {
		t.Errorf("%s", got)
	}
}

func TestEncodeJSON(t *testing.T) {
	got := encodeJSON(jsonObject{{"a", jsonArray{nil, true, uint64(1 << 63), int64(-1)}}, {"b\"\\\n\x01é\xff", jsonObject{}}})
	if want := `{"a": [null, true, 9223372036854775808, -1], "b\"\\\n\u0001é` + "\uFFFD" + `": {}}`; got != want || !json.Valid([]byte(got)) {
		t.Errorf("%s\n%s", got, want)
	}
}
