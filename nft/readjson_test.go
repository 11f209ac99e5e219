package nft_test

import (
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rechain/nft"
)

// notRead are the cases that nft 1.0.6 does not list as JSON, or not all of them.
var notRead = map[string]string{
	"declarations.nft": "nft prints the update of a map as text",
	"dormant.nft":      "what nft prints is no JSON",
	"typeof.nft":       "nft does not tell how long plain numbers are",
}

// unlisted are rules that stand in the cases with a match that nft drops, and datatypes that it has other names for.
var unlisted = map[string]bool{"tcp dport 22": true, "ip saddr 1.2.3.4 tcp dport 22": true, "ip protocol { 0x6, 0x11 }": true}

// framed are rules that look at frames and at what is in them: what nft lists does not tell by which field they do.
var framed = regexp.MustCompile(`ether |vlan |iiftype |arp `)

// TestReadJSONAsNft has nft list rules of all kinds as JSON, and compares what is read with what the kernel holds.
func TestReadJSONAsNft(t *testing.T) {
	l := newLab(t)
	files, _ := filepath.Glob("testdata/view/*.nft")
	wrong := map[string]bool{}
	for _, d := range disagreements {
		wrong[d.ours] = true
	}
	same := 0
	for _, file := range files {
		if why := notRead[filepath.Base(file)]; why != "" {
			t.Logf("%s: %s", file, why)
			continue
		}
		l.must("", "nft", "flush", "ruleset")
		l.must("", "nft", "-f", file)
		holds, err := l.conn.Ruleset(nil)
		if err != nil {
			t.Fatal(err)
		}
		rs, err := nft.ReadJSON(l.must("", "nft", "-j", "list", "ruleset"), nft.JSONReader{File: file, Ifindex: ifindex})
		if err != nil {
			t.Error(err)
			continue
		}
		got := nft.Raise(nft.Lower(rs))
		for i, h := range nft.Raise(holds).Tables {
			for j, c := range h.Chains {
				if len(got.Tables[i].Chains[j].Rules) != len(c.Rules) {
					t.Fatalf("%s: chain %s has %d rules, not %d", file, c.Name, len(got.Tables[i].Chains[j].Rules), len(c.Rules))
				}
				for k, r := range c.Rules {
					text := strings.TrimSpace(nft.RuleText(h, r))
					switch {
					case nft.Same(r, got.Tables[i].Chains[j].Rules[k]):
						same++
					case wrong[text], rewritten[text] != "", framed.MatchString(text), unlisted[text]:
					default:
						t.Errorf("%s: %s\nis read as %s", file, text, nft.RuleText(got.Tables[i], got.Tables[i].Chains[j].Rules[k]))
					}
				}
			}
		}
	}
	t.Log(same, "rules alike")
}

func ifindex(name string) uint32 {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}

// FuzzReadJSON changes what WriteJSON prints: whatever comes of it, it is read or refused.
func FuzzReadJSON(f *testing.F) {
	f.Add(`{"nftables": [{"table": {"family": "inet", "name": "t"}}, {"chain": {"family": "inet", "table": "t", "name": "c"}},
		{"set": {"family": "inet", "table": "t", "name": "s", "type": ["ipv4_addr", "inet_service"], "flags": ["interval"], "elem": [{"concat": ["1.2.3.4", {"range": [1, 2]}]}]}},
		{"map": {"family": "inet", "table": "t", "name": "m", "type": "inet_service", "map": "verdict", "elem": [[22, {"jump": {"target": "c"}}], ["*", {"drop": null}]]}},
		{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [
		{"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip", "field": "saddr"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}, "right": "@s"}},
		{"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": ["syn", "ack"]}},
		{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": "@m"}},
		{"mangle": {"key": {"payload": {"protocol": "ip", "field": "dscp"}}, "value": "cs1"}},
		{"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"|": [{"&": [{"ct": {"key": "mark"}}, 255]}, 1]}}},
		{"dnat": {"family": "ip", "addr": {"map": {"key": {"ct": {"key": "mark"}}, "data": {"set": [[1, {"concat": ["1.2.3.4", 80]}]]}}}}},
		{"limit": {"rate": 1, "per": "second"}}, {"log": {"prefix": "x", "level": "info"}}, {"reject": {"type": "icmp", "expr": "port-unreachable"}}]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		rs, err := nft.ReadJSON(text, nft.JSONReader{File: "fuzz"})
		if err != nil {
			return
		}
		nft.Lower(rs)
		if err := nft.WriteText(io.Discard, rs, nft.TextOptions{}); err != nil {
			t.Fatal(err)
		}
	})
}
