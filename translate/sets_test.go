//go:build linux

package translate

import (
	"maps"
	"strings"
	"testing"

	"rechain/translate/ext"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// Kernels are about that lack some types of sets. There, rules that say the same without a set stand for iptables' side.
var setless = []struct {
	name, sets string
	rules      [][2]string // with the set, and without
}{
	{"hash:ip,mark", "create s hash:ip,mark markmask 0x0f\nadd s 10.1.0.9,0x17\n", [][2]string{
		{"-A INPUT -m set --match-set s src,src", "-A INPUT -s 10.1.0.9/32 -m mark --mark 0x7/0xf"},
		{"-A FORWARD -m set --match-set s src,src -j DROP", "-A FORWARD -s 10.1.0.9/32 -m mark --mark 0x7/0xf -j DROP"},
	}},
	{"hash:net,net", "create s hash:net,net\nadd s 10.1.0.0/24,10.2.0.0/16\ncreate r hash:net,net\nadd r 10.2.0.8/29,10.1.0.0/16\n", [][2]string{
		{"-A FORWARD -m set --match-set s src,dst", "-A FORWARD -s 10.1.0.0/24 -d 10.2.0.0/16"},
		{"-A FORWARD -m set --match-set r src,dst -j DROP", "-A FORWARD -s 10.2.0.8/29 -d 10.1.0.0/16 -j DROP"},
		{"-A OUTPUT -m set --match-set r dst,src", "-A OUTPUT -s 10.1.0.0/16 -d 10.2.0.8/29"},
	}},
	{"hash:net,net of all addresses", "create s hash:net,net\nadd s 0.0.0.0/0,10.2.0.9\n", [][2]string{
		{"-A FORWARD -m set ! --match-set s src,dst -j DROP", "-A FORWARD ! -d 10.2.0.9/32 -j DROP"},
	}},
	{"hash:net,port,net", "create s hash:net,port,net\nadd s 10.1.0.0/24,tcp:80-81,10.2.0.0/16\ncreate r hash:net,port,net\nadd r 10.1.0.9,udp:53,10.2.0.9\n", [][2]string{
		{"-A FORWARD -m set --match-set s src,dst,dst", "-A FORWARD -s 10.1.0.0/24 -d 10.2.0.0/16 -p tcp -m tcp --dport 80:81"},
		{"-A FORWARD -m set --match-set r src,dst,dst -j DROP", "-A FORWARD -s 10.1.0.9/32 -d 10.2.0.9/32 -p udp -m udp --dport 53 -j DROP"},
	}},
	// The packets of the laboratory have no Ethernet addresses.
	{"hash:mac", "create s hash:mac\nadd s 02:00:00:00:00:01\n", [][2]string{
		{"-A INPUT -m set --match-set s src", "-A INPUT -m mac --mac-source 02:00:00:00:00:01"},
		{"-A INPUT -m set ! --match-set s src", "-A INPUT"},
	}},
	{"hash:ip,mac", "create s hash:ip,mac\nadd s 10.1.0.9,02:00:00:00:00:01\n", [][2]string{
		{"-A INPUT -m set --match-set s src,src", "-A INPUT -s 10.1.0.9/32 -m mac --mac-source 02:00:00:00:00:01"},
		{"-A INPUT -m set ! --match-set s src,src", "-A INPUT"},
	}},
}

func TestSetsThatKernelsLack(t *testing.T) {
	j := newJudges(t)
	parse := func(dump string) *iptables.Ruleset {
		rs, err := iptables.Parse(strings.NewReader(dump), "case", iptables.IPv4, ext.Vocabulary)
		must(t, err)
		return rs
	}
	for _, c := range setless {
		t.Run(c.name, func(t *testing.T) {
			with, without := &testCase{table: "filter"}, &testCase{table: "filter"}
			for _, r := range c.rules {
				with.input, without.input = append(with.input, r[0]), append(without.input, r[1])
			}
			sets, err := ipset.Parse(strings.NewReader(c.sets), "sets")
			must(t, err)
			plain := [2]*iptables.Ruleset{parse(without.dump())}
			model, report := Ruleset(parse(with.dump()), nil, Options{Counters: true, Sets: sets})
			must(t, report.Err())
			j.nft(t, with, model, textOf(t, model))
			if !j.reload(t, without, plain, model) {
				return
			}
			for _, p := range derive(plain[0], false) {
				if d := j.sendBoth(p); d != "" {
					t.Fatalf("%s\n%s", p, d)
				}
			}
			want, got := j.counts(t, plain, model)
			if !maps.Equal(want, got) {
				t.Errorf("counted: %s\n%s", difference(without, want, got), textOf(t, model))
			}
			if len(want) == 0 {
				t.Error("no rule has counted a packet")
			}
		})
	}
}
