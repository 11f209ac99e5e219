package nft

import (
	"errors"
	"strings"

	"rechain/nft/bytecode"
)

// jsonSet is a declaration of which elements are read when all rules were: only these tell how long plain numbers are.
type jsonSet struct {
	*Set
	node  *jsonNode
	elems []*jsonNode
	item  *jsonItem
}

func (r *jsonReader) set(o *jsonMembers, isMap bool) {
	t := r.in(o)
	s := &Set{Name: o.need("name").str(), Handle: o.number("handle", 64), Comment: o.text("comment"), Origin: r.origin(),
		Size: uint32(o.number("size", 32)), Timeout: 1000 * o.number("timeout", 50), GC: uint32(1000 * o.number("gc-interval", 22)), AutoMerge: o.flag("auto-merge")}
	for _, n := range o.need("type").items() {
		s.Type = append(s.Type, datatype(n, n.str()))
	}
	if isMap {
		r.mapData(s, o.need("map"))
	}
	if p := o.get("policy"); p != nil {
		s.Policy = uint32(p.word("performance", "memory"))
	}
	if f := o.get("flags"); f != nil {
		s.Flags |= f.bits("constant", "interval", "", "timeout", "dynamic") << 1
	}
	if st := o.get("stmt"); st != nil {
		for _, n := range st.items() {
			s.Stmts = append(s.Stmts, (&jsonRule{jsonReader: r, table: t}).stateful(n))
		}
		if len(s.Stmts) > 1 {
			s.Flags |= bytecode.SetExpr
		}
	}
	pending := &jsonSet{Set: s, node: o.jsonNode, item: r.at}
	if e := o.get("elem"); e != nil {
		pending.elems = e.items()
	}
	o.done()
	if t.set(s.Name) != nil {
		o.fail("set %s is there twice", s.Name)
	}
	t.Sets = append(t.Sets, s)
	r.sets = append(r.sets, pending)
}

func (t *Table) set(name string) *Set {
	for _, s := range t.Sets {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// mapData reads what a map leads to: datatypes, or a kind of object.
func (r *jsonReader) mapData(s *Set, n *jsonNode) {
	for typ, w := range objectNames {
		if w == n.str() {
			s.Object = typ
			s.Flags |= bytecode.SetObject
			return
		}
	}
	s.Flags |= bytecode.SetMap
	for _, w := range strings.Split(n.str(), " . ") {
		s.Data = append(s.Data, datatype(n, w))
	}
}

func datatype(n *jsonNode, name string) Datatype {
	for d := range types {
		if d != int(TypeInvalid) && types[d] != nil && types[d].name == name {
			return Datatype(d)
		}
	}
	n.fail("%q is no datatype", name)
	return 0
}

// element adds elements that stand by themselves, as commands have them.
func (r *jsonReader) element(o *jsonMembers) {
	t := r.in(o)
	name := o.need("name")
	elems := o.need("elem").items()
	o.done()
	for _, s := range r.sets {
		if s.Set == t.set(name.str()) {
			s.elems = append(s.elems, elems...)
			return
		}
	}
	name.fail("there is no set %s", name.str())
}

// settleSets reads the elements of all sets.
func (r *jsonReader) settleSets() (err error) {
	for _, s := range r.sets {
		err = errors.Join(err, r.guarded(s.item, func(*jsonItem) { r.settle(s) }))
	}
	return err
}

func (r *jsonReader) settle(s *jsonSet) {
	for _, part := range []struct {
		types []Datatype
		lens  []uint32
	}{{s.Type, s.KeyLen}, {s.Data, s.DataLen}} {
		for i, d := range part.types {
			if d.info().bits == 0 && (part.lens == nil || part.lens[i] == 0) {
				s.node.fail("how long values of type %s are, JSON does not tell, and no rule uses the set", d.info().name)
			}
		}
	}
	order, _ := setNotes(s.Set).keyOrder()
	r.elements(s.Set, s.elems, typeOf(s.Type, s.KeyLen, order), typeOf(s.Data, s.DataLen, netOrder), 0)
}

// elements reads elements of a set, whose values are to be moved to the left by shift bits.
func (r *jsonReader) elements(s *Set, nodes []*jsonNode, key, data valueType, shift uint) {
	for _, n := range nodes {
		if isInterval(elementKeyNode(n, s)) {
			s.Flags |= bytecode.SetInterval
		}
		if d := elementDataNode(n, s); d != nil && isInterval(d) {
			s.DataInterval = true
		}
	}
	for _, n := range nodes {
		s.Elements = append(s.Elements, r.elementOf(s, n, key, data, shift))
	}
}

func isMapSet(s *Set) bool { return s.Data != nil || s.Object != 0 }

func elementKeyNode(n *jsonNode, s *Set) *jsonNode {
	if isMapSet(s) {
		n, _ = n.pair()
	}
	if key, v, ok := n.single(); ok && key == "elem" {
		return v.members().need("val")
	}
	return n
}

func elementDataNode(n *jsonNode, s *Set) *jsonNode {
	if s.Data == nil || s.holdsVerdicts() {
		return nil
	}
	_, d := n.pair()
	return d
}

// isInterval says whether a value, or a part of it, is a range, a prefix, or the beginning of a name.
func isInterval(n *jsonNode) bool {
	key, v, ok := n.single()
	switch {
	case ok && key == "concat":
		for _, p := range v.list() {
			if isInterval(p) {
				return true
			}
		}
		return false
	case ok:
		return key == "range" || key == "prefix"
	}
	s, _ := n.value.(string)
	return len(s) > 1 && strings.HasSuffix(s, "*") && !strings.HasSuffix(s, `\*`)
}

func (r *jsonReader) elementOf(s *Set, n *jsonNode, key, data valueType, shift uint) (e Element) {
	dataNode := (*jsonNode)(nil)
	if isMapSet(s) {
		n, dataNode = n.pair()
	}
	if word, v, ok := n.single(); ok && word == "elem" {
		o := v.members()
		n = o.need("val")
		e.Timeout, e.Expires, e.Comment = 1000*o.number("timeout", 50), 1000*o.number("expires", 50), o.text("comment")
		for _, w := range []string{"counter", "limit", "quota", "ct count", "last"} {
			if st := o.get(w); st != nil {
				e.Stmts = append(e.Stmts, (&jsonRule{jsonReader: r}).statefulWord(w, st))
			}
		}
		o.done()
	}
	if n.value == "*" {
		e.Catchall = true
	} else {
		e.Key, e.KeyEnd = r.elementKey(n, key, s.Flags&bytecode.SetInterval != 0)
		e.Key, e.KeyEnd = shiftLeft(e.Key, shift), shiftLeft(e.KeyEnd, shift)
	}
	switch {
	case s.Object != 0:
		e.Object = dataNode.str()
	case s.holdsVerdicts():
		v, ok := readVerdict(dataNode)
		if !ok {
			dataNode.fail("is %s, not a verdict", dataNode.kind())
		}
		e.Verdict = v
	case s.Data != nil && s.DataInterval:
		first, last := r.spanOf(dataNode, data)
		e.Data = append(first, last...)
	case s.Data != nil:
		e.Data = r.constant(dataNode, data)
	}
	return e
}

func (r *jsonReader) elementKey(n *jsonNode, t valueType, interval bool) (first, last []byte) {
	if !interval {
		return r.constant(n, t), nil
	}
	t = inNetOrder(t)
	if t.parts == nil {
		return r.interval(n, t)
	}
	first, last = r.spanOf(n, t)
	if string(first) == string(last) {
		last = nil
	}
	return first, last
}

// inNetOrder is a type as intervals are compared: as bytes.
func inNetOrder(t valueType) valueType {
	if t.parts == nil {
		if t.typ.info().kind != stringKind {
			t.order = netOrder
		}
		return t
	}
	parts := make([]valueType, len(t.parts))
	for i, p := range t.parts {
		parts[i] = inNetOrder(p)
	}
	t.parts = parts
	return t
}

// spanOf are the first and last value of what may be an interval, or a concatenation with intervals; each part is padded.
func (r *jsonReader) spanOf(n *jsonNode, t valueType) (first, last []byte) {
	types, nodes := []valueType{t}, []*jsonNode{n}
	if t.parts != nil {
		key, v, ok := n.single()
		if types = t.parts; !ok || key != "concat" || len(v.list()) != len(types) {
			n.fail("is %s, not a concatenation of %d parts", n.kind(), len(types))
		}
		nodes = v.list()
	}
	for i, p := range nodes {
		a, b := r.interval(p, types[i])
		if b == nil {
			b = a
		}
		first, last = appendPadded(first, a), appendPadded(last, b)
	}
	return first, last
}
