package redirect

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"rechain/translate/iptables"
)

// Bind adds a flag for every option to fs. Parsing fs sets c; a flag comes before every other source. Some short flags (-o, -n)
// have meanings of their own elsewhere, so fs should hold no others.
func (c *Config) Bind(fs *pflag.FlagSet) {
	for _, o := range options {
		f := fs.VarPF(&flagValue{c, o}, o.name, o.short, o.usage)
		if _, ok := o.field(c).(*bool); ok {
			f.NoOptDefVal = "true"
		}
	}
	for _, name := range logFlags {
		// A name with underscores is one that Istio's injector writes, so that nobody need be told of it.
		f := fs.VarPF(ignored{}, name, "", "")
		f.Hidden = true
		if name == "log_as_json" {
			f.NoOptDefVal = "true"
		}
	}
}

// logFlags are the flags of Istio's log (pkg/log/options.go). Its injector passes some of them to istio-iptables; there is no log
// here that they could change.
var logFlags = []string{"log_output_level", "log_stacktrace_level", "log_caller", "log_target", "log_as_json"}

// ignored is a flag that takes any value and has no effect.
type ignored struct{}

func (ignored) String() string   { return "" }
func (ignored) Set(string) error { return nil }
func (ignored) Type() string     { return "string" }

// flagValue is an option as pflag sees it.
type flagValue struct {
	c *Config
	o *option
}

// Set takes the value of a flag. Only what has no text form in Config (a boolean, a duration) can fail here.
func (v *flagValue) Set(text string) error {
	list, _ := v.o.field(v.c).(*[]string)
	var before []string
	if v.o.adds && v.c.sources[v.o.name].rank == fromFlag {
		before = *list
	}
	if err := v.c.set(v.o, source{rank: fromFlag, pos: iptables.AtKey("--" + v.o.name)}, text); err != nil {
		return err
	}
	if before != nil {
		*list = append(before, *list...)
	}
	return nil
}

// String prints the value as the flag takes it.
func (v *flagValue) String() string {
	if v.o == nil { // pflag asks a zero value for its text
		return ""
	}
	switch p := v.o.field(v.c).(type) {
	case *string:
		return *p
	case *[]string:
		return strings.Join(*p, ",")
	case *bool:
		return strconv.FormatBool(*p)
	case *time.Duration:
		return p.String()
	}
	panic("redirect: option " + v.o.name + " has a field of a type without a text form")
}

// Type names the kind of value in the help text; pflag leaves out the name "bool".
func (v *flagValue) Type() string {
	if v.o.arg == "" {
		return "bool"
	}
	return v.o.arg
}

// FromEnvironment takes the options that have variables from lookup, which is as [os.LookupEnv]. They come before a file and
// after flags. A variable that is set but empty empties a text or a list, and is as good as unset for booleans and durations.
func (c *Config) FromEnvironment(lookup func(name string) (string, bool)) iptables.Problems {
	var problems iptables.Problems
	for _, o := range options {
		for _, name := range o.env {
			text, ok := lookup(name)
			if !ok {
				continue
			}
			pos := iptables.AtKey("$" + name)
			if err := c.set(o, source{rank: fromEnvironment, pos: pos}, text); err != nil {
				problems = append(problems, &iptables.Problem{Pos: pos, Msg: err.Error()})
			}
		}
	}
	return problems
}

// set gives an option the value that text says, unless a higher source has spoken.
func (c *Config) set(o *option, src source, text string) error {
	var assign func()
	switch p := o.field(c).(type) {
	case *string:
		assign = func() { *p = strings.TrimSpace(text) }
	case *[]string:
		assign = func() { *p = strings.Split(text, ",") }
	case *bool:
		if text == "" && src.rank == fromEnvironment {
			return nil
		}
		v, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is not true or false", text)
		}
		assign = func() { *p = v }
	case *time.Duration:
		if text == "" && src.rank == fromEnvironment {
			return nil
		}
		v, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 5s", text)
		}
		assign = func() { *p = v }
	}
	if c.claim(o, src) {
		assign()
	}
	return nil
}
