package main

import (
	"fmt"
	"io"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
)

// view is a way to print a rule set: -o.
type view string

// The views.
const (
	viewText     view = "text"
	viewNft      view = "nft"
	viewJSON     view = "json"
	viewBytecode view = "bytecode"
	viewIptables view = "iptables"
)

var allViews = []view{viewText, viewNft, viewJSON, viewBytecode, viewIptables}

func (v *view) String() string { return string(*v) }
func (v *view) Type() string   { return "view" }

// Set takes one of the views.
func (v *view) Set(s string) error {
	for _, known := range allViews {
		if s == string(known) {
			*v = known
			return nil
		}
	}
	return fmt.Errorf("%q is not a view; it is one of %s", s, viewNames(allViews))
}

func viewNames(vs []view) string {
	names := make([]string, len(vs))
	for i, v := range vs {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

// writeRuleset prints a rule set in one of nft's views.
func writeRuleset(w io.Writer, rs *nft.Ruleset, v view, opt nft.TextOptions) error {
	switch v {
	case viewJSON:
		return nft.WriteJSON(w, rs, nft.JSONOptions{Names: opt.Names})
	case viewBytecode:
		return writeBytecode(w, nft.Lower(rs))
	}
	return nft.WriteText(w, rs, opt)
}

// writeBytecode prints each rule's program under its table and chain, as "nft --debug=netlink list ruleset" does.
func writeBytecode(w io.Writer, rs *bytecode.Ruleset) error {
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				if _, err := fmt.Fprintf(w, "%s %s %s", t.Family, t.Name, c.Name); err != nil {
					return err
				}
				if r.Handle != 0 {
					fmt.Fprintf(w, " %d", r.Handle)
				}
				fmt.Fprintln(w)
				for line := range strings.Lines(r.Program.String()) {
					fmt.Fprintf(w, "  %s\n", strings.TrimRight(line, "\n"))
				}
				fmt.Fprintln(w)
			}
		}
	}
	return nil
}
