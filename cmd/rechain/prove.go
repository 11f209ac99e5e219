package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/nft/compare"
	"rechain/nft/meaning"
	"rechain/nft/packet"
	"rechain/translate"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// proving is whether a translation is proved: when asked, and else where it costs little.
type proving struct {
	flag *bool
	cmd  *cobra.Command
	off  bool // there is nothing to prove: the source is only a part of what it is for
}

func (p *proving) bind(c *cobra.Command) {
	p.cmd = c
	p.flag = c.Flags().Bool("prove", false, "prove for every packet that the nft rules do what the source's do, before anything else is done (default: where that takes less than a second)")
}

// What is proved unasked: a second's work at most.
const (
	smallRules = 5000
	smallNodes = 2 << 20
	smallTime  = time.Second
)

// asked says whether a proof is wanted, and off that none is.
func (p *proving) asked() (asked, off bool) {
	if p.off || p.cmd == nil || !p.cmd.Flags().Changed("prove") {
		return false, p.off
	}
	return *p.flag, !*p.flag
}

// prove proves a source's translation, if it is to be the same for the packets of which a proof speaks.
func (o *translation) prove(s *source, report *translate.Report, rs *nft.Ruleset, talk io.Writer) error {
	if len(report.Problems)+len(report.Skipped) == 0 && !o.dropMalformed {
		return o.equal(s.v4, s.v6, s.sets, rs, talk)
	}
	if asked, _ := o.asked(); asked {
		return no(errInexact)
	}
	return nil
}

// equal compares what the translation rs means with what the sources mean. A difference is an error, and names a packet. Where the proof was
// asked for, so is anything that keeps from it.
func (p *proving) equal(v4, v6 *iptables.Ruleset, sets ipset.Sets, rs *nft.Ruleset, talk io.Writer) error {
	asked, off := p.asked()
	if off {
		return nil
	}
	opt := compare.Options{Findings: 3}
	rules := ruleCount(v4) + ruleCount(v6)
	if !asked {
		if rules > smallRules {
			return nil
		}
		opt.Nodes, opt.Until = smallNodes, time.Now().Add(smallTime)
	}
	var open []string
	for _, f := range []struct {
		ipv6   bool
		source *iptables.Ruleset
	}{{false, v4}, {true, v6}} {
		want := &packet.Program{IPv6: f.ipv6}
		if f.source != nil {
			want = translate.Meaning(f.source, sets)
		}
		functions, err := compare.Programs(want, meaning.Of(rs, f.ipv6), opt)
		if err != nil {
			return err
		}
		for _, fn := range functions {
			why, err := verdictOf(fn)
			if err != nil {
				return no(err)
			}
			if why != "" {
				open = append(open, why)
			}
		}
	}
	switch {
	case len(open) == 0:
		fmt.Fprintf(talk, "proved: for every packet, this does what the source's %d rules do\n", rules)
	case asked:
		return no(fmt.Errorf("not proved, and nothing was done: %s", strings.Join(open, "; ")))
	}
	return nil
}

// verdictOf is what keeps a hook from being proved, or the error that it differs.
func verdictOf(f *compare.Function) (open string, err error) {
	family := "IPv4"
	if f.IPv6 {
		family = "IPv6"
	}
	if f.Undecided != nil {
		return fmt.Sprintf("%s %v: %v", family, f.Hook, f.Undecided), nil
	}
	for _, x := range f.Findings {
		if x.Needs != nil {
			open = fmt.Sprintf("%s %v: nothing is known about %s", family, f.Hook, needs(x))
			continue
		}
		return "", fmt.Errorf("the translation differs from its source, which should never be; please report it. Nothing was done; --prove=false does it anyway.\n"+
			"%s %v: %v\nthe source:\n%s\nthe translation:\n%s", family, f.Hook, x.Packet, indent(x.A.String()), indent(x.B.String()))
	}
	switch {
	case open != "":
	case f.Memory != nil:
		open = fmt.Sprintf("%s %v: rules may not remember the same of %v", family, f.Hook, f.Memory.Packet)
	case f.MemoryUnknown:
		open = fmt.Sprintf("%s %v: what rules remember was too much to compare", family, f.Hook)
	}
	return open, nil
}

func needs(x *compare.Finding) string {
	return strings.Join(slices.Sorted(maps.Keys(x.Needs)), ", ")
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ")
}

func ruleCount(rs *iptables.Ruleset) (n int) {
	if rs == nil {
		return 0
	}
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			n += len(c.Rules)
		}
	}
	return n
}

var errInexact = errors.New("a proof is of exact translations and of whole packets: rules that are lossy or left out, and --drop-malformed, are neither")
