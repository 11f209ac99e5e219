package nft

import (
	"slices"
	"strings"

	"rechain/nft/bytecode"
)

// tableFlags are the names of a table's flags by bit (NFT_TABLE_F_*).
var tableFlags = []string{"dormant", "owner", "persist"}

func flagNames(flags uint32, names []string) (set []string) {
	for i, name := range names {
		if flags&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return set
}

func (n *tableNode) text(p *textPrinter) {
	p.printf("table %s %s {", familyName(n.Family), n.Name)
	p.handle(n.Handle)
	p.WriteByte('\n')
	blank := false
	if names := flagNames(n.Flags, tableFlags); len(names) > 0 {
		p.printf("\tflags %s\n", strings.Join(names, ","))
		blank = true
	}
	p.commentLine("\t", n.Comment)
	part := func(print func(*textPrinter)) {
		if blank {
			p.WriteByte('\n')
		}
		blank = true
		print(p)
	}
	for _, o := range n.objects {
		part(o.text)
	}
	for _, s := range n.sets {
		part(s.text)
	}
	for _, f := range n.flowtables {
		part(f.text)
	}
	p.chainTexts(n.view, n.chains, blank)
	p.WriteString("}\n")
}

func (p *textPrinter) commentLine(indent, comment string) {
	if comment != "" {
		p.WriteString(indent)
		p.comment(comment)
		p.WriteByte('\n')
	}
}

// familyName is nft's word for a family.
func familyName(f Family) string {
	return f.String()
}

// head is what stands above a chain's rules, foot what stands below.
func (c *chainDecl) head(p *textPrinter) {
	p.printf("\tchain %s {", c.Name)
	p.handle(c.Handle)
	p.WriteByte('\n')
	p.commentLine("\t\t", c.Comment)
	if b := c.Base; b != nil {
		p.printf("\t\ttype %s hook %s", b.Type, hookName(c.view.family, b.Hook))
		if dev := slices.Sorted(slices.Values(b.Devices)); len(dev) == 1 {
			p.WriteString(" device " + quoted(dev[0]))
		} else if len(dev) > 1 {
			p.printf(" devices = { %s }", strings.Join(dev, ", "))
		}
		p.printf(" priority %s; policy %s;", priorityText(c.view.family, b.Hook, b.Priority), verdictWord(b.Policy))
		if c.Flags&chainOffload != 0 {
			p.WriteString(" flags offload;")
		}
		p.WriteByte('\n')
	}
}

func (c *chainDecl) foot(p *textPrinter) {
	p.remarks(c.Remarks, "\t\t")
	p.WriteString("\t}\n")
}

func (p *textPrinter) rules(rules []*Rule, name func(*Rule) *ruleNode, indent string) {
	for _, r := range rules {
		p.remarks(r.Remarks, indent)
		p.WriteString(indent)
		name(r).text(p)
		p.WriteByte('\n')
		p.spill()
	}
}

// remarks prints lines as nft's comments. A line end, a backslash at the end or a NUL would have nft read on differently.
func (p *textPrinter) remarks(lines []string, indent string) {
	for _, l := range lines {
		l = strings.Map(func(r rune) rune {
			if r < ' ' || r == '\\' {
				return ' '
			}
			return r
		}, l)
		p.WriteString(indent + "# " + l + "\n")
	}
}

// Flags of a chain (NFT_CHAIN_*).
const (
	chainOffload = 2
	chainBinding = 4
)

// policyMemory is NFT_SET_POL_MEMORY.
const policyMemory = 1

func (s *setDecl) text(p *textPrinter) {
	p.printf("\t%s %s {", s.word, s.Name)
	p.handle(s.Handle)
	p.WriteString("\n\t\t")
	s.typeText(p)
	p.WriteByte('\n')
	if s.flags()&bytecode.SetConstant == 0 {
		if s.Policy == policyMemory {
			p.WriteString("\t\tpolicy memory\n")
		}
		if s.Size > 0 {
			p.printf("\t\tsize %d\n", s.Size)
		}
	}
	if names := s.flagWords(); len(names) > 0 {
		p.printf("\t\tflags %s\n", strings.Join(names, ","))
	}
	if len(s.stmts) > 0 {
		p.WriteByte('\t')
		p.WriteByte('\t')
		was := p.stateless
		p.stateless = true
		p.list(s.stmts, " ")
		p.stateless = was
		p.WriteByte('\n')
	}
	if s.AutoMerge {
		p.WriteString("\t\tauto-merge\n")
	}
	if s.Timeout != 0 {
		p.printf("\t\ttimeout %s\n", durationText(s.Timeout))
	}
	if s.GC != 0 {
		p.printf("\t\tgc-interval %s\n", durationText(uint64(s.GC)))
	}
	p.commentLine("\t\t", s.Comment)
	if s.elements != nil {
		p.WriteString("\t\telements = ")
		s.elements.text(p)
		p.WriteByte('\n')
	}
	p.WriteString("\t}\n")
}

// flagWords are the flags in nft's order; with a default timeout alone, the timeout says it.
func (s *setDecl) flagWords() (names []string) {
	flags := s.flags()
	if s.Timeout != 0 {
		flags &^= bytecode.SetTimeout
	}
	if flags&(bytecode.SetConstant|bytecode.SetInterval|bytecode.SetTimeout|bytecode.SetEval) == 0 {
		return nil
	}
	for _, f := range []struct {
		bit  uint32
		name string
	}{{bytecode.SetConstant, "constant"}, {bytecode.SetEval, "dynamic"}, {bytecode.SetInterval, "interval"}, {bytecode.SetTimeout, "timeout"}} {
		if s.flags()&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

func (s *setDecl) typeText(p *textPrinter) {
	if s.typeof {
		p.WriteString("typeof ")
		s.key.text(p)
	} else {
		p.WriteString("type " + strings.Join(s.keyNames, " . "))
	}
	switch {
	case s.flags()&bytecode.SetMap != 0:
		p.WriteString(" : ")
		if s.dataRange {
			p.WriteString("interval ")
		}
		if s.typeof {
			s.data.text(p)
		} else {
			p.WriteString(strings.Join(s.dataNames, " . "))
		}
	case s.flags()&bytecode.SetObject != 0:
		p.WriteString(" : " + s.namedObject)
	}
}

func (f *flowtableDecl) text(p *textPrinter) {
	p.printf("\tflowtable %s {", f.Name)
	p.handle(f.Handle)
	p.printf("\n\t\thook %s priority %s\n", hookName(Netdev, bytecode.Hook(f.Hook)),
		priorityText(Netdev, bytecode.Hook(f.Hook), f.Priority))
	if len(f.Devices) > 0 {
		p.printf("\t\tdevices = { %s }\n", strings.Join(slices.Sorted(slices.Values(f.Devices)), ", "))
	}
	if f.Flags&flowtableOffload != 0 {
		p.WriteString("\t\tflags offload\n")
	}
	if f.Flags&flowtableCounter != 0 {
		p.WriteString("\t\tcounter\n")
	}
	p.WriteString("\t}\n")
}

// Flags of a flowtable (NFT_FLOWTABLE_*).
const (
	flowtableOffload = 1
	flowtableCounter = 2
)

func (o *objectDecl) text(p *textPrinter) {
	p.printf("\t%s %s {", objectNames[o.Type], o.Name)
	p.handle(o.Handle)
	p.WriteByte('\n')
	p.commentLine("\t\t", o.comment)
	line := func(format string, args ...any) { p.printf("\t\t"+format+"\n", args...) }
	switch v := o.Value.(type) {
	case *bytecode.Counter:
		if !p.stateless {
			line("packets %d bytes %d", v.Packets, v.Bytes)
		}
	case *bytecode.Quota:
		p.WriteString("\t\t")
		p.quota(v)
		p.WriteByte('\n')
	case *bytecode.Limit:
		p.WriteString("\t\trate ")
		p.limit(v)
		p.WriteByte('\n')
	case *bytecode.Synproxy:
		o.synproxyText(v, line)
	}
	switch {
	case o.helper != nil:
		line("type %s protocol %s", quoted(o.helper.Helper), protoText(o.helper.L4))
		line("l3proto %s", familyName(Family(o.helper.L3)))
	case o.timeout != nil:
		line("protocol %s", protoText(o.timeout.l4))
		line("l3proto %s", familyName(o.timeout.l3))
		var states []string
		for _, s := range o.timeout.policy {
			states = append(states, s.name+literalNumber(" : ", s.seconds))
		}
		line("policy = { %s }", strings.Join(states, ", "))
	case o.expect != nil:
		line("protocol %s", protoText(o.expect.l4))
		line("dport %d", o.expect.dport)
		line("timeout %s", durationText(uint64(o.expect.timeout)))
		line("size %d", o.expect.size)
		line("l3proto %s", familyName(o.expect.l3))
	case o.context != "":
		line("%s", quoted(o.context))
	}
	p.WriteString("\t}\n")
}

// synproxyText has each option on a line, but the two flags share one.
func (o *objectDecl) synproxyText(v *bytecode.Synproxy, line func(string, ...any)) {
	if v.Flags&synproxyMSS != 0 {
		line("mss %d", v.MSS)
	}
	if v.Flags&synproxyWscale != 0 {
		line("wscale %d", v.Wscale)
	}
	flags := []string{"", ""}
	if v.Flags&synproxyTimestamp != 0 {
		flags[0] = "timestamp"
	}
	if v.Flags&synproxySack != 0 {
		flags[1] = "sack-perm"
	}
	if flags[0]+flags[1] != "" {
		line("%s", strings.Join(flags, " "))
	}
}
