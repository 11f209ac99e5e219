package iptables

import (
	"bufio"
	"io"
	"slices"
	"strings"
)

// PrintOptions say how to print. Counters puts "[packets:bytes]" before each rule, as iptables-save -c does; chains always have
// theirs.
type PrintOptions struct{ Counters bool }

// Print writes the rule set as iptables-save 1.8.9 does, without its comment lines: chains and rules in their order, the options
// of each rule in iptables-save's. A rule that could not be read is left out.
//
// One thing differs: iptables-save leaves out "! --dport 0:65535", and with it that the rule never matches.
func Print(w io.Writer, rs *Ruleset, opt PrintOptions) error {
	b := bufio.NewWriter(w)
	for _, t := range rs.Tables {
		b.WriteString("*" + t.Name + "\n")
		for _, c := range t.Chains {
			policy := c.Policy
			if policy == "" {
				policy = "-"
			}
			b.WriteString(":" + c.Name + " " + policy + " " + c.Counters.String() + "\n")
		}
		for _, c := range t.Chains {
			start := "-A " + quoteSpaced(c.Name)
			for _, r := range c.Rules {
				if r.Problems != nil {
					continue
				}
				if opt.Counters {
					b.WriteString(r.Counters.String() + " ")
				}
				b.WriteString(start)
				b.WriteString(r.text())
				b.WriteByte('\n')
			}
		}
		b.WriteString("COMMIT\n")
	}
	return b.Flush()
}

// String is the rule as iptables-save prints it after "-A CHAIN".
func (r *Rule) String() string { return strings.TrimPrefix(r.text(), " ") }

// text is the rule with a blank before each word.
func (r *Rule) text() string {
	var b strings.Builder
	word := func(neg bool, words ...string) {
		if neg {
			b.WriteString(" !")
		}
		for _, w := range words {
			b.WriteString(" " + w)
		}
	}
	if r.Src != nil {
		word(r.Src.Neg, "-s", Net{r.Src.Addr, r.Src.Mask}.String())
	}
	if r.Dst != nil {
		word(r.Dst.Neg, "-d", Net{r.Dst.Addr, r.Dst.Mask}.String())
	}
	if r.In.asks() {
		word(r.In.Neg, "-i", quoteSpaced(r.In.Name))
	}
	if r.Out.asks() {
		word(r.Out.Neg, "-o", quoteSpaced(r.Out.Name))
	}
	if r.Proto != nil {
		word(r.Proto.Neg, "-p", ProtocolName(r.Proto.Num))
	}
	if r.Fragment != nil {
		word(r.Fragment.Neg, "-f")
	}
	for _, m := range r.Matches {
		word(false, "-m", m.Ext.Name)
		printOptions(word, m.Ext, m.Options)
	}
	if t := r.Target; t != nil {
		flag := "-j"
		if t.Goto {
			flag = "-g"
		}
		word(false, flag, quoteSpaced(t.Name))
		if t.Ext != nil {
			printOptions(word, t.Ext, t.Options)
		}
	}
	return b.String()
}

// asks says whether it is a condition: "+" stands for every interface.
func (i *IfaceMatch) asks() bool { return i != nil && (i.Neg || i.Name != "+") }

// printOptions prints options in the order of the extension's table, and those between options that divide them by themselves.
func printOptions(word func(neg bool, words ...string), e *Extension, options []Option) {
	for {
		i := slices.IndexFunc(options, func(o Option) bool { return o.Spec.Divides })
		if i < 0 {
			printPart(word, e, options)
			return
		}
		printPart(word, e, options[:i])
		printPart(word, e, options[i:i+1])
		options = options[i+1:]
	}
}

func printPart(word func(neg bool, words ...string), e *Extension, options []Option) {
	for _, spec := range e.Options {
		for _, o := range options {
			if o.Spec != spec {
				continue
			}
			if _, ok := o.Value.(Unread); ok {
				word(o.Neg, spec.Name, o.Text())
				continue
			}
			if v, ok := spec.Kind.(Vacuous); ok && !o.Neg && v.Vacuous(o.Value) {
				continue
			}
			if k, ok := spec.Kind.(Optional); spec.Kind.Args() == 0 || ok && o.Value == k.Missing() {
				word(o.Neg, spec.Name)
				continue
			}
			word(o.Neg, spec.Name, o.Text())
		}
	}
}

// Text is the option's value as iptables-save prints it.
func (o Option) Text() string {
	u, ok := o.Value.(Unread)
	if !ok {
		return o.Spec.Kind.Format(o.Value)
	}
	words := make([]string, len(u))
	for i, w := range u {
		words[i] = quoteSpaced(w)
	}
	return strings.Join(words, " ")
}
