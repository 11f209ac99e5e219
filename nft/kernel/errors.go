package kernel

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// ErrNoTables says that the kernel was built without nf_tables, or that its module cannot be loaded.
	ErrNoTables = errors.New("the kernel has no nf_tables (CONFIG_NF_TABLES, module nf_tables)")

	// ErrChanged says that the rule set is no longer that of the generation that a transaction was planned for. Nothing was
	// changed; read again and plan again, see [Conn.Update].
	ErrChanged = errors.New("the rule set was changed by another program meanwhile")

	// errMoved says that what was read is no snapshot.
	errMoved = errors.New("the rule set was changed by another program while it was read")
)

// CommitError says why the kernel refused a transaction. Nothing of it was done. [errors.Is] finds the error numbers of all its
// failures.
type CommitError struct {
	// Failures has an entry for each message that the kernel refused, in the order of the batch. There is at least one.
	Failures []Failure
	// More says that there were further failures, for which the socket had no room.
	More bool
}

// Error has a line for each failure.
func (e *CommitError) Error() string {
	lines := make([]string, 0, len(e.Failures)+1)
	for i := range e.Failures {
		lines = append(lines, e.Failures[i].Error())
	}
	if e.More {
		lines = append(lines, "and more errors that the kernel could not deliver")
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the failures.
func (e *CommitError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i := range e.Failures {
		errs[i] = &e.Failures[i]
	}
	return errs
}

// Failure is one change that was refused.
type Failure struct {
	Origin  fmt.Stringer // what the batch had as its origin; nil for none
	Op      string       // what was to be done: "add rule"; "commit" if it is about the whole transaction
	Object  string       // to what: "ip nat PREROUTING", a family, a table and a name; "" for a transaction
	Expr    string       // the expression at fault, if the kernel says so, its name first, as "nft --debug=netlink" prints it
	Err     error        // the kernel's error as a unix.Errno, or ErrTooLarge, or ErrNoTables
	Message string       // the kernel's own words (NLMSGERR_ATTR_MSG), mostly ""
	Offset  uint32       // where in the message the fault is (NLMSGERR_ATTR_OFFS), 0 if not said
}

// Error is one line: "ORIGIN: add rule ip nat OUTPUT: expression tproxy: what is wrong; what to do".
func (f *Failure) Error() string {
	var s strings.Builder
	if f.Origin != nil {
		s.WriteString(f.Origin.String() + ": ")
	}
	s.WriteString(f.Op)
	if f.Object != "" {
		s.WriteString(" " + f.Object)
	}
	if f.Expr != "" {
		s.WriteString(": expression " + f.Expr)
	}
	s.WriteString(": " + f.Err.Error())
	if f.Message != "" {
		s.WriteString(" (" + f.Message + ")")
	}
	if advice := f.advice(); advice != "" {
		s.WriteString("; " + advice)
	}
	return s.String()
}

// Unwrap returns the kernel's error.
func (f *Failure) Unwrap() error { return f.Err }

const needsAdmin = "needs CAP_NET_ADMIN in the user namespace that owns the network namespace"

// advices says what an error of nf_tables means and what to do about it. The first line that fits counts: op is the beginning of
// Failure.Op, expr what kind of expression it must have. See net/netfilter/nf_tables_api.c and nfnetlink.c.
var advices = []struct {
	err  unix.Errno
	op   string
	expr exprKind
	text string
}{
	{unix.EPERM, "commit", anything, needsAdmin},
	{unix.EPERM, "", anything, "the table belongs to another program, which alone may change it (flag owner)"},
	{unix.ENOENT, "add rule", builtin, "the chain, set or object that it names does not exist"},
	{unix.ENOENT, "add rule", modular, "this kernel lacks it or what it needs: module %s"},
	{unix.ENOENT, "add chain", anything, "there is no such table, or the kernel lacks the chain type (nat: module nft_chain_nat)"},
	{unix.ENOENT, "add object", anything, "there is no such table, or the kernel lacks what it names (a helper: module nf_conntrack_ and its name)"},
	{unix.ENOENT, "", anything, "it does not exist, or what it refers to does not"},
	{unix.EEXIST, "add element", anything, "another interval overlaps it, or the key is there with other data"},
	{unix.EEXIST, "", anything, "it exists already and is different"},
	{unix.EBUSY, "delete", anything, "something still refers to it"},
	{unix.EOPNOTSUPP, "add rule", builtin, "not possible in this family, chain type or hook"},
	{unix.EOPNOTSUPP, "add rule", modular, "not possible in this family, chain type or hook, or not in this kernel: module %s"},
	{unix.EOPNOTSUPP, "add rule", anything, "an expression is not possible in this family, chain type or hook"},
	{unix.EOPNOTSUPP, "add table", anything, "this kernel does not filter that family"},
	{unix.EOPNOTSUPP, "", anything, "this kernel cannot do that, or not here"},
	{unix.ELOOP, "", anything, "the chains jump in a circle"},
	{unix.EMLINK, "", anything, "jumps nest more than 16 levels deep"},
	{unix.ENFILE, "add element", anything, "the set is full"},
	{unix.ENOMEM, "", anything, "the kernel is out of memory, or the memory limit of the control group is too low"},
}

type exprKind uint8

const (
	anything exprKind = iota // with or without an expression
	builtin                  // an expression that every kernel with nf_tables has
	modular                  // an expression that may be a module
)

func (f *Failure) advice() string {
	name, _, _ := strings.Cut(f.Expr, " ")
	kind, module := exprModule(name)
	for _, a := range advices {
		if !errors.Is(f.Err, a.err) || !strings.HasPrefix(f.Op, a.op) || a.expr != anything && a.expr != kind {
			continue
		}
		if a.expr == modular {
			return fmt.Sprintf(a.text, module)
		}
		return a.text
	}
	return ""
}

// modules are the kernel modules of expressions that are not called nft_ and the expression's name; "" for the expressions that
// are part of nf_tables itself (nft_basic_types in nf_tables_core.c).
var modules = map[string]string{
	"bitwise": "", "byteorder": "", "cmp": "", "counter": "", "dynset": "", "exthdr": "", "immediate": "", "inner": "",
	"last": "", "lookup": "", "meta": "", "objref": "", "payload": "", "range": "", "rt": "",

	"match": "nft_compat, or the xtables extension", "target": "nft_compat, or the xtables extension",
	"notrack": "nft_ct", "dup": "nft_dup_ipv4, nft_dup_ipv6 or nft_dup_netdev", "fwd": "nft_fwd_netdev",
	"fib": "nft_fib and that of the family", "reject": "nft_reject and that of the family",
}

func exprModule(name string) (exprKind, string) {
	if name == "" {
		return anything, ""
	}
	switch module, special := modules[name]; {
	case !special:
		return modular, "nft_" + name
	case module == "":
		return builtin, ""
	default:
		return modular, module
	}
}

// queryError is the error of a question.
func queryError(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w; %s", err, needsAdmin)
	}
	return err
}
