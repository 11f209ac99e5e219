package bytecode

import "fmt"

// enum nft_expr_attributes and nft_list_attributes.
const (
	nftaExprName = 1
	nftaExprData = 2
	nftaListElem = 1
)

// kinds says which type stands for an expression of the kernel; data is its NFTA_EXPR_DATA.
var kinds = map[string]func(data []byte) Op{
	"bitwise":      of[Bitwise],
	"byteorder":    of[Byteorder],
	"cmp":          of[Cmp],
	"connlimit":    of[Connlimit],
	"counter":      of[Counter],
	"ct":           of[Ct],
	"dup":          of[Dup],
	"dynset":       of[Dynset],
	"exthdr":       of[Exthdr],
	"fib":          of[Fib],
	"flow_offload": of[FlowOffload],
	"fwd":          of[Fwd],
	"hash":         of[Hash],
	"immediate":    immediateOrVerdict,
	"last":         of[Last],
	"limit":        of[Limit],
	"log":          of[Log],
	"lookup":       of[Lookup],
	"masq":         of[Masq],
	"match":        of[XtMatch],
	"meta":         of[Meta],
	"nat":          of[NAT],
	"notrack":      of[Notrack],
	"numgen":       of[Numgen],
	"objref":       of[Objref],
	"osf":          of[Osf],
	"payload":      loadOrSet,
	"queue":        of[Queue],
	"quota":        of[Quota],
	"range":        of[Range],
	"redir":        of[Redir],
	"reject":       of[Reject],
	"rt":           of[Rt],
	"socket":       of[Socket],
	"synproxy":     of[Synproxy],
	"target":       of[XtTarget],
	"tproxy":       of[TProxy],
	"tunnel":       of[Tunnel],
	"xfrm":         of[Xfrm],
}

func of[T any, P interface {
	*T
	Op
}]([]byte) Op {
	return P(new(T))
}

// AppendExpressions appends the payload of NFTA_RULE_EXPRESSIONS (as of NFTA_SET_EXPRESSIONS and its like): a list of
// expressions.
func AppendExpressions(b []byte, p Program) []byte {
	for _, op := range p {
		b = AppendExpr(b, nftaListElem, op)
	}
	return b
}

// AppendExpr appends one expression as the nested attribute attr (NFTA_LIST_ELEM, NFTA_SET_EXPR, NFTA_SET_ELEM_EXPR, …).
func AppendExpr(b []byte, attr uint16, op Op) []byte {
	b, elem := Nest(b, attr)
	b = AppendString(b, nftaExprName, op.Name())
	b, data := Nest(b, nftaExprData)
	return EndNest(EndNest(op.appendAttrs(b), data), elem)
}

// AppendAttrs appends an operation's own attributes, the payload of NFTA_EXPR_DATA. A named object of the same kind has them in
// its NFTA_OBJ_DATA.
func AppendAttrs(b []byte, op Op) []byte { return op.appendAttrs(b) }

// DecodeExpressions reads what [AppendExpressions] writes. It fails only when the stream of attributes is broken: an expression
// that it does not understand becomes an [Unknown]. The result shares no memory with b.
func DecodeExpressions(b []byte) (Program, error) {
	n := 0
	for _, err := range Attrs(b) {
		if err != nil {
			return nil, err
		}
		n++
	}
	p := make(Program, 0, n)
	for a := range Attrs(b) {
		if a.Type != nftaListElem {
			return nil, fmt.Errorf("%w: type %d in a list of expressions", ErrAttr, a.Type)
		}
		op, err := DecodeExpr(a.Data)
		if err != nil {
			return nil, err
		}
		p = append(p, op)
	}
	return p, nil
}

// DecodeExpr reads one expression: b holds NFTA_EXPR_NAME and NFTA_EXPR_DATA. The result shares no memory with b.
func DecodeExpr(b []byte) (Op, error) {
	var kind string
	var data []byte
	for a, err := range Attrs(b) {
		switch {
		case err != nil:
			return nil, err
		case a.Type == nftaExprName:
			kind = a.String()
		case a.Type == nftaExprData:
			data = a.Data
		}
	}
	if kind == "" {
		return nil, fmt.Errorf("%w: an expression without a name", ErrAttr)
	}
	return Decode(kind, data), nil
}

// Decode reads the attributes of the expression of that name, as [AppendAttrs] writes them, or returns an [Unknown] with a copy
// of them.
func Decode(name string, data []byte) Op {
	if kind := kinds[name]; kind != nil {
		op := kind(data)
		if takeAll(op, data) {
			return op
		}
	}
	return &Unknown{Type: name, Data: append([]byte(nil), data...)}
}

func takeAll(op Op, data []byte) bool {
	for a, err := range Attrs(data) {
		if err != nil || !op.take(a) {
			return false
		}
	}
	return true
}

// Unknown is an expression that this package has no type for, or whose attributes it could not read. Data is NFTA_EXPR_DATA's
// payload as it came.
type Unknown struct {
	Type string
	Data []byte
}

func (o *Unknown) Name() string { return o.Type }

// String prints the attributes in hexadecimal; nft itself cannot show such a rule.
func (o *Unknown) String() string { return fmt.Sprintf("%s unknown 0x%x", o.Type, o.Data) }

func (o *Unknown) appendAttrs(b []byte) []byte { return append(b, o.Data...) }
func (o *Unknown) take(Attr) bool              { return false }
