package bytecode

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

// samples has every operation with every field in use, and the faces that differ in their attributes.
var samples = Program{
	&Meta{Key: MetaL4proto, Dst: 1},
	&Meta{Key: MetaMark, Src: 2, Set: true},
	&Payload{Base: TransportHeader, Offset: 2, Len: 2, Dst: 1},
	&PayloadSet{Base: NetworkHeader, Offset: 12, Len: 4, Src: 1, ChecksumType: 1, ChecksumOffset: 10, ChecksumFlags: 1},
	&Cmp{Op: CmpGte, Src: 1, Data: []byte{0, 80}},
	&Range{Neq: true, Src: 9, From: []byte{1}, To: []byte{9}},
	&Bitwise{Src: 1, Dst: 2, Len: 5, Mask: []byte{1, 2, 3, 4, 5}, Xor: []byte{5, 4, 3, 2, 1}},
	&Bitwise{Op: BitwiseLshift, Src: 1, Dst: 1, Len: 4, Data: []byte{8, 0, 0, 0}},
	&Bitwise{Op: BitwiseXor, Src: 1, Dst: 1, Len: 4, Src2: 2},
	&Byteorder{Src: 1, Dst: 3, ToNetwork: true, Len: 4, Size: 4},
	&Immediate{Dst: 1, Data: []byte{1, 2, 3}},
	&Verdict{Code: Accept},
	&Verdict{Code: Jump, Chain: "elsewhere"},
	&Lookup{Set: "s", SetID: 7, Src: 1, Invert: true},
	&Lookup{Set: "verdicts", Src: 1, HasDst: true},
	&Counter{Packets: 1, Bytes: 1 << 40},
	&Ct{Key: CtState, Dst: 1},
	&Ct{Key: CtZone, HasDir: true, Dir: 1, Src: 1, Set: true},
	&NAT{Type: DNAT, Family: IPv6, AddrMin: 1, AddrMax: 2, ProtoMin: 3, ProtoMax: 4, Flags: 3},
	&Redir{ProtoMin: 1, ProtoMax: 2, Flags: 2},
	&Masq{ProtoMin: 1, ProtoMax: 2, Flags: 4},
	&TProxy{Family: IPv4, Addr: 1, Port: 2},
	&Socket{Key: SocketCgroupV2, Level: 2, Dst: 1},
	&Limit{Rate: 10, Unit: 60, Burst: 9, Type: 1, Over: true},
	&Log{Prefix: "to userspace", Group: ptr[uint16](0), Snaplen: ptr[uint32](64), QueueThreshold: ptr[uint16](3)},
	&Log{Prefix: "to the kernel log", Level: ptr[uint32](7), Flags: ptr[uint32](0x1f)},
	&Reject{Type: 2, Code: 3},
	&Notrack{},
	&Queue{Num: 3, Total: 4, Flags: 3},
	&Queue{Src: 1, Flags: 1},
	&Quota{Bytes: 1000, Consumed: 10, Flags: 1},
	&Objref{Type: ObjectQuota, Obj: "q"},
	&Objref{Src: 1, Set: "objects", SetID: 9},
	&Dynset{Set: "d", SetID: 4, Op: DynsetUpdate, Key: 1, Data: 2, Timeout: 5000, Flags: 1, Exprs: []Op{&Counter{Packets: 1}}},
	&Dynset{Set: "d", Key: 1, Flags: 2, Exprs: []Op{&Counter{}, &Limit{Rate: 1, Unit: 1}}},
	&Connlimit{Count: 3, Flags: 1},
	&Fib{Flags: 0x29, Result: 1, Dst: 1},
	&Rt{Key: 3, Dst: 1},
	&Numgen{Dst: 1, Modulus: 4, Offset: 2, Type: 1},
	&Hash{Src: 1, Dst: 2, Len: 8, Modulus: 4, Offset: 1, Seed: 5, HasSeed: true},
	&Hash{Type: 1, Dst: 2, Modulus: 4},
	&Exthdr{Op: 1, Type: 2, Offset: 2, Len: 2, Dst: 1},
	&Exthdr{Op: 1, Type: 2, Offset: 2, Len: 2, Src: 1},
	&Exthdr{Type: 44, Len: 1, Flags: 1, Dst: 1},
	&Exthdr{Op: 1, Type: 4},
	&Dup{Addr: 1, Dev: 2},
	&Fwd{Dev: 1, Addr: 2, NFProto: 2},
	&Synproxy{MSS: 1460, Wscale: 7, Flags: 3},
	&Osf{Dst: 1, TTL: 2, Flags: 1},
	&Xfrm{Dst: 1, Key: 6, Dir: 1, Spnr: 2},
	&Last{Set: 1, Msecs: 1000},
	&FlowOffload{Table: "ft"},
	&Tunnel{Key: 1, Mode: 2, Dst: 1},
	&XtMatch{Ext: "owner", Revision: 1, Info: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
	&XtTarget{Ext: "LOG", Info: []byte{1}},
	&Unknown{Type: "inner", Data: []byte{8, 0, 1, 0, 0, 0, 0, 1}},
}

func TestRoundTrip(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range samples {
		seen[op.Name()] = true
		b := AppendExpr(nil, nftaListElem, op)
		for a := range Attrs(b) {
			back, err := DecodeExpr(a.Data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(op, back); diff != "" {
				t.Errorf("%s: %s", op, diff)
			}
		}
		if reflect.TypeOf(op).Kind() != reflect.Pointer {
			t.Errorf("%T is no pointer", op)
		}
	}
	for kind := range kinds {
		if !seen[kind] {
			t.Errorf("no sample of %s", kind)
		}
	}
	back, err := DecodeExpressions(AppendExpressions(nil, samples))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(samples, back); diff != "" {
		t.Error(diff)
	}
}

// TestUnknownKeepsBytes gives attributes that are not understood; nothing of them may be lost.
func TestUnknownKeepsBytes(t *testing.T) {
	for name, data := range map[string][]byte{
		"meta":      AppendU32(AppendU32(nil, nftaMetaKey, 3), 99, 1),          // an attribute of the future
		"cmp":       AppendU16(nil, nftaCmpSreg, 1),                            // of another length
		"counter":   AppendU32(nil, nftaCounterPad, 1),                         // padding with a payload
		"lookup":    AppendU32(nil, nftaLookupFlags, 2),                        // a flag of the future
		"immediate": AppendU32(AppendU32(nil, nftaImmediateDreg, 1), 2, 1),     // no nested data
		"nat":       AppendU32(nil, nftaNatFamily, 1<<20),                      // no family
		"log":       AppendBytes(nil, nftaLogPrefix, []byte("cut\x00off\x00")), // more behind the NUL
		"dynset":    AppendBytes(nil, nftaDynsetExpr, []byte{1, 2, 3}),         // a broken expression within
		"inner":     AppendU32(nil, 1, 1),                                      // no type
		"limit":     []byte{9},                                                 // broken attributes
		"quota":     append(AppendU64(nil, nftaQuotaBytes, 1), 1, 0, 0, 0),     // an attribute shorter than its header
		"range":     AppendData(nil, nftaRangeFromData, nil)[:6],               // cut off
		"bitwise":   AppendVerdict(nil, nftaBitwiseData, &Verdict{Code: Goto}), // a verdict for data
	} {
		op := Decode(name, data)
		u, ok := op.(*Unknown)
		if !ok {
			t.Errorf("%s: read as %s", name, op)
			continue
		}
		if u.Name() != name || !bytes.Equal(AppendAttrs(nil, u), data) {
			t.Errorf("%s: %x became %x", name, data, AppendAttrs(nil, u))
		}
		if !strings.HasPrefix(u.String(), name+" unknown 0x") {
			t.Errorf("%s: prints %s", name, u)
		}
	}
}

func TestBrokenStream(t *testing.T) {
	good := AppendExpressions(nil, Program{&Notrack{}})
	for _, b := range [][]byte{
		{1},
		{3, 0, 1, 0},
		{9, 0, 1, 0},
		good[:len(good)-1],
		AppendU32(nil, 2, 1),
		AppendU32(nil, nftaListElem, 0),
		AppendBytes(nil, nftaListElem, AppendString(nil, nftaExprName, "")),
	} {
		if p, err := DecodeExpressions(b); !errors.Is(err, ErrAttr) {
			t.Errorf("%x: %v, %v", b, p, err)
		}
	}
}

func TestEqual(t *testing.T) {
	same := [][2]Op{
		{&Counter{}, &Counter{Packets: 3, Bytes: 100}},
		{&Last{}, &Last{Set: 1, Msecs: 4}},
		{&Quota{Bytes: 5, Flags: 1}, &Quota{Bytes: 5, Consumed: 5, Flags: 3}},
		{&Lookup{Set: "s", Src: 1}, &Lookup{Set: "s", SetID: 1, Src: 8}},
		{&Objref{Set: "s", Src: 1}, &Objref{Set: "s", SetID: 1, Src: 1}},
		{&Dynset{Set: "s", Key: 1, Exprs: []Op{&Counter{}}}, &Dynset{Set: "s", SetID: 2, Key: 1, Flags: 2, Exprs: []Op{&Counter{Bytes: 1}}}},
		{&NAT{Family: IPv4, AddrMin: 1}, &NAT{Family: IPv4, AddrMin: 1, AddrMax: 1, Flags: 1}},
		{&Redir{ProtoMin: 2}, &Redir{ProtoMin: 12, ProtoMax: 2, Flags: 2}},
		{&Masq{ProtoMin: 2}, &Masq{ProtoMin: 2, ProtoMax: 2, Flags: 2}},
		{&Log{Prefix: "a"}, &Log{Prefix: "a", Level: ptr[uint32](4), Flags: ptr[uint32](0)}},
		{&Limit{Rate: 1, Unit: 1}, &Limit{Rate: 1, Unit: 1, Burst: 5}},
		{&Reject{Type: 1}, &Reject{Type: 1, Code: 7}},
		{&Queue{Num: 1}, &Queue{Num: 1, Total: 1}},
		{&Ct{Key: CtProtocol, Dst: 1}, &Ct{Key: CtProtocol, Dst: 1, HasDir: true, Dir: 1}},
	}
	for _, s := range same {
		if !Equal(Program{s[0]}, Program{s[1]}) {
			t.Errorf("not equal: %s, %s", s[0], s[1])
		}
	}
	different := [][2]Op{
		{&Lookup{Set: "s", Src: 1}, &Lookup{Set: "s", Src: 1, HasDst: true}},
		{&Counter{}, &Last{}},
		{&NAT{Family: IPv4, AddrMin: 1}, &NAT{Family: IPv4, AddrMin: 1, AddrMax: 2}},
		{&Log{Group: ptr[uint16](0)}, &Log{Group: ptr[uint16](0), Snaplen: ptr[uint32](0)}},
		{&Limit{Rate: 1, Unit: 1, Type: 1}, &Limit{Rate: 1, Unit: 1, Type: 1, Burst: 5}},
		{&Cmp{Src: 1, Data: []byte{0}}, &Cmp{Src: 1, Data: []byte{0, 0}}},
		{&Ct{Key: CtZone, Dst: 1}, &Ct{Key: CtZone, Dst: 1, HasDir: true}},
	}
	for _, d := range different {
		if Equal(Program{d[0]}, Program{d[1]}) {
			t.Errorf("equal: %s, %s", d[0], d[1])
		}
	}
	if Equal(Program{&Notrack{}}, nil) || !Equal(nil, Program{}) {
		t.Error("lengths")
	}
	if !Equal(samples, samples) {
		t.Error("samples")
	}
}

func FuzzDecodeExpressions(f *testing.F) {
	for _, op := range samples {
		f.Add(AppendExpressions(nil, Program{op}))
	}
	f.Add(AppendExpressions(nil, samples))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodeExpressions(b)
		if err != nil {
			return
		}
		b = AppendExpressions(nil, p)
		again, err := DecodeExpressions(b)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		if !Equal(p, again) {
			t.Fatalf("%s\nbecame\n%s", p, again)
		}
		if encoded := AppendExpressions(nil, again); !bytes.Equal(encoded, b) {
			t.Fatalf("%x\nbecame\n%x", b, encoded)
		}
	})
}

var redirectRule = Program{
	&Meta{Key: MetaL4proto, Dst: 1}, &Cmp{Src: 1, Data: []byte{6}},
	&Payload{Base: NetworkHeader, Offset: 16, Len: 4, Dst: 1}, &Cmp{Src: 1, Data: []byte{10, 0, 0, 1}},
	&Payload{Base: TransportHeader, Offset: 2, Len: 2, Dst: 1}, &Cmp{Src: 1, Data: []byte{0, 80}},
	&Counter{}, &Immediate{Dst: 1, Data: []byte{58, 153}}, &Redir{ProtoMin: 1, Flags: 2},
}

// TestEncodingAllocates says that encoding allocates nothing but the buffer.
func TestEncodingAllocates(t *testing.T) {
	b := make([]byte, 0, 1<<16)
	if n := testing.AllocsPerRun(100, func() { b = AppendExpressions(b[:0], samples) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendExpressions(b *testing.B) {
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendExpressions(buf[:0], redirectRule)
	}
}

func BenchmarkDecodeExpressions(b *testing.B) {
	buf := AppendExpressions(nil, redirectRule)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeExpressions(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEqual(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Equal(redirectRule, redirectRule)
	}
}
