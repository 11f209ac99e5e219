//go:build linux

package twin

import (
	"math/rand/v2"
	"slices"
)

// way is how packets get to a rule: from a hook through rules that jump, all of whose conditions must hold.
type way struct {
	hook  string
	conds []cond // those of the jumps, and the rule's own
}

// maxWays is how many ways to a rule are looked at.
const maxWays = 3

// ways are those to a rule.
func (t *tables) ways(r *rule) []way {
	out := t.waysTo(r.table, r.chain, nil)
	for i := range out {
		out[i].conds = append(slices.Clip(out[i].conds), r.conds...)
	}
	return out
}

func (t *tables) waysTo(table, chain string, seen []string) []way {
	if _, builtin := t.policy[table+" "+chain]; builtin {
		return []way{{hook: chain}}
	}
	if t.callers == nil {
		t.callers = map[string][]*rule{}
		for _, r := range t.all {
			if r.target != "" {
				t.callers[r.table+" "+r.target] = append(t.callers[r.table+" "+r.target], r)
			}
		}
	}
	if slices.Contains(seen, chain) {
		return nil
	}
	var out []way
	for _, r := range t.callers[table+" "+chain] {
		for _, w := range t.waysTo(table, r.chain, append(seen, chain)) {
			if out = append(out, way{w.hook, append(slices.Clip(w.conds), r.conds...)}); len(out) == maxWays {
				return out
			}
		}
	}
	return out
}

// paths are those that lead through a hook.
var paths = map[string][]string{
	"PREROUTING": {"in", "fwd", "in", "fwd", "lo"}, "INPUT": {"in", "in", "lo"}, "FORWARD": {"fwd"}, "OUTPUT": {"out", "out", "lo"},
	"POSTROUTING": {"fwd", "out", "fwd", "out", "lo"},
}

// blocker is a rule that decided about a packet, with the conditions on the way to it.
type blocker struct {
	rule  *rule
	conds []cond
}

// goesOn are the targets behind which the next rule follows.
var goesOn = []string{"", "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "CT", "NOTRACK", "TOS", "DSCP", "TTL", "HL", "TCPMSS", "CLASSIFY", "SET", "TRACE",
	"CHECKSUM", "TEE", "AUDIT", "IDLETIMER", "ECN", "TCPOPTSTRIP", "SECMARK", "CONNSECMARK", "RATEEST", "LED"}

// walk follows a packet through a chain until a rule decides, or it comes to a certain rule, or to the end: nil.
func (t *tables) walk(p *packet, table, chain string, until *rule, on []cond, depth int) (b *blocker, done bool) {
	for _, r := range t.rules[table+" "+chain] {
		if r == until {
			return nil, true
		}
		if !all(r.conds, p) || slices.Contains(goesOn, r.target) {
			continue
		}
		conds := append(slices.Clip(on), r.conds...)
		if r.target == "RETURN" {
			if depth == 0 {
				return &blocker{r, conds}, true
			}
			return nil, false
		}
		if _, isChain := t.rules[table+" "+r.target]; isChain {
			if depth > 14 {
				return nil, false
			}
			if b, done := t.walk(p, table, r.target, until, conds, depth+1); done || r.jumps {
				return b, done
			}
			continue
		}
		if t.declares(table, r.target) { // a chain without rules
			continue
		}
		return &blocker{r, conds}, true
	}
	return nil, false
}

// declares says whether a target that has no rules is a chain: targets are written in capitals, and the kernel's own take part
// in the decision.
func (t *tables) declares(table, target string) bool {
	return len(t.callers[table+" "+target]) > 0 && !decides[target]
}

// decides are the targets that end a packet's way through a table.
var decides = map[string]bool{"ACCEPT": true, "DROP": true, "REJECT": true, "QUEUE": true, "NFQUEUE": true, "DNAT": true, "SNAT": true, "MASQUERADE": true,
	"REDIRECT": true, "NETMAP": true, "TPROXY": true, "SYNPROXY": true}

func all(conds []cond, p *packet) bool {
	return !slices.ContainsFunc(conds, func(c cond) bool { return c.holds == nil || !c.holds(p) })
}

// possible says whether conditions hold as far as that can be known.
func possible(conds []cond, p *packet) bool {
	return !slices.ContainsFunc(conds, func(c cond) bool { return c.holds != nil && !c.holds(p) })
}

// meet gives a packet what conditions ask, each by one of its edits: the first, or where it is to vary any, even if it holds already.
func meet(p *packet, conds []cond, rnd *rand.Rand, vary bool) {
	for _, c := range conds {
		if len(c.yes) == 0 || !vary && c.holds != nil && c.holds(p) {
			continue
		}
		if vary {
			c.yes[rnd.IntN(len(c.yes))](p)
		} else {
			c.yes[0](p)
		}
	}
	if vary { // what a later one broke of an earlier one
		meet(p, slices.DeleteFunc(slices.Clone(conds), func(c cond) bool { return c.holds == nil }), rnd, false)
	}
}

// solve is a packet that gets to a rule and is taken by it, as well as can be known.
func (t *tables) solve(r *rule, w way, path string, rnd *rand.Rand, vary bool) packet {
	p := t.start(path)
	meet(&p, w.conds, rnd, vary)
	for range 12 {
		b, _ := t.walk(&p, r.table, w.hook, r, nil, 0)
		if b == nil || len(b.conds) == 0 {
			break
		}
		// Break one of the blocker's conditions, in a way that leaves the rule's own.
		from := rnd.IntN(len(b.conds))
	search:
		for i := range b.conds {
			c := b.conds[(from+i)%len(b.conds)]
			for _, e := range c.no {
				q := p
				if e(&q); possible(w.conds, &q) {
					p = q
					break search
				}
			}
		}
	}
	return p
}

// packets are n packets for the dump: some whatever it says, then for its rules, in random order, what each takes, and then what is
// beside that in one condition.
func (t *tables) packets(n int, seed uint64) []*packet {
	rnd := rand.New(rand.NewPCG(seed, uint64(len(t.all))))
	out := t.usual()
	order, turn := slices.Clone(t.all), map[*rule]int{}
	marked := t.has("MARK", "CONNMARK") // what of a mark they leave shows only where there is one
	rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	// A quarter, or more where the dump is small.
	if general := max(n/4, n-20*len(t.all)); len(out) > general {
		rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		out = out[:general]
	}
	out = append(out, t.strangers()...)
	for round := 0; len(out) < n && round < 40 && len(order) > 0; round++ {
		for _, r := range order {
			if len(out) >= n {
				break
			}
			ways := t.ways(r)
			if len(ways) == 0 {
				continue
			}
			w := ways[round%len(ways)]
			on := paths[w.hook]
			path := on[rnd.IntN(len(on))]
			if path == "lo" && round < 2 { // few rules are about those
				path = on[0]
			}
			if round == 0 {
				turn[r] = rnd.IntN(1000)
				p := t.solve(r, w, path, rnd, false)
				out = append(out, &p)
				continue
			}
			p := t.solve(r, w, path, rnd, round%2 == 0)
			if edits := beside(w.conds); round <= len(edits) { // each once
				from := turn[r]
				edits[(from+round)%len(edits)](&p)
				if rnd.IntN(4) > 0 {
					out = append(out, &p)
					continue
				}
			}
			if marked && rnd.IntN(3) == 0 {
				p.mark = 1<<32 - 1
			}
			switch rnd.IntN(12) {
			case 0:
				p.pieces = "two"
			case 1:
				p.mark = 1 << rnd.IntN(32)
			case 2:
				p.proto = []uint8{tcp, udp, icmp, icmp6, sctp, esp}[rnd.IntN(6)]
			case 3:
				p.uid, p.gid = 77, 88
			}
			out = append(out, &p)
		}
	}
	for i, p := range out {
		if p.sport == 1000 { // each a connection of its own
			p.sport = 20000 + uint16(i)
		}
		if p.mac == ([6]byte{}) {
			p.mac = peerMAC
		}
	}
	return out
}

// beside are the edits that lead to the other boundaries of conditions, and beyond them.
func beside(conds []cond) []edit {
	var out []edit
	for _, c := range conds {
		if len(c.yes) > 0 {
			out = append(out, c.yes[1:]...)
		}
		out = append(out, c.no...)
	}
	return out
}

// usual are packets of all kinds, whatever the dump says.
func (t *tables) usual() []*packet {
	var out []*packet
	add := func(path string, e edit) {
		p := t.start(path)
		e(&p)
		out = append(out, &p)
	}
	ping := uint8(icmp)
	if t.v6 {
		ping = icmp6
	}
	for _, path := range []string{"in", "fwd", "out", "lo"} {
		add(path, func(*packet) {})
		add(path, func(p *packet) { p.proto, p.dport = tcp, 22 })
		add(path, func(p *packet) { p.proto, p.dport = tcp, 81 })
		add(path, func(p *packet) { p.proto = ping })
		add(path, func(p *packet) { p.proto = 253 }) // for experiments (RFC 3692)
		add(path, func(p *packet) { p.proto, p.flags = tcp, 0x3f })
		add(path, func(p *packet) { p.pieces = "two" })
	}
	for _, path := range []string{"in", "fwd"} {
		add(path, func(p *packet) { p.broken = "checksum" })
		add(path, func(p *packet) { p.proto, p.broken = tcp, "checksum" })
		add(path, func(p *packet) { p.pieces = "later" })
		add(path, func(p *packet) { // an error about nothing that is known
			q := p.mirror()
			p.proto, p.icmpType, p.icmpCode, p.about = ping, 3, 1, &q
			if t.v6 {
				p.icmpType = 1
			}
		})
		if t.v6 {
			add(path, func(p *packet) { p.headers = []uint8{0, 60} })
			add(path, func(p *packet) { p.headers = []uint8{60, 44}; p.proto = tcp })
		}
	}
	add("fwd", func(p *packet) { p.ttl = 1 })
	add("fwd", func(p *packet) { p.dst = unreachableHost(t.v6) })
	add("out", func(p *packet) { p.uid, p.gid, p.mark = 77, 88, 0x5 })
	add("lo", func(p *packet) { p.uid, p.gid, p.proto = 77, 88, tcp })
	return out
}

// strangers are packets of the other family, which the dump is not about.
func (t *tables) strangers() []*packet {
	other := &tables{v6: !t.v6, made: t.shape()}
	var out []*packet
	for _, path := range []string{"in", "fwd", "out", "lo"} {
		p := other.start(path)
		out = append(out, &p)
	}
	return out
}

// malformed are n packets that rules would take, cut off in their headers, or fragments that are.
func (t *tables) malformed(n int, seed uint64) []*packet {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var out []*packet
	for i := range n {
		r := t.all[rnd.IntN(len(t.all))]
		for _, w := range t.ways(r)[:min(1, len(t.ways(r)))] {
			p := t.solve(r, w, paths[w.hook][0], rnd, true)
			p.broken = []string{"cut", "cut in two"}[i%2]
			if p.sport == 1000 {
				p.sport = 30000 + uint16(i)
			}
			out = append(out, &p)
		}
	}
	return out
}
