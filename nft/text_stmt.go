package nft

import (
	"fmt"
	"strconv"
	"strings"

	"rechain/nft/bytecode"
)

func literalNumber(what string, n uint32) string { return what + strconv.FormatUint(uint64(n), 10) }

func (n *ruleNode) text(p *textPrinter) {
	p.list(n.stmts, " ")
	if n.comment != "" {
		p.WriteByte(' ')
		p.comment(n.comment)
	}
	p.handle(n.handle)
	if p.origin && n.origin != (Origin{}) {
		p.WriteString(" # ")
		p.WriteString(originText(n.origin))
	}
}

// originText is FILE:LINE, or the configuration key.
func originText(o Origin) string {
	if o.File == "" {
		return o.Key
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

func (n *matchNode) text(p *textPrinter) {
	n.left.text(p)
	p.WriteByte(' ')
	switch {
	case n.op == "!":
		p.WriteString("! ")
	case n.op != "in" && (n.op != "==" || n.spellEq):
		p.WriteString(n.op)
		p.WriteByte(' ')
	}
	n.right.text(p)
}

func (n *flagcmpNode) text(p *textPrinter) {
	n.left.text(p)
	p.WriteByte(' ')
	if n.op == "!=" {
		p.WriteString("!= ")
	}
	n.right.text(p)
	p.WriteString(" / ")
	n.mask.text(p)
}

func (s *Verdict) text(p *textPrinter) {
	p.WriteString(verdictWord(s.Code))
	if s.Chain != "" {
		p.WriteByte(' ')
		p.WriteString(s.Chain)
	}
}

func (n *boundNode) text(p *textPrinter) {
	handles := p.handles
	p.handles = false
	p.WriteString(verdictWord(n.Code) + " {\n")
	p.rules(n.rules, n.view.rule, "\t\t\t")
	p.WriteString("\t\t}")
	p.handles = handles
}

// verdictWord is nft's word for a verdict.
func verdictWord(c bytecode.VerdictCode) string {
	switch c {
	case bytecode.Accept:
		return "accept"
	case bytecode.Drop:
		return "drop"
	case bytecode.Continue:
		return "continue"
	case bytecode.Break:
		return "break"
	case bytecode.Jump:
		return "jump"
	case bytecode.Goto:
		return "goto"
	case bytecode.Return:
		return "return"
	case bytecode.Stolen:
		return "stolen"
	}
	if c&0xff == bytecode.QueueTo { // NF_VERDICT_MASK; the rest is the queue's number
		return "queue"
	}
	return fmt.Sprintf("unknown verdict value %d", c)
}

func (s *Counter) text(p *textPrinter) {
	p.WriteString("counter")
	if !p.stateless {
		p.WriteString(" packets ")
		p.number(s.Packets)
		p.WriteString(" bytes ")
		p.number(s.Bytes)
	}
}

func (n *assignNode) text(p *textPrinter) {
	n.key.text(p)
	p.WriteString(" set ")
	n.value.text(p)
}

func (n *objectNode) text(p *textPrinter) {
	switch n.typ {
	case bytecode.ObjectCtHelper, bytecode.ObjectCtTimeout, bytecode.ObjectCtExpect:
		p.WriteString(objectNames[n.typ] + " set ")
	case bytecode.ObjectSecmark:
		p.WriteString("meta secmark set ")
	default:
		p.WriteString(objectNames[n.typ] + " name ")
	}
	n.ref.text(p)
}

func (n *updateNode) text(p *textPrinter) {
	if n.meter {
		p.printf("meter %s size %d { ", n.name, n.size)
	} else {
		p.WriteString(n.op + " ")
		n.set.text(p)
		p.WriteString(" { ")
	}
	n.elem.text(p)
	p.hidden(n.stmts)
	if n.data != nil {
		p.WriteString(" : ")
		n.data.text(p)
	}
	p.WriteString(" }")
}

func (n *resetNode) text(p *textPrinter) {
	p.WriteString("reset ")
	n.option.text(p)
}

// Flags of a queue (NFT_QUEUE_FLAG_*).
const (
	queueBypass = 1
	queueFanout = 2
)

func (n *queueNode) text(p *textPrinter) {
	p.WriteString("queue")
	if flags := n.flagNames(); len(flags) > 0 {
		p.WriteString(" flags " + strings.Join(flags, ","))
	}
	p.WriteString(" to ")
	n.num.text(p)
}

func (n *queueNode) flagNames() (names []string) {
	if n.flags&queueBypass != 0 {
		names = append(names, "bypass")
	}
	if n.flags&queueFanout != 0 {
		names = append(names, "fanout")
	}
	return names
}

func (n *rejectNode) text(p *textPrinter) {
	p.WriteString("reject")
	switch {
	case n.op.Type == rejectTCP:
		p.WriteString(" with tcp reset")
	case n.family == "", !n.spell && n.op.Code == defaultReject[n.family]:
	default:
		p.WriteString(" with " + n.family + " ")
		n.code.text(p)
	}
}

// defaultReject is the code that "reject" alone stands for: port unreachable.
var defaultReject = map[string]uint8{"icmp": 3, "icmpv6": 4, "icmpx": 1}

func (n *natNode) text(p *textPrinter) {
	p.WriteString(n.kind)
	if n.addr != nil || n.port != nil {
		if n.family != "" {
			p.WriteString(" " + n.family)
		}
		if n.flags&natNetmap != 0 {
			p.WriteString(" prefix")
		}
		p.WriteString(" to ")
	}
	p.endpoint(n.addr, n.port, n.addr6 && n.port != nil)
	if names := n.flagNames(); len(names) > 0 {
		p.WriteString(" " + strings.Join(names, ","))
	}
}

// endpoint prints an address, a port, or both; with brackets for an IPv6 address.
func (p *textPrinter) endpoint(addr, port node, brackets bool) {
	if brackets {
		switch a := addr.(type) {
		case literal:
			p.WriteString("[" + a.txt + "]")
		case *rangeNode:
			p.WriteByte('[')
			a.from.text(p)
			p.WriteString("]-[")
			a.to.text(p)
			p.WriteByte(']')
		default:
			addr.text(p)
		}
	} else if addr != nil {
		addr.text(p)
	}
	if port != nil {
		p.WriteByte(':')
		port.text(p)
	}
}

func (n *natNode) flagNames() (names []string) {
	for _, f := range []struct {
		bit  uint32
		name string
	}{{natRandom, "random"}, {natFullyRandom, "fully-random"}, {natPersistent, "persistent"}} {
		if n.flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

func (n *tproxyNode) text(p *textPrinter) {
	p.WriteString("tproxy ")
	if n.family != "" {
		p.WriteString(n.family + " ")
	}
	p.WriteString("to ")
	p.endpoint(n.addr, n.port, n.addr6)
}

func (n *dupNode) text(p *textPrinter) {
	p.WriteString("dup")
	if n.to != nil {
		p.WriteString(" to ")
		n.to.text(p)
	}
	if n.dev != nil {
		p.WriteString(" device ")
		n.dev.text(p)
	}
}

func (n *fwdNode) text(p *textPrinter) {
	p.WriteString("fwd ")
	if n.addr != nil {
		p.WriteString(n.family + " to ")
		n.addr.text(p)
		p.WriteString(" device ")
	} else {
		p.WriteString("to ")
	}
	n.dev.text(p)
}

func (n *xtNode) text(p *textPrinter) { p.WriteString("xt " + n.kind + " " + n.ext) }

func (n *opaqueNode) text(p *textPrinter) {
	p.WriteString("opaque:")
	for _, op := range n.ops {
		p.printf(" [ %s ]", op)
	}
}
