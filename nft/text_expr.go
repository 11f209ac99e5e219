package nft

import "rechain/nft/bytecode"

func (n literal) text(p *textPrinter)  { p.WriteString(n.txt) }
func (n wordNode) text(p *textPrinter) { p.WriteString(string(n)) }

func (e *Meta) text(p *textPrinter) {
	if !metaBare[e.Key] {
		p.WriteString("meta ")
	}
	p.WriteString(keyName(metaKeys[e.Key], uint32(e.Key)))
}

// keyName is a key's name; a key that no table knows has a number, which nft does not read.
func keyName(k keyInfo, num uint32) string {
	if k.name == "" {
		return literalNumber("key", num)
	}
	return k.name
}

func (n *payloadNode) text(p *textPrinter) {
	if n.field != nil {
		p.WriteString(n.proto.name)
		p.WriteByte(' ')
		p.WriteString(n.field.name)
		return
	}
	p.printf("@%s,%d,%d", baseToken(n.base), n.off, n.bits)
}

// baseToken is nft's word for what an offset counts from.
func baseToken(b bytecode.PayloadBase) string {
	tokens := []string{"ll", "nh", "th", "ih"}
	if int(b) < len(tokens) {
		return tokens[b]
	}
	return literalNumber("base", uint32(b))
}

func (n *ctNode) text(p *textPrinter) {
	p.WriteString("ct ")
	if n.HasDir {
		p.WriteString(ctDir(n.Dir) + " ")
		if n.family != "" {
			p.WriteString(n.family + " ")
		}
	}
	p.WriteString(keyName(ctKeys[n.Key], uint32(n.Key)))
}

func ctDir(d uint8) string {
	name, _ := TypeCtDir.info().symbol(uint64(d))
	return name
}

func (e *Socket) text(p *textPrinter) {
	p.WriteString("socket " + keyName(socketKeys[e.Key], uint32(e.Key)))
	if e.Key == bytecode.SocketCgroupV2 {
		p.printf(" level %d", e.Level)
	}
}

func (e *Fib) text(p *textPrinter) {
	p.WriteString("fib ")
	delim := ""
	flags := e.Flags &^ fibPresent
	for i, name := range fibFlags {
		if flags&(1<<i) != 0 {
			p.WriteString(delim + name)
			delim = " . "
		}
	}
	if rest := flags >> len(fibFlags); rest != 0 {
		p.printf("%s0x%x", delim, rest<<len(fibFlags))
	}
	p.WriteString(" " + keyName(fibResults[e.Result], e.Result))
}

func (e *Rt) text(p *textPrinter) {
	k := rtKeys[e.Key]
	p.WriteString("rt ")
	if k.family != "" {
		p.WriteString(k.family + " ")
	}
	p.WriteString(keyName(k.keyInfo, e.Key))
}

func (e *Numgen) text(p *textPrinter) {
	p.printf("numgen %s mod %d", numgenMode(e.Type), e.Modulus)
	if e.Offset != 0 {
		p.printf(" offset %d", e.Offset)
	}
}

// numgenMode is nft's word for a kind of [Numgen] (enum nft_ng_types).
func numgenMode(typ uint32) string {
	if typ == 1 {
		return "random"
	}
	return "inc"
}

// hashSymmetric is NFT_HASH_SYM.
const hashSymmetric = 1

func (n *hashNode) text(p *textPrinter) {
	if n.Type == hashSymmetric {
		p.WriteString("symhash")
	} else {
		p.WriteString("jhash ")
		n.of.text(p)
	}
	p.printf(" mod %d", n.Modulus)
	if n.HasSeed {
		p.printf(" seed 0x%x", n.Seed)
	}
	if n.Offset != 0 {
		p.printf(" offset %d", n.Offset)
	}
}

func (n *exthdrNode) text(p *textPrinter) {
	present := n.Flags&exthdrPresent != 0
	switch n.Op {
	case exthdrTCP:
		p.WriteString("tcp option ")
		if n.h == nil && present && n.off == 0 {
			p.printf("%d", n.Type)
			return
		}
	case exthdrIPv4:
		p.WriteString("ip option ")
	case exthdrSCTP:
		p.WriteString("sctp chunk ")
	case exthdrDCCP:
		p.printf("dccp option %d", n.Type)
		return
	default:
		if present {
			p.WriteString("exthdr ")
		}
	}
	if n.h == nil || n.field == nil && !present {
		p.printf("@%d,%d,%d", n.Type, n.off, n.bits)
		return
	}
	p.WriteString(n.h.name)
	if present {
		return
	}
	p.WriteString(n.blockNumber() + " " + n.field.name)
}

// blockNumber tells the second and further blocks of a selective acknowledgement from the first.
func (n *exthdrNode) blockNumber() string {
	if i := n.off / 64; n.Op == exthdrTCP && i > 0 {
		return literalNumber("", i)
	}
	return ""
}

func (e *Osf) text(p *textPrinter) {
	p.WriteString("osf ")
	if t := osfTTL(e.TTL); t != "" {
		p.WriteString("ttl " + t + " ")
	}
	p.WriteString(osfKey(e.Flags))
}

// osfTTL is nft's word for how [Osf] looks at the TTL (NF_OSF_TTL_LESS, NF_OSF_TTL_NOCHECK).
func osfTTL(ttl uint8) string {
	switch ttl {
	case 1:
		return "loose"
	case 2:
		return "skip"
	}
	return ""
}

// osfKey is what [Osf] asks for; 1 is NFT_OSF_F_VERSION.
func osfKey(flags uint32) string {
	if flags&1 != 0 {
		return "version"
	}
	return "name"
}

func (e *Xfrm) text(p *textPrinter) {
	k := xfrmKeys[e.Key]
	p.WriteString("ipsec " + xfrmDir(e.Dir))
	if e.Spnr != 0 {
		p.printf(" spnum %d", e.Spnr)
	}
	if k.family != "" {
		p.WriteString(" " + k.family)
	}
	p.WriteString(" " + keyName(k.keyInfo, e.Key))
}

// xfrmDir is nft's word for a policy's direction (XFRM_POLICY_IN, XFRM_POLICY_OUT).
func xfrmDir(d uint8) string {
	if d == 0 {
		return "in"
	}
	return "out"
}

func (e *Tunnel) text(p *textPrinter) { p.WriteString("tunnel " + keyName(tunnelKeys[e.Key], e.Key)) }

func (n *binaryNode) text(p *textPrinter) {
	n.side(p, n.l)
	p.WriteByte(' ')
	p.WriteString(n.op)
	p.WriteByte(' ')
	n.side(p, n.r)
}

func (n *binaryNode) side(p *textPrinter, side node) {
	b, ok := side.(*binaryNode)
	if ok && precedence[b.op] > precedence[n.op] {
		p.WriteByte('(')
		defer p.WriteByte(')')
	}
	side.text(p)
}

func (n *prefixNode) text(p *textPrinter) {
	n.of.text(p)
	p.WriteByte('/')
	p.number(uint64(n.bits))
}

func (n *rangeNode) text(p *textPrinter) {
	n.from.text(p)
	p.WriteByte('-')
	n.to.text(p)
}

func (n *concatNode) text(p *textPrinter) { p.list(n.parts, " . ") }
func (n *listNode) text(p *textPrinter)   { p.list(n.items, ",") }

// setIndent is how nft indents the further lines of a set's elements.
const setIndent = ",\n\t\t\t     "

func (n *setNode) text(p *textPrinter) {
	p.WriteString("{ ")
	for i, e := range n.elems {
		switch {
		case i == 0:
		case n.perLine > 0 && i%n.perLine == 0:
			p.WriteString(setIndent)
		default:
			p.WriteString(", ")
		}
		e.text(p)
	}
	p.WriteString(" }")
}

func (n *setRefNode) text(p *textPrinter) {
	if !n.meter {
		p.WriteByte('@')
	}
	p.WriteString(n.name)
}

func (n *elemNode) text(p *textPrinter) {
	n.key.text(p)
	for _, s := range n.stmts {
		p.WriteByte(' ')
		s.text(p)
	}
	if n.timeout != 0 {
		p.WriteString(" timeout " + durationText(n.timeout))
	}
	if n.expires != 0 && !p.stateless {
		p.WriteString(" expires " + durationText(n.expires))
	}
	if n.comment != "" {
		p.WriteByte(' ')
		p.comment(n.comment)
	}
}

func (n *mappingNode) text(p *textPrinter) {
	n.key.text(p)
	p.WriteString(" : ")
	n.data.text(p)
}

func (n *mapNode) text(p *textPrinter) {
	n.key.text(p)
	if n.verdicts {
		p.WriteString(" vmap ")
	} else {
		p.WriteString(" map ")
	}
	n.data.text(p)
}
