package bytecode

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel/testlab"
)

func run(name string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// Messages of nf_tables (enum nf_tables_msg_types) below NFNL_SUBSYS_NFTABLES, the batch messages, and the attributes of a rule.
const (
	newRule    = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWRULE
	getRule    = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE
	batchBegin = unix.NFNL_MSG_BATCH_BEGIN
	batchEnd   = unix.NFNL_MSG_BATCH_END

	ruleTable       = unix.NFTA_RULE_TABLE
	ruleChain       = unix.NFTA_RULE_CHAIN
	ruleExpressions = unix.NFTA_RULE_EXPRESSIONS
	ruleUserData    = unix.NFTA_RULE_USERDATA
)

// kernel is a raw connection to nf_tables.
type kernel struct{ conn *netlink.Conn }

func dial(t *testing.T) kernel {
	t.Helper()
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		testlab.Need(t, false, fmt.Sprintf("netfilter netlink: %v", err))
	}
	t.Cleanup(func() { conn.Close() })
	return kernel{conn}
}

// nfgenmsg is struct nfgenmsg: family, version 0, and a big-endian resource id.
func nfgenmsg(f Family, id uint16) []byte { return []byte{byte(f), 0, byte(id >> 8), byte(id)} }

// dump returns the attributes of all that a get message finds.
func (k kernel) dump(typ netlink.HeaderType, f Family, attrs []byte) ([][]byte, error) {
	msgs, err := k.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: typ, Flags: netlink.Request | netlink.Dump},
		Data:   append(nfgenmsg(f, 0), attrs...),
	})
	var found [][]byte
	for _, m := range msgs {
		found = append(found, m.Data[4:])
	}
	return found, err
}

// add appends a rule with these expressions and user data to a chain.
func (k kernel) add(f Family, table, chain string, expressions, userdata []byte) error {
	data := AppendString(AppendString(nfgenmsg(f, 0), ruleTable, table), ruleChain, chain)
	data, start := Nest(data, ruleExpressions)
	data = EndNest(append(data, expressions...), start)
	if userdata != nil {
		data = AppendBytes(data, ruleUserData, userdata)
	}
	batch := nfgenmsg(Unspec, unix.NFNL_SUBSYS_NFTABLES)
	_, err := k.conn.SendMessages([]netlink.Message{
		{Header: netlink.Header{Type: batchBegin, Flags: netlink.Request}, Data: batch},
		{Header: netlink.Header{Type: newRule, Flags: netlink.Request | netlink.Create | netlink.Append | netlink.Acknowledge}, Data: data},
		{Header: netlink.Header{Type: batchEnd, Flags: netlink.Request}, Data: batch},
	})
	if err != nil {
		return err
	}
	_, err = k.conn.Receive()
	return err
}

// last returns the expressions of a chain's last rule as the kernel tells them.
func (k kernel) last(f Family, table, chain string) ([]byte, error) {
	rules, err := k.dump(getRule, f, AppendString(AppendString(nil, ruleTable, table), ruleChain, chain))
	if err != nil || len(rules) == 0 {
		return nil, fmt.Errorf("no rule in %s: %w", chain, err)
	}
	b, _ := FindAttr(rules[len(rules)-1], ruleExpressions)
	return b, nil
}

var (
	colours  = regexp.MustCompile("\x1b\\[[0-9;]*m")
	mnlType  = regexp.MustCompile(`^\| 0*(\d+) \| .... \|\s+\|  type`)
	mnlAttr  = regexp.MustCompile(`^\|0*(\d+)\|(.)(.)\|0*(\d+)\|\s+\|len`)
	mnlData  = regexp.MustCompile(`^\| (.. .. .. ..)  \|\s+\|      data`)
	exprLine = regexp.MustCompile(`^  (\[ .* \])$`)
)

// sentRules reads back the NEWRULE messages that nft sends from the text of its --debug=mnl (libmnl's mnl_nlmsg_fprintf):
// their attributes, byte for byte.
func sentRules(out string) [][]byte {
	var rules [][]byte
	inside := false
	for line := range strings.Lines(colours.ReplaceAllString(out, "")) {
		if m := mnlType.FindStringSubmatch(line); m != nil {
			if inside = m[1] == strconv.Itoa(newRule); inside {
				rules = append(rules, nil)
			}
			continue
		}
		if !inside {
			continue
		}
		b := &rules[len(rules)-1]
		if m := mnlAttr.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			typ, _ := strconv.Atoi(m[4])
			if m[2] == "N" {
				typ |= nested
			}
			*b = binary.NativeEndian.AppendUint16(*b, uint16(n))
			*b = binary.NativeEndian.AppendUint16(*b, uint16(typ))
		} else if m := mnlData.FindStringSubmatch(line); m != nil {
			word, _ := hex.DecodeString(strings.ReplaceAll(m[1], " ", ""))
			*b = append(*b, word...)
		}
	}
	return rules
}

// debugText picks a rule's expressions out of the text of nft --debug=netlink. One mistake of libnftnl is mended: it does not
// print the name of the last conntrack key (ctkey2str in src/expr/ct.c, up to 1.2.4 and later).
func debugText(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		if m := exprLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			lines = append(lines, strings.Replace(m[1], "[ ct load unknown ", "[ ct load id ", 1))
		}
	}
	return strings.Join(lines, "\n")
}

// withoutReported takes out additions of the kernel to what libnftnl prints of a rule that was read back; our text leaves them out because
// the model does not tell an absent attribute from its default.
func withoutReported(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "[ lookup "): // NFTA_LOOKUP_FLAGS
			lines[i] = strings.Replace(line, " 0x0 ]", " ]", 1)
		case strings.HasPrefix(line, "[ dynset "): // NFTA_DYNSET_TIMEOUT
			lines[i] = strings.Replace(line, " timeout 0ms", "", 1)
		}
	}
	return strings.Join(lines, "\n")
}

// judge lets nft and the kernel say whether a rule's program is read, written and printed right.
func judge(t *testing.T, k kernel, family, table, chain, rule string) {
	t.Helper()
	where := []string{family, table, chain}
	fam, err := ParseFamily(family)
	if err != nil {
		t.Fatal(err)
	}

	// What nft sends: it decodes, prints as nft prints it, and encodes to the same attributes.
	out, refused := run("nft", append(append([]string{"--debug=netlink,mnl", "add", "rule"}, where...), rule)...)
	sent := sentRules(out)
	if len(sent) != 1 {
		t.Errorf("%s: %d rules sent: %v", rule, len(sent), refused)
		return
	}
	expressions, _ := FindAttr(sent[0], ruleExpressions)
	program := decode(t, rule, expressions)
	if want := debugText(out); program.String() != want {
		t.Errorf("%s: sent program prints\n%s\nnft prints\n%s", rule, program, want)
	}
	if got, want := attributes(AppendExpressions(nil, program)), attributes(expressions); got != want {
		t.Errorf("%s: encoded\n%s\nnft sends\n%s", rule, got, want)
	}
	if refused != nil {
		t.Logf("%s: the kernel refuses it, only the message was judged: %v", rule, refused)
		return
	}

	// What the kernel holds: it is the same program, and prints as nft prints it.
	held, err := k.last(fam, table, chain)
	if err != nil {
		t.Fatal(err)
	}
	read := decode(t, rule, held)
	sentAnonymous, isAnonymous := anonymous(program)
	if readAnonymous, _ := anonymous(read); !Equal(sentAnonymous, readAnonymous) {
		t.Errorf("%s: sent\n%s\nread back\n%s", rule, program, read)
	}
	listing, err := run("nft", append([]string{"--debug=netlink", "list", "chain"}, where...)...)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read.String(), withoutReported(debugText(listing)); got != want {
		t.Errorf("%s: read program prints\n%s\nnft prints\n%s", rule, got, want)
	}

	// What we write: the kernel makes the same of it as of nft's own message.
	if isAnonymous { // bound to one rule alone (nf_tables_bind_set)
		return
	}
	if err := k.add(fam, table, chain, AppendExpressions(nil, program), nil); err != nil {
		t.Errorf("%s: the kernel refuses our encoding: %v", rule, err)
		return
	}
	ours, err := k.last(fam, table, chain)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours, held) {
		t.Errorf("%s: the kernel holds\n%s\nof our message, but\n%s\nof nft's", rule, decode(t, rule, ours), read)
	}
}

func decode(t *testing.T, rule string, b []byte) Program {
	t.Helper()
	p, err := DecodeExpressions(b)
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	for _, op := range p {
		if u, ok := op.(*Unknown); ok && u.Type != "inner" {
			t.Errorf("%s: not understood: %s", rule, u)
		}
	}
	return p
}

// anonymous returns a copy of a program with the names of anonymous sets made alike, and whether there are any. The kernel fills
// in the number in their names.
func anonymous(p Program) (Program, bool) {
	c, any := slices.Clone(p), false
	for i, op := range p {
		if o, ok := op.(*Lookup); ok && strings.HasPrefix(o.Set, "__") {
			l := *o
			l.Set, any = "__", true
			c[i] = &l
		}
	}
	return c, any
}

// attributes is what a list of expressions says: the name and the attributes of each, in the order of their numbers, without
// those that are 0 and without the NUL behind strings. nft now and then gives an optional 0, we do not.
func attributes(expressions []byte) string {
	var s strings.Builder
	for elem := range Attrs(expressions) {
		name, _ := FindAttr(elem.Data, nftaExprName)
		data, _ := FindAttr(elem.Data, nftaExprData)
		var attrs []string
		for a := range Attrs(data) {
			if trimmed := bytes.TrimRight(a.Data, "\x00"); len(trimmed) > 0 {
				attrs = append(attrs, fmt.Sprintf(" %02d=%x", a.Type, trimmed))
			}
		}
		slices.Sort(attrs)
		fmt.Fprintln(&s, Attr{Data: name}, attrs)
	}
	return s.String()
}
