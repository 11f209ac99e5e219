package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rechain/translate/ext"
)

func newSupport() *cobra.Command {
	format := "text"
	c := &cobra.Command{
		Use:   "support",
		Short: "list the matches and targets of iptables that are translated",
		Long: `support lists the matches and targets that are known, with their options, and where the translation ends: in which cases it
is refused, or lossy; all others are exact. The kernel is the first Linux release with what the translation uses, where that is
later than 4.18.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch format {
			case "text":
				return writeSupport(cmd.OutOrStdout())
			case "markdown":
				return writeSupportPage(cmd.OutOrStdout())
			}
			return usage(fmt.Errorf("-o %s: support prints text or markdown", format))
		},
	}
	c.Flags().StringVarP(&format, "output", "o", format, "print as text or markdown")
	return c
}

// writeSupport prints the matrix in columns.
func writeSupport(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, e := range ext.Support() {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", flagAndName(e), familiesText(e), answer(e), limitsText(e))
	}
	return t.Flush()
}

// supportHead begins SUPPORT.md.
const supportHead = `# What is translated

"rechain support -o markdown" wrote this page, from the descriptors in translate/ext.

Exact means: for every packet, with every option. The columns behind that say in which cases a rule is refused instead, or lossy:
translated, but with a difference that is told. The kernel is the first Linux release with what the translation uses, where
that is later than 4.18. "!" marks options that can be negated.

ACCEPT, DROP, RETURN, jumps (-j) and gotos (-g), and -s, -d, -i, -o, -p and -f are exact.

| | Families | Options | Answer | Refused | Lossy | Kernel |
|---|---|---|---|---|---|---|
`

// writeSupportPage prints the matrix as SUPPORT.md has it.
func writeSupportPage(w io.Writer) error {
	var b strings.Builder
	b.WriteString(supportHead)
	for _, e := range ext.Support() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", "`"+flagAndName(e)+"`", familiesText(e), optionsText(e), answer(e),
			e.Refused, e.Lossy, e.Kernel)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func flagAndName(e ext.Entry) string {
	if e.Target {
		return "-j " + e.Name
	}
	return "-m " + e.Name
}

func familiesText(e ext.Entry) string {
	if e.Families == nil {
		return "IPv4, IPv6"
	}
	var names []string
	for _, f := range e.Families {
		names = append(names, fmt.Sprintf("IPv%d", f))
	}
	return strings.Join(names, ", ")
}

func optionsText(e ext.Entry) string {
	var names []string
	for _, o := range e.Options {
		name := "`" + o.Name + "`"
		if o.Neg {
			name = "`!`&nbsp;" + name
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// answer is the best that an extension gets.
func answer(e ext.Entry) string {
	switch {
	case e.Refused == ext.Always:
		return "refused"
	case e.Lossy == ext.Always:
		return "lossy"
	case e.Refused+e.Lossy != "":
		return "exact, except"
	}
	return "exact"
}

func limitsText(e ext.Entry) string {
	var parts []string
	for _, p := range []struct{ what, limit string }{{"refused: ", e.Refused}, {"lossy: ", e.Lossy}, {"Linux ", e.Kernel}} {
		if p.limit != "" {
			parts = append(parts, p.what+p.limit)
		}
	}
	return strings.Join(parts, "; ")
}
