package nft

import (
	"fmt"

	"rechain/nft/bytecode"
)

type (
	// assignNode sets a key: "meta mark set 0x1". JSON calls it "mangle".
	assignNode struct{ key, value node }

	// objectNode uses a named object, or one found in a map.
	objectNode struct {
		typ bytecode.ObjectType
		ref node
	}

	// updateNode changes a set from the packet path; with data, a map. A meter is the old form, with its own set.
	updateNode struct {
		op    string
		set   node
		name  string
		elem  node
		stmts []node
		data  node
		meter bool
		size  uint32
	}

	resetNode struct{ option node }

	queueNode struct {
		num   node
		flags uint16
	}

	// plainNode is a statement that needs no names; rejectNode one that needs the protocol.
	plainNode struct{ op bytecode.Op }

	rejectNode struct {
		op     *bytecode.Reject
		family string // "icmp", "icmpv6" or "icmpx"; "" when it is not known or a TCP reset
		code   node
		spell  bool // show the code that nft leaves out where the family is clear
	}

	// boundNode jumps to a chain that the rule holds itself. JSON has no word for it and names the chain.
	boundNode struct {
		*Verdict
		rules []*Rule
		view  *viewer
	}

	// xtNode is a compat expression. nft prints it but does not read it.
	xtNode struct{ kind, ext string }

	// opaqueNode is a run of operations without a statement.
	opaqueNode struct{ ops []bytecode.Op }

	ruleNode struct {
		stmts   []node
		comment string
		handle  uint64
		origin  Origin
	}
)

// rule names a rule. The result is valid until the next rule is named.
func (v *viewer) rule(rule *Rule) *ruleNode {
	v.rules.reset()
	v.nodes.reset()
	v.entries.reset()
	v.matches.reset()
	v.payloads.reset()
	v.prefixes.reset()
	r := v.ruleView()
	for _, s := range rule.Stmts {
		r.stmt(s)
		if !isExpressionStmt(s) {
			r.deps.reset()
		}
	}
	v.stmts = v.stmts[:0]
	for _, e := range r.out {
		if !e.dead {
			v.stmts = append(v.stmts, e.node)
		}
	}
	return v.nodes.put(ruleNode{comment: rule.Comment, handle: rule.Handle, origin: rule.Origin, stmts: v.stmts})
}

func (v *viewer) ruleView() *ruleView {
	r := v.rules.put(ruleView{viewer: v, ctx: newProtoContext(v.family)})
	r.out = r.few[:0]
	return r
}

// isExpressionStmt reports whether a statement only looks: what a later match implies may then be dropped across it.
func isExpressionStmt(s Stmt) bool {
	switch s.(type) {
	case *Match, *InSet, *VerdictMap:
		return true
	}
	return false
}

// stateful names a statement that keeps state for a set or an element.
func (v *viewer) stateful(s Stmt) node {
	r := v.ruleView()
	r.stmt(s)
	return r.out[0].node
}

// stmt names one statement and appends it.
func (r *ruleView) stmt(s Stmt) {
	push := r.add
	switch s := s.(type) {
	case *Match:
		r.match(s)
	case *InSet:
		push(r.inSet(s))
	case *VerdictMap:
		key, set, shift := r.key(s.Key, s.Name, s.Set)
		push(&mapNode{key: key.node, data: r.setRef(s.Name, set, shift, key.typ), verdicts: true})
	case *Verdict:
		push(r.verdict(s))
	case *Counter:
		push(s)
	case *ObjectRef:
		push(r.object(s))
	case *Assign:
		push(r.assign(s))
	case *NAT:
		push(r.nat(s))
	case *TProxy:
		push(r.tproxy(s))
	case *Queue:
		push(r.queue(s))
	case *Dup:
		push(r.dup(s))
	case *Fwd:
		push(r.fwd(s))
	case *UpdateSet:
		push(r.update(s))
	case *ResetOption:
		// The option is named by its number alone, as its presence.
		push(&resetNode{newExthdr(&Exthdr{Op: s.Op, Type: s.Type, Flags: exthdrPresent})})
	case *Plain:
		push(r.plain(s))
	case *Opaque:
		push(&opaqueNode{s.Ops})
	default:
		push(wordNode(fmt.Sprintf("unknown: %T", s)))
	}
}

func (r *ruleView) verdict(s *Verdict) node {
	if s.Chain == "" {
		return s
	}
	c := r.boundChain(s.Chain)
	if c == nil {
		return s
	}
	return &boundNode{s, c.Rules, newViewer(r.in, r.names)} // which names rules while this one is still in use
}

// inSet names a lookup.
func (r *ruleView) inSet(s *InSet) node {
	r.icmpFromSet(s)
	key, set, shift := r.key(s.Key, s.Name, s.Set)
	n := r.matches.put(matchNode{op: "==", left: key.node, right: r.setRef(s.Name, set, shift, key.typ), spellEq: isBinary(key.node)})
	if s.Not {
		n.op = "!="
	}
	return n
}

// icmpFromSet takes the first type of a set of ICMP types for the type that the rule is about, as nft does: it adds
// "icmp type { echo-reply, echo-request }" itself before "icmp id".
func (r *ruleView) icmpFromSet(s *InSet) {
	p, ok := s.Key.(*Payload)
	if !ok || s.Set == nil || len(s.Set.Elements) == 0 || r.ctx.icmpType != 0 {
		return
	}
	proto := r.ctx.layers[bytecode.TransportHeader]
	if proto != protoICMP && proto != protoICMPv6 || p.Base != bytecode.TransportHeader || p.Offset != 0 || p.Len != 1 {
		return
	}
	first := sortedElements(s.Set, valueType{typ: TypeICMPType, bits: 8})[0]
	if len(first.Key) == 1 && first.KeyEnd == nil {
		r.ctx.icmpType = first.Key[0]
	}
}

func (r *ruleView) object(s *ObjectRef) node {
	if s.Key == nil {
		return &objectNode{s.Type, quotedLiteral(s.Name)}
	}
	n := r.mapLookup(&MapLookup{Key: s.Key, Name: s.Map, Set: s.Set}).node
	typ := s.Type
	if set := r.lookup(s.Map, s.Set); set != nil {
		typ = set.Object
	}
	return &objectNode{typ, n}
}

func (r *ruleView) assign(s *Assign) node {
	switch k := s.Key.(type) {
	case *Payload:
		return r.assignPayload(s, k)
	case *Exthdr:
		n := newExthdr(k) // writing an option implies nothing to nft
		return &assignNode{n, r.assigned(s.Value, n.value())}
	case *CT:
		t := ctKeys[k.Key].value()
		if v, ok := s.Value.(*Value); ok && k.Key == bytecode.CtEventmask {
			return &assignNode{&ctNode{CT: k}, r.flagList(flagBits(t.number(v.Data)), v.Data, t)}
		}
		return &assignNode{&ctNode{CT: k}, r.assigned(s.Value, t)}
	case *Meta:
		return &assignNode{k, r.assigned(s.Value, metaKeys[k.Key].value())}
	}
	return &assignNode{r.expr(s.Key).node, r.expr(s.Value).node}
}

// assigned names a value that is put where a type is.
func (r *ruleView) assigned(e Expr, t valueType) node {
	v, ok := e.(*Value)
	if !ok {
		return r.expr(e).node
	}
	if t.typ.info().kind == stringKind {
		return stringMatch(v.Data)
	}
	n := r.constant(v.Data, t)
	if l, ok := n.(literal); ok && keywords[l.txt] {
		l.txt = numberText(t.number(v.Data).Uint64(), t.typ.info(), false)
		return l
	}
	return n
}

// keywords are names of values that start a field in nft's grammar, so that it cannot read them behind "set". It prints them there.
var keywords = map[string]bool{
	"tcp": true, "udp": true, "udplite": true, "esp": true, "ah": true, "icmp": true, "igmp": true, "dccp": true, "sctp": true,
	"redirect": true,
}

func (r *ruleView) queue(s *Queue) node {
	n := &queueNode{flags: s.Flags}
	num := func(v uint16) node { return literal{fmt.Sprint(v), uint64(v)} }
	switch {
	case s.Num != nil:
		n.num = r.expr(s.Num).node
	case s.Total > 1:
		n.num = &rangeNode{num(s.First), num(s.First + s.Total - 1)}
	default:
		n.num = num(s.First)
	}
	return n
}

var dynsetOps = map[bytecode.DynsetOp]string{
	bytecode.DynsetAdd: "add", bytecode.DynsetUpdate: "update", bytecode.DynsetDelete: "delete",
}

func (r *ruleView) update(s *UpdateSet) node {
	set := r.lookup(s.Name, s.Set)
	n := &updateNode{op: dynsetOps[s.Op], name: s.Name, set: &setRefNode{name: s.Name}}
	if s.Set != nil {
		n.name = s.Set.Name
	}
	n.elem = &elemNode{key: r.exprIn(s.Key, true).node, timeout: s.Timeout}
	if s.Set != nil {
		n.meter, n.size = true, set.Size
		n.set = &setRefNode{name: n.name, meter: true}
	}
	for _, st := range s.Stmts {
		n.stmts = append(n.stmts, r.stateful(st))
	}
	if s.Data != nil {
		var t valueType
		if set != nil {
			t = r.dataType(set)
		}
		n.data = r.assigned(s.Data, t)
	}
	return n
}
