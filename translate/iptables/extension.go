package iptables

// Vocabulary knows the matches and targets. It returns nil for one that does not exist in that family.
type Vocabulary interface {
	MatchExtension(name string, family Family) *Extension
	TargetExtension(name string, family Family) *Extension
	// Matches are all the matches that exist in that family, sorted by name: a listing does not say which match printed what, and
	// hints say which match an option belongs to.
	Matches(family Family) []*Extension
}

// Extension is a match or a target: its name and the table of its options, from which parsing, printing and error messages come.
type Extension struct {
	Name     string // as iptables-save prints it after -m or -j
	Target   bool
	Families []Family // nil: both
	// Protocols are the values of -p without which iptables refuses the extension; nil: any.
	Protocols []uint8
	// Options in the order in which iptables-save prints them.
	Options []*OptionSpec
	// Check looks at the options together, and at the rule they stand in; nil: nothing to check. table is where the rule is,
	// chain the chain it is in.
	Check func(rule *Rule, options []Option, table, chain string) *Problem
	// Canonical rewrites options that are other spellings of another ("--set-mark" of "--set-xmark") to those that iptables-save
	// prints, and adds those that it prints although they were not given. The parser applies it to what it read; nil: there are none.
	Canonical func(e *Extension, options []Option, family Family) []Option
	// Listing reads what "iptables -L -v" prints for the extension at the start of words: it returns the same as command-line words
	// ("tcp dpt:22" gives "--dport 22"), and how many words it took, 0 when these are not this extension's. There is at least one
	// word. Inside of quotes and of /* */, where the number of blanks counts, a word ends at each blank, so that strings.Join(words,
	// " ") gives the text back. nil: the listing's form is not known.
	Listing func(words []string) (args []string, taken int)
	// Unlisted says what a listing does not show of an extension that Listing read as args, so that the rule is not known from it;
	// "" if it shows all. nil: it always does.
	Unlisted func(args []string) string
}

// Option returns the option of that name or alias, or nil.
func (e *Extension) Option(name string) *OptionSpec {
	for _, o := range e.Options {
		if o.Name == name {
			return o
		}
		for _, a := range o.Aliases {
			if a == name {
				return o
			}
		}
	}
	return nil
}

// OptionSpec describes an option.
type OptionSpec struct {
	Name     string   // "--dport"
	Aliases  []string // "--destination-port"
	Kind     Kind
	Neg      bool // "!" may stand before it
	Required bool
	Repeat   bool // may be given more than once
	Divides  bool // the options before and behind it are printed apart, each part in the order of the table
	Excludes []string
}

// Kind is the kind of an option's value: how many words it takes (0 for a flag), how they are read, and how iptables-save prints
// them. Parse returns a plain error that says what is wrong with the words; the parser adds the place.
type Kind interface {
	Args() int
	Parse(words []string, family Family) (any, error)
	Format(value any) string
}

// Vacuous may be implemented by a [Kind]: it says whether a value is no condition at all (every port), so that iptables-save leaves
// the option out.
type Vacuous interface{ Vacuous(value any) bool }

// Optional may be implemented by a [Kind] of one word: the word may be missing, where the rule ends or the next word begins with "-" or
// "!". Missing is the value then, for which nothing is printed.
type Optional interface{ Missing() any }
