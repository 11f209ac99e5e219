package packet

import (
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// TestLines are lines as people write them, and the same lines as they are printed.
func TestLines(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"tcp 10.0.0.2:4000 > 10.0.0.1:80 iif=eth0", "in tcp 10.0.0.2:4000 > 10.0.0.1:80 iif=eth0"},
		{"in tcp 10.0.0.2 to 10.0.0.1:80", "in tcp 10.0.0.2:40000 > 10.0.0.1:80"},
		{"out udp 10.0.0.1:5353 > 224.0.0.251:5353 uid=1337 mark=1", "out udp 10.0.0.1:5353 > 224.0.0.251:5353 uid=1337 mark=0x1"},
		{"udp 10.0.0.1:5353 > 224.0.0.251:5353 uid=1337", "out udp 10.0.0.1:5353 > 224.0.0.251:5353 uid=1337"},
		{"in icmp 1.2.3.4 > 10.0.0.1 type=8", "in icmp 1.2.3.4 > 10.0.0.1"},
		{"in icmp 1.2.3.4 > 10.0.0.1 type=0", "in icmp 1.2.3.4 > 10.0.0.1 type=0"},
		{"in icmp 1.2.3.4 > 10.0.0.1 type=0 ct=established", "in icmp 1.2.3.4 > 10.0.0.1 type=0 ct=established"},
		{"in icmp 1.2.3.4 > 10.0.0.1 type=0 ct=invalid", "in icmp 1.2.3.4 > 10.0.0.1 type=0"},
		{"in tcp 1.2.3.4:1 > 10.0.0.1:2 flags=fin ct=invalid", "in tcp 1.2.3.4:1 > 10.0.0.1:2 flags=fin"},
		{"in tcp 1.2.3.4:1 > 10.0.0.1:2 flags=fin ct=new", "in tcp 1.2.3.4:1 > 10.0.0.1:2 flags=fin ct=new"},
		{"icmpv6 fe80::1 -> ff02::1 icmpv6-type=134", "in icmpv6 fe80::1 > ff02::1 type=134"},
		{"forward tcp [2001:db8::1]:4000 > [2001:db8::2]:443 iif=eth0 oif=eth1 flags=syn ct=new",
			"forward tcp [2001:db8::1]:4000 > [2001:db8::2]:443 iif=eth0 oif=eth1"},
		{"tcp 1.2.3.4:1 > 5.6.7.8:2 iif=a oif=b", "forward tcp 1.2.3.4:1 > 5.6.7.8:2 iif=a oif=b"},
		{"tcp 1.2.3.4:1 > 5.6.7.8:2 state=established flags=psh,ack", "in tcp 1.2.3.4:1 > 5.6.7.8:2 flags=psh|ack ct=established"},
		{"tcp 1.2.3.4:1 > 5.6.7.8:2 ct=established", "in tcp 1.2.3.4:1 > 5.6.7.8:2 ct=established"},
		{"tcp 1.2.3.4:1 > 5.6.7.8:2 flags=none ttl=0", "in tcp 1.2.3.4:1 > 5.6.7.8:2 flags=none ttl=0"},
		{"out tcp 1.2.3.4:1 > 5.6.7.8:2 uid=none", "out tcp 1.2.3.4:1 > 5.6.7.8:2 socket=none"},
		{"out tcp 1.2.3.4:1 > 5.6.7.8:2 uid=0 gid=0", "out tcp 1.2.3.4:1 > 5.6.7.8:2"},
		{"tcp 1.2.3.4 > 5.6.7.8 frag=8", "in tcp 1.2.3.4 > 5.6.7.8 frag=8"},
		{"47 1.2.3.4 > 5.6.7.8 ct-mark=0x1 fib-daddr-type=unicast dnat=away", "in gre 1.2.3.4 > 5.6.7.8 ct-mark=0x1 fib-daddr-type=unicast dnat=away"},
		{"loop tcp 127.0.0.1:1 > 127.0.0.1:2", "loop tcp 127.0.0.1:1 > 127.0.0.1:2"},
		{`in udp 1.2.3.4:53 > 5.6.7.8:4000 '-m string --string "a b"'=yes`, `in udp 1.2.3.4:53 > 5.6.7.8:4000 "-m string --string \"a b\""=yes`},
		{`tcp 1.2.3.4:1 > 5.6.7.8:2 iif="none" ether-saddr=00:01:02:03:04:05`, `in tcp 1.2.3.4:1 > 5.6.7.8:2 iif="none" ether-saddr=00:01:02:03:04:05`},
		{"tcp [::1]:1 > [::2]:2 exthdr-44=yes exthdr-0-@2=3 tcp-option-2=yes tcp-mss=1400",
			"in tcp [::1]:1 > [::2]:2 tcp-mss=1400 exthdr-0-@2=0x3 exthdr-44=yes tcp-option-2=yes"},
	} {
		l, err := ParseLine(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := l.String(); got != c.out {
			t.Errorf("%s:\ngot  %s\nwant %s", c.in, got, c.out)
		}
	}
}

// TestLineErrors are lines that are refused, and why.
func TestLineErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                                                "packet: is empty",
		"in":                                              "packet: ends before the protocol",
		"inn tcp 1.2.3.4 > 1.2.3.4":                       "packet: column 1: inn: is neither a route",
		"tcp 1.2.3.4":                                     "packet: ends before the addresses",
		"tcp 1.2.3.4:1 . 1.2.3.4:2":                       `packet: column 15: .: should be ">"`,
		"tcp 1.2.3.400:1 > 1.2.3.4:2":                     "packet: column 5: 1.2.3.400:1: is not an address",
		"tcp 1.2.3.4:99999 > 1.2.3.4:2":                   `packet: column 5: 1.2.3.4:99999: "99999" is not a port`,
		"tcp 1.2.3.4:1 > 1.2.3.4":                         "packet: column 17: 1.2.3.4: has no port, which tcp needs",
		"icmp 1.2.3.4:1 > 1.2.3.4":                        "packet: column 6: 1.2.3.4:1: icmp has no ports",
		"tcp 1.2.3.4:1 > [::1]:2":                         "packet: column 17: [::1]:2: is not of the same family",
		"tcp 1.2.3.4:1 > 1.2.3.4:2 x":                     "packet: column 27: x: should be a field",
		"tcp 1.2.3.4:1 > 1.2.3.4:2 x=1":                   "packet: column 27: x=1: there is no field x",
		"tcp 1.2.3.4:1 > 1.2.3.4:2 mark=z":                `packet: column 27: mark=z: "z" is not a number`,
		"tcp 1.2.3.4:1 > 1.2.3.4:2 mark=0x100000000":      "packet: column 27: mark=0x100000000: 0x100000000 does not fit: the field has 32 bits",
		"tcp 1.2.3.4:1 > 1.2.3.4:2 flags=sin":             `packet: column 27: flags=sin: "sin" is none of fin, syn`,
		"tcp 1.2.3.4:1 > 1.2.3.4:2 ct=new,established":    "packet: column 27: ct=new,established: is one of new",
		"tcp 1.2.3.4:1 > 1.2.3.4:2 sport=2":               "packet: column 27: sport=2: says 2, but 1.2.3.4:1 says 1",
		"tcp 1.2.3.4:1 > 1.2.3.4:2 uid=none gid=2":        "packet: column 36: gid=2: says process, but uid=none says none",
		"tcp 1.2.3.4:1 > 1.2.3.4:2 ip6-nexthdr=6":         "packet: column 27: ip6-nexthdr=6: is not a field of IPv4",
		`tcp 1.2.3.4:1 > 1.2.3.4:2 "-m string=yes`:        `packet: column 27: "-m string=yes: a quote is not closed`,
		`tcp 1.2.3.4:1 > 1.2.3.4:2 "-m string"=1`:         `packet: column 27: "-m string"=1: a match holds or does not`,
		"tcp 1.2.3.4:1 > 1.2.3.4:2 iif=12345678901234567": `packet: column 27: iif=12345678901234567: "12345678901234567" is longer`,
		"tcp ::ffff:1.2.3.4 > 1.2.3.4:2":                  "packet: column 5: ::ffff:1.2.3.4: is an IPv4 address",
		"tcp 1.2.3.4:1 > 1.2.3.4:2 dnat=there":            "packet: column 27: dnat=there: the new destination is local or away",
	} {
		_, err := ParseLine(in)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// randomLine is a line with random fields among those that can be named.
func randomLine(r *rand.Rand) *Line {
	l := &Line{Route: Route(r.Intn(4)), IPv6: r.Intn(2) == 0, Moved: Moved(r.Intn(3)), Packet: &Packet{Fields: map[Field]Value{}, Opaque: map[string]bool{}}}
	p := l.Packet
	p.Set(L4Proto, Num([]uint64{1, 6, 6, 17, 47, 50, 51, 58, 132, 136, 200}[r.Intn(11)]))
	p.Set(l.Src(), Value{r.Uint64(), r.Uint64()}.And(Ones(uint(l.Src().Bits))))
	p.Set(l.Dst(), Value{r.Uint64(), r.Uint64()}.And(Ones(uint(l.Dst().Bits))))
	if hasPorts(p) {
		p.Set(DstPort, Num(r.Uint64()&0xffff))
	}
	all := slices.Concat(lineFields, []Field{HasTCPOption(8), HasExtension(60), ExtensionByte(60, 2)})
	for range r.Intn(12) {
		f := all[r.Intn(len(all))]
		if ofOtherFamily(f, l.IPv6) || f == IPv6Src || f == IPv6Dst || f == IPv4Src || f == IPv4Dst || f == L4Proto {
			continue
		}
		v := Value{r.Uint64(), r.Uint64()}.And(Ones(uint(f.Bits)))
		switch domain := Domain(f); {
		case domain != nil:
			v = domain[r.Intn(len(domain))].From
		case f.Show == Text:
			v = Name([]string{"eth0", "none", "a b", `q"`, "é", ""}[r.Intn(6)])
		case r.Intn(3) == 0:
			v = Num(v.Lo & 1)
		}
		p.Set(f, v)
	}
	if _, ok := p.Fields[UID]; ok && p.Get(HasSocket) != Num(2) {
		p.Set(HasSocket, Num(2))
	}
	if _, ok := p.Fields[GID]; ok && p.Get(HasSocket) != Num(2) {
		p.Set(HasSocket, Num(2))
	}
	if r.Intn(4) == 0 {
		p.Opaque["-m "+string(rune('a'+r.Intn(26)))+` "x"`] = r.Intn(2) == 0
	}
	return l
}

// sameLine says whether a line read back is the line.
func sameLine(t *testing.T, l *Line) {
	t.Helper()
	text := l.String()
	back, err := ParseLine(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if back.Route != l.Route || back.IPv6 != l.IPv6 || back.Moved != l.Moved || !maps.Equal(back.Packet.Opaque, l.Packet.Opaque) {
		t.Fatalf("%s: read back as %s", text, back)
	}
	for f := range l.Packet.Fields {
		if back.Packet.Get(f) != l.Packet.Get(f) {
			t.Fatalf("%s: %s is %s, was %s", text, f.Name, f.Text(back.Packet.Get(f)), f.Text(l.Packet.Get(f)))
		}
	}
	for f := range back.Packet.Fields {
		if back.Packet.Get(f) != l.Packet.Get(f) {
			t.Fatalf("%s: %s is %s, was %s", text, f.Name, f.Text(back.Packet.Get(f)), f.Text(l.Packet.Get(f)))
		}
	}
	if again := back.String(); again != text {
		t.Fatalf("%s: printed again %s", text, again)
	}
}

// TestRandomLines prints random packets and reads them back.
func TestRandomLines(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 3000 {
		l := randomLine(r)
		l.Fill()
		sameLine(t, l)
	}
}

// FuzzLine reads any text; what can be read is printed and read back as the same.
func FuzzLine(f *testing.F) {
	r := rand.New(rand.NewSource(2))
	for range 40 {
		f.Add(randomLine(r).String())
	}
	f.Add(`tcp 1.2.3.4 > 5.6.7.8 frag=8 'a'=yes iif="a\n"`)
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := ParseLine(text); err == nil {
			sameLine(t, l)
			l.Bytes()
		}
	})
}
