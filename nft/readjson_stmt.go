package nft

import (
	"slices"

	"rechain/nft/bytecode"
)

// stmt reads a statement.
func (r *jsonRule) stmt(n *jsonNode) {
	if v, ok := readVerdict(n); ok {
		r.add(jsonStmt{Stmt: v})
		return
	}
	kind, v, ok := n.single()
	if !ok {
		n.fail("is %s, not a statement", n.kind())
	}
	switch kind {
	case "match":
		r.match(v.members())
	case "vmap":
		r.vmap(v.members())
	case "mangle":
		r.mangle(v.members())
	case "reject":
		r.reject(v)
	case "xt":
		v.fail("what a compat expression says, JSON does not tell")
	default:
		r.add(jsonStmt{Stmt: r.action(kind, v)})
	}
}

// action reads a statement that neither looks nor needs one before it.
func (r *jsonRule) action(kind string, v *jsonNode) Stmt {
	if typ, ok := objectType(kind); ok {
		if s := r.objectRef(typ, v); s != nil {
			return s
		}
	}
	if natKind, ok := natByName(kind); ok {
		return r.nat(natKind, v.members())
	}
	if s := r.plain(kind, v); s != nil {
		return s
	}
	o := v.members()
	defer func() { o.done() }()
	switch kind {
	case "tproxy":
		return r.tproxy(o)
	case "queue":
		return r.queue(o)
	case "dup":
		return r.dup(o)
	case "fwd":
		return r.fwd(o)
	case "set", "map":
		return r.update(kind, o)
	case "meter":
		return r.meter(o)
	case "reset":
		return r.reset(o)
	}
	v.up.child("."+kind, nil).fail("is not known")
	return nil
}

func objectType(name string) (bytecode.ObjectType, bool) {
	for t, w := range objectNames {
		if w == name {
			return t, true
		}
	}
	return 0, false
}

// objectRef reads the use of a named object, or of one that a map holds; nil when the statement is one of its own.
func (r *jsonRule) objectRef(typ bytecode.ObjectType, v *jsonNode) Stmt {
	if name, ok := v.value.(string); ok {
		return &ObjectRef{Type: typ, Name: name}
	}
	kind, m, ok := v.single()
	if !ok || kind != "map" {
		return nil
	}
	o := m.members()
	key := r.operand(o.need("key"))
	data := o.need("data")
	o.done()
	e, name, set := r.lookIn(key, data, valueType{}, func(s *Set) { s.Object, s.Flags = typ, bytecode.SetObject })
	return &ObjectRef{Type: typ, Key: e, Map: name, Set: set}
}

func (r *jsonRule) vmap(o *jsonMembers) {
	key := r.operand(o.need("key"))
	data := o.need("data")
	o.done()
	e, name, set := r.lookIn(key, data, valueType{}, func(s *Set) { s.Data = []Datatype{TypeVerdict} })
	r.add(jsonStmt{Stmt: &VerdictMap{Key: e, Name: name, Set: set}, expression: false})
}

// stateful reads a statement that keeps state for a set or an element.
func (r *jsonRule) stateful(n *jsonNode) Stmt {
	kind, v, ok := n.single()
	if !ok {
		n.fail("is %s, not a statement", n.kind())
	}
	return r.statefulWord(kind, v)
}

func (r *jsonRule) statefulWord(kind string, v *jsonNode) Stmt {
	s := r.plain(kind, v)
	if s == nil {
		v.fail("%s is not a statement with a state", kind)
	}
	return s
}

// update reads a statement that changes a set.
func (r *jsonRule) update(kind string, o *jsonMembers) Stmt {
	ref := o.need(kind)
	name := ref.str()
	if len(name) > 1 && name[0] == '@' {
		name = name[1:]
	}
	set := r.table.set(name)
	if set == nil {
		ref.fail("there is no set %s", name)
	}
	s := &UpdateSet{Name: name}
	for op, w := range dynsetOps {
		if n := o.child(".op", o.left["op"]); n.value == w {
			s.Op = op
			o.get("op")
		}
	}
	set.Flags |= bytecode.SetEval
	key := r.updateKey(s, o.need("elem"))
	r.use(set, key, ref)
	s.Key = key.Expr
	if kind == "map" {
		s.Data = r.value(o.need("data"), r.dataTypeOf(set, valueType{}))
	}
	if st := o.get("stmt"); st != nil {
		for _, n := range st.items() {
			s.Stmts = append(s.Stmts, r.stateful(n))
		}
	}
	return s
}

// updateKey reads what is added to a set, with its timeout.
func (r *jsonRule) updateKey(s *UpdateSet, n *jsonNode) jsonOperand {
	if kind, v, ok := n.single(); ok && kind == "elem" {
		o := v.members()
		n = o.need("val")
		s.Timeout = 1000 * o.number("timeout", 50)
		o.done()
	}
	return r.operand(n).plain()
}

// meter reads an update of a set that the rule holds itself.
func (r *jsonRule) meter(o *jsonMembers) Stmt {
	s := &UpdateSet{Op: bytecode.DynsetUpdate, Set: &Set{Name: o.need("name").str(), Size: uint32(o.number("size", 32)), Flags: bytecode.SetEval}}
	key := r.updateKey(s, o.need("key"))
	if s.Timeout == 0 {
		s.Op = bytecode.DynsetAdd
	} else {
		s.Set.Flags |= bytecode.SetTimeout
	}
	s.Key = key.Expr
	s.Set.Type, s.Set.KeyLen = dataTypes(key.typ.sized(key.size))
	for _, n := range o.need("stmt").items() {
		s.Stmts = append(s.Stmts, r.stateful(n))
	}
	return s
}

// reset makes a TCP option a no-op.
func (r *jsonRule) reset(o *jsonMembers) Stmt {
	opt := o.need("tcp option").members()
	x := r.optionField(exthdrTCP, opt)
	opt.done()
	h := x.Expr.(*Exthdr)
	return &ResetOption{Op: h.Op, Type: h.Type}
}

func (r *jsonRule) queue(o *jsonMembers) Stmt {
	q := &Queue{Total: 1}
	num := o.need("num")
	if kind, v, ok := num.single(); ok && kind == "range" {
		a, b := v.pair()
		first, last := a.num(16), b.num(16)
		if last < first {
			num.fail("ends before it begins")
		}
		q.First, q.Total = uint16(first), uint16(last-first+1)
	} else if e, ok := r.expression(num, valueType{typ: TypeInteger, order: hostOrder, bits: 16}); ok {
		q.Num, q.Total = e.plain().Expr, 0
	} else {
		q.First = uint16(num.num(16))
	}
	if f := o.get("flags"); f != nil {
		q.Flags = uint16(f.bits("bypass", "fanout"))
	}
	return q
}

// reject reads a rejection. Where it names the version of IP, or TCP, it needs a packet of it.
func (r *jsonRule) reject(v *jsonNode) {
	o := v.members()
	op := &bytecode.Reject{}
	kind := o.get("type")
	if kind == nil {
		o.done()
		op.Code = 3
		if r.ctx.layers[bytecode.NetworkHeader] == protoIP6 {
			op.Code = 4
		}
		if mixed(r.table.Family) && !r.ctx.knowsIP() {
			op.Type, op.Code = rejectICMPX, 1
		}
		r.add(jsonStmt{Stmt: &Plain{op}})
		return
	}
	types := []string{"icmp", "tcp reset", "icmpx", "icmpv6"}
	i := kind.word(types...)
	op.Type = uint32(i % 3)
	if op.Type == rejectTCP {
		if r.ctx.layers[bytecode.TransportHeader] != protoTCP {
			r.needs(protoTCP, kind)
		}
	} else {
		op.Code = uint8(readSymbol(o.need("expr"), valueType{typ: []Datatype{TypeICMPCode, 0, TypeICMPXCode, TypeICMPv6Code}[i], bits: 8}))
	}
	o.done()
	if below := map[int]*protocol{0: protoIP, 3: protoIP6}[i]; below != nil && r.ctx.layers[bytecode.NetworkHeader] != below {
		r.needs(below, kind)
	}
	r.add(jsonStmt{Stmt: &Plain{op}})
}

// plain reads a statement without operands in registers; nil when it is none.
func (r *jsonRule) plain(kind string, v *jsonNode) Stmt {
	read, ok := map[string]func(*jsonMembers) bytecode.Op{
		"limit":    func(o *jsonMembers) bytecode.Op { return readLimit(o, defaultBurst) },
		"log":      readLog,
		"quota":    readQuota,
		"ct count": func(o *jsonMembers) bytecode.Op { return readConnlimit(o) },
		"synproxy": func(o *jsonMembers) bytecode.Op { return readSynproxy(o) },
		"notrack":  func(*jsonMembers) bytecode.Op { return &bytecode.Notrack{} },
		"last":     func(*jsonMembers) bytecode.Op { return &bytecode.Last{} },
		"flow":     readFlow,
	}[kind]
	switch {
	case kind == "counter":
		o := v.members()
		c := &Counter{Packets: o.number("packets", 64), Bytes: o.number("bytes", 64)}
		o.done()
		return c
	case !ok:
		return nil
	}
	o := v.members()
	op := read(o)
	o.done()
	return &Plain{op}
}

var byteUnits = []string{"bytes", "kbytes", "mbytes"}

// bytesIn is a number of bytes, given in a unit.
func bytesIn(n uint64, unit *jsonNode) uint64 {
	if unit == nil {
		return n
	}
	return n << (10 * slices.Index(byteUnits, byteUnits[unit.word(byteUnits...)]))
}

func readLimit(o *jsonMembers, burst uint64) *bytecode.Limit {
	l := &bytecode.Limit{Rate: o.need("rate").num(64), Over: o.flag("inv")}
	per := o.need("per")
	for _, seconds := range []uint64{1, 60, 3600, 86400, 604800} {
		if timeUnit(seconds) == per.str() {
			l.Unit = seconds
		}
	}
	if l.Unit == 0 {
		per.fail("%q is not a time", per.str())
	}
	unit := o.get("rate_unit")
	if unit != nil && unit.str() != "packets" {
		l.Type, l.Rate, burst = limitBytes, bytesIn(l.Rate, unit), 0
	}
	if b := o.get("burst"); b != nil {
		burst = b.num(32)
	}
	burst = bytesIn(burst, o.get("burst_unit"))
	l.Burst = uint32(burst)
	return l
}

func readQuota(o *jsonMembers) bytecode.Op {
	q := &bytecode.Quota{Bytes: bytesIn(o.need("val").num(64), o.get("val_unit"))}
	q.Consumed = bytesIn(o.number("used", 64), o.get("used_unit"))
	if o.flag("inv") {
		q.Flags = quotaOver
	}
	return q
}

func readConnlimit(o *jsonMembers) *bytecode.Connlimit {
	c := &bytecode.Connlimit{Count: uint32(o.need("val").num(32))}
	if o.flag("inv") {
		c.Flags = 1 // NFT_CONNLIMIT_F_INV
	}
	return c
}

func readSynproxy(o *jsonMembers) *bytecode.Synproxy {
	s := &bytecode.Synproxy{}
	if n := o.get("mss"); n != nil {
		s.MSS, s.Flags = uint16(n.num(16)), s.Flags|synproxyMSS
	}
	if n := o.get("wscale"); n != nil {
		s.Wscale, s.Flags = uint8(n.num(8)), s.Flags|synproxyWscale
	}
	if f := o.get("flags"); f != nil {
		for _, w := range f.items() {
			s.Flags |= []uint32{synproxyTimestamp, synproxySack}[w.word("timestamp", "sack-perm")]
		}
	}
	return s
}

func readFlow(o *jsonMembers) bytecode.Op {
	o.need("op").word("add")
	name := o.need("flowtable").str()
	if name != "" && name[0] == '@' {
		name = name[1:]
	}
	return &bytecode.FlowOffload{Table: name}
}

func readLog(o *jsonMembers) bytecode.Op {
	l := &bytecode.Log{Prefix: o.text("prefix")}
	if n := o.get("group"); n != nil {
		v := uint16(n.num(16))
		l.Group = &v
	}
	if n := o.get("snaplen"); n != nil {
		v := uint32(n.num(32))
		l.Snaplen = &v
	}
	if n := o.get("queue-threshold"); n != nil {
		v := uint16(n.num(16))
		l.QueueThreshold = &v
	}
	if n := o.get("level"); n != nil {
		v := uint32(n.word("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"))
		l.Level = &v
	}
	if n := o.get("flags"); n != nil {
		var v uint32
		for _, w := range n.items() {
			i := slices.IndexFunc(logFlags, func(f struct {
				bit  uint32
				name string
			}) bool {
				return f.name == w.str()
			})
			switch {
			case w.str() == "all":
				v |= logAll
			case i < 0:
				w.fail("%q is not known", w.str())
			default:
				v |= logFlags[i].bit
			}
		}
		l.Flags = &v
	}
	return l
}
