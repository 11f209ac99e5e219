package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/kernel"
	"rechain/translate"
	"rechain/translate/ext"
	"rechain/translate/iptables"
	"rechain/translate/redirect"
)

func newRedirect() *cobra.Command {
	c := &cobra.Command{
		Use:   "redirect",
		Short: "program an Istio-style transparent redirect",
		Long: `redirect programs the kernel to hand connections to a proxy: inbound ones to one port, outbound ones to another, and
those of the proxy itself to nobody but their destination. It takes the flags and variables of istio-iptables, and a YAML file
whose keys are the long flags. Flags come before variables, variables before the file.`,
		Args: cobra.ArbitraryArgs,
		RunE: noCommand,
	}
	s := &settings{}
	s.bind(c.PersistentFlags())
	c.AddCommand(newRedirectPlan(s), newRedirectApply(s), newRedirectCheck(s), newRedirectRemove(s), newRedirectProbe(s))
	return c
}

// noCommand shows the help of a command that only has subcommands, and refuses one that it does not have.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return usage(fmt.Errorf("%q is not a command of %q; see %s --help", args[0], cmd.Name(), cmd.CommandPath()))
}

// settings are what every redirect command is told: the configuration, where, and how to print.
type settings struct {
	config redirect.Config
	netns  string
	view   view // of plan
	// prove is asked before a plan is used; nil: nothing is.
	prove  func(v4, v6 *iptables.Ruleset, rs *nft.Ruleset) error
	proved strings.Builder // what a proof has to say, when all is done
	insist bool            // on a proof even where nothing has to be done
}

// bind adds the configuration's flags and --netns.
func (s *settings) bind(fs *pflag.FlagSet) {
	s.config = redirect.Default()
	s.config.Bind(fs)
	ports := fs.ShorthandLookup("o")
	ports.Value = viewOrPorts{&s.view, ports.Value}
	fs.StringVar(&s.netns, "netns", "", "network namespace to work in: a name, a path or a process id")
	fs.SortFlags = false
}

// resolve completes the configuration from environment, file and machine, and says what the user should hear.
func (s *settings) resolve(cmd *cobra.Command) (*redirect.Plan, error) {
	if s.view != "" && cmd.Name() != "plan" {
		return nil, usage(fmt.Errorf("-o %s: only plan prints views; %s takes ports here", s.view, cmd.Name()))
	}
	problems := s.config.FromEnvironment(os.LookupEnv)
	if s.config.File != "" {
		more, err := readConfig(&s.config, s.config.File)
		if err != nil {
			return nil, usage(err)
		}
		problems = append(problems, more...)
	}
	if s.netns == "" {
		s.netns = s.config.NetworkNamespace
	}
	ns, err := kernel.OpenNamespace(s.netns)
	if err != nil {
		return nil, kernelSays(err)
	}
	plan, more := s.config.Resolve(host{ns})
	if problems = append(problems, more...); len(problems) > 0 {
		return nil, usage(problems.Err())
	}
	for _, n := range plan.Notes {
		fmt.Fprintln(cmd.ErrOrStderr(), "note:", n)
	}
	return plan, nil
}

func readConfig(c *redirect.Config, name string) (iptables.Problems, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return c.FromYAML(f, name), nil
}

// ownMark starts the comment of every table that a redirect made: it is how they are found again, whatever their names.
const ownMark = "rechain redirect"

// compile turns a plan into the nft rule set that it means.
func compile(p *redirect.Plan) (*nft.Ruleset, error) {
	rs, _, err := compiled(p)
	return rs, err
}

// compiled is a plan as nft's model, with the chains of iptables that it was made of.
func compiled(p *redirect.Plan) (*nft.Ruleset, [2]*iptables.Ruleset, error) {
	v4, v6, problems := p.Rulesets(ext.Vocabulary)
	from := [2]*iptables.Ruleset{v4, v6}
	if err := problems.Err(); err != nil {
		return nil, from, usage(err)
	}
	rs, report := translate.Ruleset(v4, v6, translate.Options{
		TableName:    func(table string) string { return p.TablePrefix + "-" + table },
		TableComment: ownMark,
		RuleComment:  func(r *iptables.Rule) string { return r.Pos.Key() },
		Counters:     true,
		Used:         true,
	})
	if rs == nil {
		return nil, from, no(report.Err())
	}
	return rs, from, nil
}

// isOurs says whether a redirect made a table.
func isOurs(t *bytecode.Table) bool { return bytecode.Comment(t.UserData) == ownMark }

// oursOr keeps the tables that a redirect made, and those that have the name of a wanted one.
func oursOr(want []*bytecode.Table) func(*bytecode.Table) bool {
	named := namedIn(want)
	return func(t *bytecode.Table) bool { return isOurs(t) || named(t) }
}

// notForeign refuses to touch a table that has the name of a wanted one but is somebody else's.
func notForeign(have []*bytecode.Table) error {
	for _, t := range have {
		if !isOurs(t) {
			return no(fmt.Errorf("table %s %s is there, and no redirect made it; delete it, or choose another --table-prefix", t.Family, t.Name))
		}
	}
	return nil
}

// redirectSource is the rule set of a configuration file.
func redirectSource(file string) (*source, error) {
	s := &settings{config: redirect.Default()}
	s.config.File = file
	plan, err := s.resolve(newRoot())
	if err != nil {
		return nil, err
	}
	out := &source{}
	var problems iptables.Problems
	if out.v4, out.v6, problems = plan.Rulesets(ext.Vocabulary); problems != nil {
		return nil, usage(problems.Err())
	}
	out.ruleset, err = compile(plan)
	return out, err
}

// viewOrPorts makes -o mean two things that cannot be mistaken for each other: istio-iptables' ports, and the view to print.
type viewOrPorts struct {
	view  *view
	ports pflag.Value
}

func (v viewOrPorts) String() string { return v.ports.String() }
func (v viewOrPorts) Type() string   { return v.ports.Type() }

// Set takes the name of a view, or ports.
func (v viewOrPorts) Set(s string) error {
	if strings.Trim(s, "0123456789,:- ") == "" {
		return v.ports.Set(s)
	}
	return v.view.Set(s)
}
