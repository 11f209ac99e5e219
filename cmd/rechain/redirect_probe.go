package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/nft/kernel"
	"rechain/nft/kernel/probe"
	"rechain/translate/redirect"
)

func newRedirectProbe(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "probe",
		Short: "try with real connections whether the redirect does what it should",
		Long: `probe opens connections and sends datagrams in the network namespace, from outside, to outside and to itself, as an
application and as the proxy, and compares where they arrive with what the configuration promises. A line for each says what was
tried, what happened and which rule decided. It exits with 1 if anything differs.

Where no proxy listens, throw-away listeners stand in. Outside is a namespace made for this, reached through interfaces made for
this, in which every address answers: nothing reaches the real network. All of it is taken away at the end.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := s.resolve(cmd)
			if err != nil {
				return err
			}
			return s.probe(cmd, plan)
		},
	}
}

// validate is the probe after apply, with the exit code that Istio's repair controller looks for.
func (s *settings) validate(cmd *cobra.Command, p *redirect.Plan) error {
	err := s.probe(cmd, p)
	if e := (*exitError)(nil); errors.As(err, &e) && e.code == exitNo {
		return &exitError{redirect.ExitInvalid, e.err}
	}
	return err
}

// probe tries what a plan promises, and prints what became of it.
func (s *settings) probe(cmd *cobra.Command, p *redirect.Plan) error {
	ns, err := kernel.OpenNamespace(s.netns)
	if err != nil {
		return kernelSays(err)
	}
	defer ns.Close()
	facts, err := probe.Survey(ns)
	if err != nil {
		return kernelSays(err)
	}
	if !facts.LoopbackUp {
		return kernelSays(errors.New("the interface lo is down in this namespace, and nothing can be redirected; set it up: ip link set lo up"))
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	trials, results, err := try(ctx, ns, p, facts)
	if errors.Is(err, context.Canceled) {
		return kernelSays(errors.New("interrupted; what the probe added is taken away again"))
	}
	if err != nil {
		return kernelSays(err)
	}
	return report(cmd.OutOrStdout(), trials, results)
}

// try runs the self-test of a plan.
func try(ctx context.Context, ns *kernel.Namespace, p *redirect.Plan, facts probe.Facts) (_ []redirect.Trial, _ []probe.Result, err error) {
	test := p.SelfTest(redirect.Surroundings{IPv6: facts.IPv6, Interfaces: facts.Interfaces, Addresses: facts.Addresses,
		Taken: facts.Taken})
	var wires []probe.Wire
	for _, w := range test.Wires {
		wires = append(wires, probe.Wire(w))
	}
	lab, err := probe.Open(ns, wires)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()

	proxy := probe.Owner{UID: p.UIDs[0], GID: p.GIDs[0]}
	if err := probe.CanAct(proxy); err != nil {
		proxy = probe.Owner{}
		skip(test.Trials, err.Error(), func(t redirect.Trial) bool { return t.Protocol == redirect.UDP && t.Want.Port != 0 })
	}
	results := make([]probe.Result, len(test.Trials))
	// What needs the proxy's absence comes first.
	for _, unheard := range []bool{true, false} {
		listeners, inbound := proxyListeners(p, proxy, facts.IPv6)
		if !unheard {
			listeners = append(listeners, inbound...)
		} else if slices.ContainsFunc(inbound, lab.Busy) {
			skip(test.Trials, "the proxy is there", func(t redirect.Trial) bool { return t.Unheard })
		}
		var flows []probe.Flow
		var which []int
		for i, t := range test.Trials {
			if t.Unheard == unheard && t.Skip == "" {
				flows, which = append(flows, flow(t)), append(which, i)
				listeners = addListener(listeners, t)
			}
		}
		if len(flows) == 0 {
			continue
		}
		got, err := lab.Run(ctx, flows, listeners)
		if err != nil {
			return nil, nil, err
		}
		for i, r := range got {
			results[which[i]] = r
		}
	}
	return test.Trials, results, nil
}

// skip leaves out trials.
func skip(trials []redirect.Trial, why string, which func(redirect.Trial) bool) {
	for i := range trials {
		if which(trials[i]) && trials[i].Skip == "" {
			trials[i].Skip = why
		}
	}
}

var protocols = map[redirect.Protocol]probe.Kind{
	redirect.TCP: probe.TCP, redirect.UDP: probe.UDP, redirect.Orphan: probe.Orphan, redirect.Invalid: probe.Malformed,
}

func flow(t redirect.Trial) probe.Flow {
	return probe.Flow{Kind: protocols[t.Protocol], Outside: t.Outside, From: t.From, To: t.To,
		Owner: probe.Owner{UID: t.UID, GID: t.GID}, Wait: t.Wait}
}

// proxyListeners stand in for the proxy; those of its inbound port are apart. They belong to the proxy: by that the rules know its
// answers to DNS.
func proxyListeners(p *redirect.Plan, proxy probe.Owner, ipv6 bool) (others, inbound []probe.Listener) {
	any := []netip.Addr{netip.IPv4Unspecified()}
	if ipv6 {
		any = append(any, netip.IPv6Unspecified())
	}
	for _, l := range p.Listeners() {
		for _, a := range any {
			x := probe.Listener{Kind: protocols[l.Protocol], At: netip.AddrPortFrom(a, l.Port), Owner: proxy}
			if l.Port == p.CapturePort {
				inbound = append(inbound, x)
			} else {
				others = append(others, x)
			}
		}
	}
	return others, inbound
}

// addListener adds one that takes what a trial sends if it is left alone.
func addListener(all []probe.Listener, t redirect.Trial) []probe.Listener {
	if t.Protocol != redirect.TCP && t.Protocol != redirect.UDP {
		return all
	}
	l := probe.Listener{Kind: protocols[t.Protocol], Outside: !t.Local, At: t.To}
	if l.Outside {
		any := netip.IPv4Unspecified()
		if t.To.Addr().Is6() {
			any = netip.IPv6Unspecified()
		}
		l.At = netip.AddrPortFrom(any, t.To.Port())
	}
	if slices.Contains(all, l) {
		return all
	}
	return append(all, l)
}

// report prints a line for each trial.
func report(w io.Writer, trials []redirect.Trial, results []probe.Result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	wrong, skipped := 0, 0
	for i, t := range trials {
		r := results[i]
		if t.Skip == "" && errors.Is(r.Err, probe.ErrOwner) {
			t.Skip = r.Err.Error()
		}
		if t.Skip != "" {
			fmt.Fprintf(tw, "-\t%s\tnot tried: %s\n", t.What, t.Skip)
			skipped++
			continue
		}
		from := r.From
		if !from.IsValid() {
			from = netip.AddrPortFrom(t.From, 0)
		}
		ok, what := t.Judge(seen(r))
		status, promise := "ok", ""
		if !ok {
			status, promise = "FAIL", "; expected: "+t.Promise()
			wrong++
		}
		fmt.Fprintf(tw, "%s\t%s\t%s %s > %s\t%s\t%s%s\n", status, t.What, t.Protocol, from, t.To, what, decision(r), promise)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	more := ""
	if skipped > 0 {
		more = fmt.Sprintf("; %d could not be tried", skipped)
	}
	tried := len(trials) - skipped
	if wrong > 0 {
		return no(fmt.Errorf("%d of %d trials went another way than the configuration promises%s", wrong, tried, more))
	}
	fmt.Fprintf(w, "all %d trials went the way that the configuration promises%s\n", tried, more)
	return nil
}

func seen(r probe.Result) redirect.Seen {
	s := redirect.Seen{Answered: r.Outcome == probe.Answered, Refused: r.Outcome == probe.Refused, Arrived: r.Arrived,
		Listener: r.Listener, Original: r.Original, Err: r.Err}
	if _, step, ok := r.Decision(); ok && step.Rule != nil && r.Listener == 0 {
		s.TProxy = probe.TProxyPort(step.Rule)
	}
	return s
}

// decision names the rule that decided, and what the rule was made for.
func decision(r probe.Result) string {
	hop, step, ok := r.Decision()
	if !ok {
		return "no nftables rule had a say"
	}
	where := step.Chain.Name
	if !isOurs(hop.Table) {
		where = fmt.Sprintf("%s %s %s", hop.Table.Family, hop.Table.Name, where)
	}
	if step.Rule == nil {
		return fmt.Sprintf("by no rule: the policy of %s, %s", where, step.Verdict.Code)
	}
	rule := nft.RaiseRule(hop.Table, step.Rule)
	made := rule.Comment
	rule.Comment = ""
	rule.Stmts = slices.DeleteFunc(slices.Clone(rule.Stmts), func(s nft.Stmt) bool { _, counts := s.(*nft.Counter); return counts })
	text := nft.RuleText(nft.RaiseTable(hop.Table), rule)
	if made != "" {
		text += "  (" + made + ")"
	}
	return fmt.Sprintf("by %s: %s", where, text)
}
