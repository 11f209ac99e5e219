package translate

import (
	"slices"
	"strings"
	"testing"

	"rechain/nft"
	"rechain/nft/bytecode"
	nftcompare "rechain/nft/compare"
	nftmeaning "rechain/nft/meaning"
	nfttrace "rechain/nft/trace"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// TestMutations breaks translations, and wants each shown by a packet that fares differently.
func TestMutations(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			rs, err := iptables.Parse(strings.NewReader(m.rules+"\nCOMMIT\n"), "rules", iptables.IPv4, ext.Vocabulary)
			if err != nil {
				t.Fatal(err)
			}
			for _, broken := range []bool{false, true} {
				out, report := Ruleset(rs, nil, Options{})
				if out == nil {
					t.Fatal(report.Problems)
				}
				if broken {
					m.mutate(out.Tables[0])
				}
				functions, err := nftcompare.Programs(Meaning(rs, nil), nftmeaning.Of(out, false), nftcompare.Options{Findings: 1})
				if err != nil {
					t.Fatal(err)
				}
				found := false
				for _, f := range functions {
					if f.Undecided != nil {
						t.Error(f.Undecided)
					}
					for _, x := range f.Findings {
						found = true
						if nfttrace.Same(x.A.Outcome, x.B.Outcome) {
							t.Errorf("%v fares alike", x.Packet)
						}
					}
				}
				if found != broken {
					t.Errorf("broken %v, found %v", broken, found)
				}
			}
		})
	}
}

// inRule is a mutation of the statements of one type in the rules that are there.
func inRule[T nft.Stmt](change func(T)) func(*nft.Table) {
	return func(t *nft.Table) {
		for _, ch := range t.Chains {
			for _, r := range ch.Rules {
				for _, s := range r.Stmts {
					if v, ok := s.(T); ok {
						change(v)
					}
				}
			}
		}
	}
}

// without is a table without the n-th rule of its first chain.
func without(n int) func(*nft.Table) {
	return func(t *nft.Table) { t.Chains[0].Rules = slices.Delete(t.Chains[0].Rules, n, n+1) }
}

// swapped is a table whose first chain has two rules the other way around.
func swapped(i, j int) func(*nft.Table) {
	return func(t *nft.Table) { r := t.Chains[0].Rules; r[i], r[j] = r[j], r[i] }
}

// another flips a bit of the last byte of a value.
func another(x nft.Expr) nft.Expr {
	b := slices.Clone(x.(*nft.Value).Data)
	b[len(b)-1] ^= 1
	return &nft.Value{Data: b}
}

var mutations = []struct {
	name, rules string
	mutate      func(*nft.Table)
}{
	{"another port asked for", "*filter\n:INPUT ACCEPT\n-A INPUT -p tcp --dport 22 -j DROP", inRule(func(m *nft.Match) {
		if len(m.Right.(*nft.Value).Data) == 2 {
			m.Right = another(m.Right)
		}
	})},
	{"a verdict lost", "*filter\n:INPUT ACCEPT\n-A INPUT -p udp -j DROP", without(0)},
	{"two rules the other way around", "*filter\n:INPUT ACCEPT\n-A INPUT -s 10.0.0.1 -j ACCEPT\n-A INPUT -s 10.0.0.0/8 -j DROP", swapped(0, 1)},
	{"another answer", "*filter\n:INPUT ACCEPT\n-A INPUT -p udp -j REJECT", inRule(func(p *nft.Plain) { p.Op = &bytecode.Reject{Code: 1} })},
	{"another bit of a mark", "*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp -j MARK --set-xmark 0x10/0xf0", inRule(func(a *nft.Assign) {
		a.Value.(*nft.MaskXor).Mask[0] ^= 2
	})},
	{"a checksum not mended", "*mangle\n:FORWARD ACCEPT\n-A FORWARD -j TTL --ttl-set 64", inRule(func(a *nft.Assign) { a.ChecksumType = 0 })},
	{"a class lost", "*mangle\n:FORWARD ACCEPT\n-A FORWARD -p tcp -j CLASSIFY --set-class 1:10", without(0)},
	{"another port to go to", "*nat\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080", inRule(func(n *nft.NAT) {
		n.Port = another(n.Port)
	})},
	{"a flag of NAT", "*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -o eth0 -j MASQUERADE --random", inRule(func(n *nft.NAT) { n.Flags = 0 })},
	{"another network", "*nat\n:PREROUTING ACCEPT\n-A PREROUTING -d 10.1.0.0/16 -j NETMAP --to 10.2.0.0/16", inRule(func(n *nft.NAT) { n.Addr = another(n.Addr) })},
	{"a proxy without its drop", "*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp -j TPROXY --on-port 15001 --tproxy-mark 1", without(1)},
	{"another zone", "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p udp -j CT --zone 2", inRule(func(a *nft.Assign) { a.Value = &nft.Value{Data: []byte{3, 0}} })},
	{"a zone after notrack", "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp -j CT --notrack\n-A PREROUTING -j CT --zone 2", func(t *nft.Table) {
		r := t.Chains[0].Rules[1] // which then asks no more whether the packet is tracked
		r.Stmts = r.Stmts[len(r.Stmts)-1:]
	}},
	{"another helper", "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 21 -j CT --helper ftp", func(t *nft.Table) { t.Objects[0].CtHelper.Helper = "irc" }},
	{"a helper for what was expected", "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 21 -j CT --helper ftp", func(t *nft.Table) {
		t.Objects[0].CtHelper.L4 = 17
	}},
	{"another queue", "*filter\n:INPUT ACCEPT\n-A INPUT -j NFQUEUE --queue-balance 1:4", inRule(func(q *nft.Queue) { q.Total = 3 })},
	{"another size", "*mangle\n:FORWARD ACCEPT\n-A FORWARD -p tcp --syn -m tcpmss --mss 1400: -j TCPMSS --set-mss 1400", inRule(func(a *nft.Assign) { a.Value = another(a.Value) })},
	{"one option left", "*mangle\n:FORWARD ACCEPT\n-A FORWARD -p tcp -j TCPOPTSTRIP --strip-options timestamp", func(t *nft.Table) {
		for _, ch := range t.Chains {
			for _, r := range ch.Rules {
				if n := len(r.Stmts); n > 1 {
					r.Stmts = r.Stmts[:n-1]
				}
			}
		}
	}},
	{"no copy", "*mangle\n:FORWARD ACCEPT\n-A FORWARD -p tcp -j TEE --gateway 10.0.0.1", without(0)},
	{"a mark not restored", "*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", func(t *nft.Table) {
		t.Chains[0].Rules = nil
	}},
	{"no trace", "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p tcp -j TRACE", without(0)},
}
