package translate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rechain/nft/compare"
	"rechain/nft/meaning"
	"rechain/nft/packet"
	"rechain/translate"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// TestProveCorpus proves the translation of real dumps: what the kernel's xt_* modules do with a packet is what nft's do.
func TestProveCorpus(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/*.rules")
	if len(files) == 0 {
		t.Skip("needs ../shared/corpus, which is not here")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			family := iptables.IPv4
			if strings.HasSuffix(file, ".v6.rules") {
				family = iptables.IPv6
			}
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			rs, err := iptables.Parse(f, filepath.Base(file), family, ext.Vocabulary)
			if err != nil {
				t.Skip(strings.SplitN(err.Error(), "\n", 2)[0])
			}
			v4, v6 := rs, (*iptables.Ruleset)(nil)
			if family == iptables.IPv6 {
				v4, v6 = nil, rs
			}
			out, report := translate.Ruleset(v4, v6, translate.Options{AllowLossy: true})
			if out == nil {
				t.Skip(report.Refused()[0])
			}
			start := time.Now()
			functions, err := compare.Programs(translate.Meaning(rs, nil), meaning.Of(out, family == iptables.IPv6), compare.Options{Findings: 2, Where: exact(report)})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range functions {
				if f.Undecided != nil {
					t.Errorf("%v: %v", f.Hook, f.Undecided)
				}
				for _, x := range append(f.Findings, f.Memory) {
					if x == nil {
						continue
					}
					t.Errorf("%v: %v\nneeds %v\n%s\n%s", f.Hook, x.Packet, x.Needs, way(x.A), way(x.B))
				}
			}
			t.Log(time.Since(start))
		})
	}
}

// exact is the packets that a translation claims to treat alike: all but those that it reports to treat in another way.
func exact(report *translate.Report) packet.Pred {
	var all packet.All
	for _, p := range report.Problems {
		if p.Ext == "TCPMSS" { // the option is not added
			all = append(all, packet.Not{P: packet.RoomForOption})
		}
	}
	return all
}

func way(t any) string { return fmt.Sprint(t) }
