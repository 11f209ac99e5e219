package nft

import (
	"encoding/binary"
	"strconv"

	"rechain/nft/bytecode"
)

// objectDecl is a named object and what it holds; exactly one of the values below is set, or the object has none that is known.
type objectDecl struct {
	*Object
	table   *Table
	comment string
	helper  *bytecode.CtHelper
	timeout *ctTimeout
	expect  *ctExpect
	context string // of a secmark
}

// ctTimeout overrides timeouts, in seconds, by conntrack state.
type ctTimeout struct {
	l3     Family
	l4     uint8
	policy []timeoutState
}

type timeoutState struct {
	name    string
	seconds uint32
}

// ctExpect expects a connection. Timeout is in milliseconds.
type ctExpect struct {
	l3      Family
	l4      uint8
	dport   uint16
	timeout uint32
	size    uint8
}

var objectNames = map[bytecode.ObjectType]string{
	bytecode.ObjectCounter: "counter", bytecode.ObjectQuota: "quota", bytecode.ObjectCtHelper: "ct helper",
	bytecode.ObjectLimit: "limit", bytecode.ObjectConnlimit: "ct count", bytecode.ObjectTunnel: "tunnel",
	bytecode.ObjectCtTimeout: "ct timeout", bytecode.ObjectSecmark: "secmark", bytecode.ObjectCtExpect: "ct expectation",
	bytecode.ObjectSynproxy: "synproxy",
}

func newObjectDecl(t *Table, o *Object) *objectDecl {
	n := &objectDecl{Object: o, table: t, comment: bytecode.Comment(o.UserData), helper: o.CtHelper}
	switch o.Type {
	case bytecode.ObjectCtTimeout:
		n.timeout = readTimeout(o.Raw)
	case bytecode.ObjectCtExpect:
		n.expect = readExpect(o.Raw)
	case bytecode.ObjectSecmark:
		data, _ := bytecode.FindAttr(o.Raw, 1) // NFTA_SECMARK_CTX
		n.context = cString(data)
	}
	return n
}

func cString(b []byte) string { return bytecode.Attr{Data: b}.String() }

// timeoutDefaults are the states of a protocol and the kernel's timeouts in seconds, in the order of the attributes that carry them
// (enum ctattr_timeout_tcp, enum ctattr_timeout_udp; nf_conntrack_proto_tcp.c, nf_conntrack_proto_udp.c). A timeout that is the
// default is not shown.
var timeoutDefaults = map[uint8][]timeoutState{
	6: {{"syn_sent", 120}, {"syn_recv", 60}, {"established", 432000}, {"fin_wait", 120}, {"close_wait", 60}, {"last_ack", 30},
		{"time_wait", 120}, {"close", 10}, {"syn_sent2", 120}, {"retrans", 300}, {"unack", 300}},
	17: {{"unreplied", 30}, {"replied", 120}},
}

// readTimeout reads NFTA_CT_TIMEOUT_*.
func readTimeout(raw []byte) *ctTimeout {
	t := &ctTimeout{}
	var data []byte
	for a, err := range bytecode.Attrs(raw) {
		switch {
		case err != nil:
			return nil
		case a.Type == 1:
			t.l3 = Family(a.U16())
		case a.Type == 2:
			t.l4 = a.U8()
		case a.Type == 3:
			data = a.Data
		}
	}
	defaults := timeoutDefaults[t.l4]
	for a, err := range bytecode.Attrs(data) {
		if i := int(a.Type) - 1; err == nil && i >= 0 && i < len(defaults) && a.U32() != defaults[i].seconds {
			t.policy = append(t.policy, timeoutState{defaults[i].name, a.U32()})
		}
	}
	return t
}

// readExpect reads NFTA_CT_EXPECT_*; the timeout is in host order (nft_ct_expect_obj_init).
func readExpect(raw []byte) *ctExpect {
	e := &ctExpect{}
	for a, err := range bytecode.Attrs(raw) {
		switch {
		case err != nil:
			return nil
		case a.Type == 1:
			e.l3 = Family(a.U16())
		case a.Type == 2:
			e.l4 = a.U8()
		case a.Type == 3:
			e.dport = a.U16()
		case a.Type == 4 && len(a.Data) == 4:
			e.timeout = binary.NativeEndian.Uint32(a.Data)
		case a.Type == 5:
			e.size = a.U8()
		}
	}
	return e
}

// protoText is the name of an IP protocol, or its number.
func protoText(l4 uint8) string {
	if name, ok := TypeInetProto.info().symbol(uint64(l4)); ok {
		return name
	}
	return strconv.Itoa(int(l4))
}
