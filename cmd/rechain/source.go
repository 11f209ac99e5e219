package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/translate"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// sourceHelp says what a rule-set source is, for the help texts.
const sourceHelp = `A SOURCE is one word: a file (iptables-save or ip6tables-save dump, or an "iptables -L -v" listing, told apart
by content), "-" for standard input, "live" or "live:NETNS" for the kernel, or "redirect:FILE" for a redirect
configuration.`

// sourceOptions are what a source may need beside its word.
type sourceOptions struct {
	family      iptables.Family // of a dump or listing; 0: found out
	table       string          // of a listing; "": guessed
	tablePrefix string
	netns       string
	counters    bool
	talk        io.Writer // where what was guessed is said
}

// source is a rule set as it was read: in iptables' model too, if it came from there.
type source struct {
	v4, v6  *iptables.Ruleset
	ruleset *nft.Ruleset
}

// readSource reads the rule set that word names.
func readSource(word string, opt sourceOptions) (*source, error) {
	switch {
	case word == "live":
		return liveSource(opt.netns)
	case strings.HasPrefix(word, "live:"):
		return liveSource(strings.TrimPrefix(word, "live:"))
	case strings.HasPrefix(word, "redirect:"):
		return redirectSource(strings.TrimPrefix(word, "redirect:"))
	}
	name, data, err := readFile(word)
	if err != nil {
		return nil, usage(err)
	}
	return parseSource(name, data, opt)
}

func readFile(word string) (name string, data []byte, err error) {
	if word == "-" {
		data, err = io.ReadAll(os.Stdin)
		return "<stdin>", data, err
	}
	data, err = os.ReadFile(word)
	return word, data, err
}

// parseSource reads a dump or listing and translates it.
func parseSource(name string, data []byte, opt sourceOptions) (*source, error) {
	rs, err := parseRules(name, data, opt)
	if err != nil {
		return nil, usage(err)
	}
	s := &source{}
	if rs.Family == iptables.IPv6 {
		s.v6 = rs
	} else {
		s.v4 = rs
	}
	topt := translate.Options{Counters: opt.counters}
	if opt.tablePrefix != "" {
		topt.TableName = func(table string) string { return opt.tablePrefix + "-" + table }
	}
	out, report := translate.Ruleset(s.v4, s.v6, topt)
	if out == nil {
		return nil, no(report.Err())
	}
	s.ruleset = out
	return s, nil
}

func parseRules(name string, data []byte, opt sourceOptions) (*iptables.Ruleset, error) {
	r := bytes.NewReader(data)
	form, _ := iptables.Detect(data)
	switch form {
	case iptables.Save:
		return iptables.Parse(r, name, opt.family, ext.Vocabulary)
	case iptables.Listing:
		rs, err := iptables.ParseListing(r, name, iptables.ListingOptions{Family: opt.family, Table: opt.table}, ext.Vocabulary)
		if err == nil && opt.table == "" {
			fmt.Fprintf(opt.talk, "%s: a listing does not name its table; its chains are those of table %s (--table says otherwise)\n",
				name, rs.Tables[0].Name)
		}
		return rs, err
	default:
		return nil, fmt.Errorf("%s: is neither an iptables-save dump nor an iptables -L -v listing", name)
	}
}

// liveSource reads what a network namespace holds.
func liveSource(netns string) (*source, error) {
	conn, err := dial(netns)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	rs, err := conn.Ruleset(nil)
	if err != nil {
		return nil, kernelSays(err)
	}
	return &source{ruleset: nft.Raise(rs)}, nil
}

// familyFlags are -4 and -6.
type familyFlags struct{ v4, v6 bool }

func (f *familyFlags) bind(c *cobra.Command, what string) {
	c.Flags().BoolVarP(&f.v4, "ipv4", "4", false, what+" is of iptables")
	c.Flags().BoolVarP(&f.v6, "ipv6-only", "6", false, what+" is of ip6tables")
	c.MarkFlagsMutuallyExclusive("ipv4", "ipv6-only")
}

func (f *familyFlags) family() iptables.Family {
	switch {
	case f.v4:
		return iptables.IPv4
	case f.v6:
		return iptables.IPv6
	}
	return 0
}
