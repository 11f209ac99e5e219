package nft

import (
	"strconv"

	"rechain/nft/bytecode"
)

type (
	tableNode struct {
		*Table
		objects    []*objectDecl
		sets       []*setDecl
		flowtables []*flowtableDecl
		chains     []*chainDecl
		view       *viewer
	}

	chainDecl struct {
		*Chain
		view *viewer // names the rules one by one, when they are printed: they are many
	}

	setDecl struct {
		*Set
		table       *Table
		word        string // "set" or "map"
		typeof      bool
		key, data   node // of a typeof declaration
		keyNames    []string
		dataNames   []string
		dataRange   bool
		stmts       []node
		elements    *setNode
		namedObject string // what an object map holds
	}

	flowtableDecl struct {
		*Flowtable
		table *Table
	}
)

// table names all that is in a table. Anonymous sets show where they are used.
func (v *viewer) table() *tableNode {
	n := &tableNode{Table: v.in, view: v}
	for _, o := range v.in.Objects {
		n.objects = append(n.objects, newObjectDecl(v.in, o))
	}
	for _, s := range v.in.Sets {
		if s.flags()&bytecode.SetAnonymous == 0 {
			n.sets = append(n.sets, v.setDecl(s))
		}
	}
	for _, f := range v.in.Flowtables {
		n.flowtables = append(n.flowtables, &flowtableDecl{f, v.in})
	}
	for _, c := range v.in.Chains {
		n.chains = append(n.chains, &chainDecl{c, v})
	}
	return n
}

// setDecl names a set's declaration.
func (v *viewer) setDecl(s *Set) *setDecl {
	n := &setDecl{Set: s, table: v.in, word: "set", dataRange: s.DataInterval}
	if s.flags()&(bytecode.SetMap|bytecode.SetObject) != 0 {
		n.word = "map"
	}
	if s.flags()&bytecode.SetObject != 0 {
		n.namedObject = objectNames[s.Object]
	}
	n.key, n.data = v.typeofNodes(s)
	n.typeof = n.key != nil
	n.keyNames, n.dataNames = typeNames(s.Type), typeNames(s.Data)
	for _, st := range s.Stmts {
		n.stmts = append(n.stmts, v.stateful(st))
	}
	if len(s.Elements) > 0 {
		key := v.keyType(s, valueType{})
		n.elements = v.elements(s, key, 0)
		n.elements.perLine = lineLength(key)
	}
	return n
}

func typeNames(types []Datatype) (names []string) {
	for _, t := range types {
		names = append(names, t.info().name)
	}
	return names
}

// hookName is nft's word for a hook of a family; "unknown" if there is none.
func hookName(f Family, h bytecode.Hook) string {
	inet := []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	names := map[Family][]string{
		IPv4: inet, IPv6: inet, Inet: inet, Bridge: inet,
		Arp: {"input", "output", "forward"}, Netdev: {"ingress", "egress"},
	}[f]
	if int(h) < len(names) {
		return names[h]
	}
	return "unknown"
}

// priority is a priority that has a name at some hooks; without hooks, at all.
type priority struct {
	value int32
	name  string
	hooks []bytecode.Hook
	ip    bool // only in ip, ip6 and inet
}

// The priorities with names (enum nf_ip_hook_priorities, enum nf_br_hook_priorities).
var (
	ipPriorities = []priority{
		{value: -300, name: "raw", ip: true},
		{value: -150, name: "mangle", ip: true},
		{value: -100, name: "dstnat", ip: true, hooks: []bytecode.Hook{bytecode.Prerouting}},
		{value: 0, name: "filter"},
		{value: 50, name: "security", ip: true},
		{value: 100, name: "srcnat", ip: true, hooks: []bytecode.Hook{bytecode.Postrouting}},
	}
	bridgePriorities = []priority{
		{value: -300, name: "dstnat", hooks: []bytecode.Hook{bytecode.Prerouting}},
		{value: -200, name: "filter"},
		{value: 100, name: "out", hooks: []bytecode.Hook{bytecode.Output}},
		{value: 300, name: "srcnat", hooks: []bytecode.Hook{bytecode.Postrouting}},
	}
)

func (p priority) holds(f Family, h bytecode.Hook) bool {
	if p.ip && f != IPv4 && f != IPv6 && f != Inet {
		return false
	}
	for _, hook := range p.hooks {
		if hook == h {
			return true
		}
	}
	return len(p.hooks) == 0
}

// priorityText names a priority that is at most 10 from one that has a name: "mangle - 5".
func priorityText(f Family, h bytecode.Hook, prio int32) string {
	list := ipPriorities
	if f == Bridge {
		list = bridgePriorities
	}
	for _, p := range list {
		diff := int64(prio) - int64(p.value)
		switch {
		case diff < -10 || diff > 10:
			continue
		case !p.holds(f, h):
		case diff == 0:
			return p.name
		case diff > 0:
			return p.name + " + " + strconv.FormatInt(diff, 10)
		default:
			return p.name + " - " + strconv.FormatInt(-diff, 10)
		}
		break
	}
	return strconv.FormatInt(int64(prio), 10)
}
