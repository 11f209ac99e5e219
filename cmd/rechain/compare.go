package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/nft/compare"
	"rechain/nft/packet"
)

// comparison is what compare is told.
type comparison struct {
	source       sourceOptions
	brief        bool
	only         []string
	where        string
	findings     int
	budget       budget
	rejectAsDrop bool
	logs, states attitude
	output       reportView
	page         string // file
}

func newCompare() *cobra.Command {
	o := comparison{logs: attitude(compare.Ignore), states: attitude(compare.Tell), output: "text"}
	c := &cobra.Command{
		Use:   "compare A B",
		Short: "prove that two rule sets treat every packet alike, or show one that they do not",
		Long: `compare says whether two rule sets do the same with every packet: "same" is proved, and each difference comes with a packet, all
packets like it, the rules that decide about them, and the change of the rules that makes it, if both are of one kind.

A and B are a SOURCE each. IPv4 is compared with IPv4 and IPv6 with IPv6, where both say something of it; the kernel's rule sets and
redirects say something of both. A match of which only its text is known is taken to be the same on both sides where the texts are.

Exit codes: 0 the same, 1 different, 2 unreadable or not decided, as when the budget is used up.

` + sourceHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(fmt.Errorf("compare: takes two SOURCEs, not %d; files of one side are joined with +", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0], args[1]) },
	}
	f := c.Flags()
	f.BoolVar(&o.brief, "brief", false, "print only the first line")
	f.StringSliceVar(&o.only, "only", nil, "compare only these base chains (TABLE/CHAIN), tables or hooks")
	f.StringVar(&o.where, "where", "", "compare only for these packets: conditions such as 'dport=22 src=10.0.0.0/8 iif!=lo'")
	f.IntVar(&o.findings, "max-findings", 10, "show so many differences at most")
	f.Var(&o.budget, "budget", "memory and time that it may take: 1G, 60s, 1G/60s (default: 1G, and as long as it takes)")
	f.BoolVar(&o.rejectAsDrop, "reject-as-drop", false, "take packets that are rejected for dropped")
	f.Var(&o.logs, "log", "other log lines: ignore, report, or fail")
	f.Var(&o.states, "state", "other packets that rules remember (recent, limit, sets that grow): ignore, report, or fail")
	f.VarP(&o.output, "output", "o", "print as text or json")
	f.StringVar(&o.page, "html", "", "write the report to this file as well, as one page to look at in a browser")
	o.source.families.bind(c, "a dump or listing")
	return c
}

func (o *comparison) run(cmd *cobra.Command, wordA, wordB string) error {
	o.source.talk, o.source.partly = cmd.ErrOrStderr(), true
	if o.findings < 1 {
		return usage(fmt.Errorf("--max-findings %d: at least one is shown", o.findings))
	}
	q := compare.Question{Findings: o.findings, Nodes: o.budget.nodes, RejectAsDrop: o.rejectAsDrop, Only: o.only,
		Logs: compare.Attitude(o.logs), States: compare.Attitude(o.states)}
	if o.budget.time > 0 {
		q.Until = time.Now().Add(o.budget.time)
	}
	if err := o.bindWhere(&q); err != nil {
		return err
	}
	var err error
	if q.A, err = o.side(wordA); err != nil {
		return err
	}
	if q.B, err = o.side(wordB); err != nil {
		return err
	}
	report, err := compare.Make(q)
	if err != nil {
		return usage(err)
	}
	if err := writePage(report, o.page); err != nil {
		return err
	}
	if o.output == "json" {
		err = report.WriteJSON(cmd.OutOrStdout())
	} else {
		err = report.WriteText(cmd.OutOrStdout(), o.brief)
	}
	switch {
	case err != nil:
		return err
	case report.Result == compare.IsDifferent:
		return no(nil)
	case report.Result == compare.IsUndecided:
		return usage(nil)
	}
	return nil
}

// side reads one side.
func (o *comparison) side(word string) (compare.Side, error) {
	s, err := readSource([]string{word}, o.source)
	if err != nil {
		return compare.Side{}, err
	}
	v4, v6, err := s.programs(o.source.talk)
	side := compare.Side{Name: word, Kind: "iptables", V4: v4, V6: v6}
	if s.ruleset != nil {
		side.Kind = "nft"
		if others := otherFamilies(s.ruleset); others != "" {
			fmt.Fprintf(o.source.talk, "%s: note: tables of %s are not compared\n", word, others)
		}
	}
	return side, err
}

// otherFamilies are the families of a rule set's tables that are neither IPv4's nor IPv6's.
func otherFamilies(rs *nft.Ruleset) string {
	var out []string
	for _, t := range rs.Tables {
		switch name := t.Family.String(); t.Family {
		case nft.IPv4, nft.IPv6, nft.Inet:
		default:
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return strings.Join(out, ", ")
}

// bindWhere makes --where part of the question.
func (o *comparison) bindWhere(q *compare.Question) error {
	if o.where == "" {
		return nil
	}
	var wheres [2]packet.Pred
	for i, ipv6 := range []bool{false, true} {
		where, ok, err := packet.ParseWhere(o.where, ipv6)
		var wrong *packet.SyntaxError
		switch {
		case errors.As(err, &wrong):
			return usage(fmt.Errorf("--where: %s: %s", wrong.Word, wrong.Msg))
		case ok:
			wheres[i] = where
		}
	}
	if wheres[0] == nil && wheres[1] == nil {
		return usage(fmt.Errorf("--where %q: no packet is of both IPv4 and IPv6", o.where))
	}
	q.Where = func(ipv6 bool) (packet.Pred, bool) {
		where := wheres[0]
		if ipv6 {
			where = wheres[1]
		}
		return where, where != nil
	}
	return nil
}

// attitude is a flag's value.
type attitude compare.Attitude

var attitudeNames = []string{"ignore", "report", "fail"}

func (a *attitude) String() string { return attitudeNames[*a] }
func (a *attitude) Type() string   { return "how" }

// Set takes one of the names.
func (a *attitude) Set(s string) error {
	i := slices.Index(attitudeNames, s)
	if i < 0 {
		return fmt.Errorf("%q is none of %s", s, strings.Join(attitudeNames, ", "))
	}
	*a = attitude(i)
	return nil
}

// reportView is text or json.
type reportView string

func (v *reportView) String() string { return string(*v) }
func (v *reportView) Type() string   { return "view" }

// Set takes one of the views.
func (v *reportView) Set(s string) error {
	if s != "text" && s != "json" {
		return fmt.Errorf("%q is not a view; it is text or json", s)
	}
	*v = reportView(s)
	return nil
}

// budget is how much memory and time a comparison may take.
type budget struct {
	text  string
	nodes int
	time  time.Duration
}

// nodeSize is what a node of the diagram takes, with its share of the tables.
const nodeSize = 40

func (b *budget) String() string { return b.text }
func (b *budget) Type() string   { return "MEMORY/TIME" }

// Set takes a size, a time, or both with "/" or "," between them.
func (b *budget) Set(s string) error {
	b.text = s
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '/' || r == ',' }) {
		if d, err := time.ParseDuration(part); err == nil && d > 0 {
			b.time = d
			continue
		}
		size := strings.TrimSuffix(strings.ToUpper(part), "B")
		shift := 0
		for i, unit := range []string{"K", "M", "G", "T"} {
			if number, ok := strings.CutSuffix(size, unit); ok {
				size, shift = number, 10*(i+1)
				break
			}
		}
		n, err := strconv.ParseUint(size, 10, 20)
		if err != nil || shift == 0 || n == 0 {
			return fmt.Errorf("%q is neither memory (500M, 1G) nor a time (60s)", part)
		}
		b.nodes = max(1, int(min(n<<shift/nodeSize, 1<<31-1)))
	}
	return nil
}
