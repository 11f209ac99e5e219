package bytecode

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel/testlab"
)

// TestKernelKeeps writes programs that nft 1.0.6 has no words for, and such as leave out what the kernel fills in; what it holds
// then must be equal to what was written.
func TestKernelKeeps(t *testing.T) {
	testlab.Programs(t, "nft")
	testlab.Isolate(t)
	k := dial(t)
	if _, err := run("nft", "add table ip t; add chain ip t in { type filter hook input priority 0; };"+
		"add chain ip t dn { type nat hook prerouting priority -100; }"); err != nil {
		testlab.Need(t, false, fmt.Sprintf("what nft sets up here: %v", err))
	}
	mark := &Meta{Key: MetaMark, Dst: 1}
	for _, c := range []struct {
		chain string
		p     Program
	}{
		{"in", Program{&Last{}}},
		{"in", Program{&Last{Set: 1, Msecs: 5000}}},
		{"in", Program{&Quota{Bytes: 1000, Consumed: 10, Flags: 1}}},
		{"in", Program{&Limit{Rate: 1, Unit: 1}}},
		{"in", Program{&Log{Prefix: "x"}}},
		{"in", Program{&Reject{Type: 1, Code: 9}}},
		{"in", Program{&Queue{Num: 3}}},
		{"in", Program{&Meta{Key: MetaMark, Dst: 9}, &Cmp{Op: CmpEq, Src: 9, Data: []byte{1, 0, 0, 0}}}},
		{"in", Program{&Meta{Key: MetaMark, Dst: 12}, &Cmp{Op: CmpEq, Src: 2, Data: []byte{1, 0, 0, 0}}}},
		{"in", Program{&Exthdr{Op: 4, Type: 40, Len: 1, Flags: 1, Dst: 1}}},
		{"in", Program{&Socket{Key: SocketCgroupV2, Level: 1, Dst: 1}}},
		{"in", Program{mark, &Meta{Key: MetaPriority, Dst: 2}, &Bitwise{Op: BitwiseAnd, Src: 1, Dst: 1, Len: 4, Src2: 2}}},
		{"in", Program{mark, &Meta{Key: MetaPriority, Dst: 2}, &Bitwise{Op: BitwiseOr, Src: 1, Dst: 1, Len: 4, Src2: 2}}},
		{"in", Program{mark, &Meta{Key: MetaPriority, Dst: 2}, &Bitwise{Op: BitwiseXor, Src: 1, Dst: 1, Len: 4, Src2: 2}}},
		{"in", Program{mark, &Bitwise{Op: BitwiseRshift, Src: 1, Dst: 2, Len: 4, Data: []byte{3, 0, 0, 0}}}},
		{"in", Program{&Tunnel{Key: 1, Dst: 1}}},
		{"dn", Program{&Immediate{Dst: 1, Data: []byte{10, 0, 0, 1}}, &NAT{Type: DNAT, Family: IPv4, AddrMin: 1}}},
		{"dn", Program{&Immediate{Dst: 1, Data: []byte{0, 80}}, &Redir{ProtoMin: 1}}},
		{"dn", Program{&Immediate{Dst: 1, Data: []byte{0, 80}}, &NAT{Type: DNAT, Family: IPv4, ProtoMin: 1}}},
	} {
		if err := k.add(IPv4, "t", c.chain, AppendExpressions(nil, c.p), nil); err != nil {
			t.Logf("not judged, the kernel refuses it: %v\n%s", err, c.p)
			continue
		}
		held, err := k.last(IPv4, "t", c.chain)
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, c.p.String(), held); !Equal(got, c.p) {
			t.Errorf("wrote\n%s\nread\n%s", c.p, got)
		}
	}
}

// TestCompat reads what iptables-nft stores as extensions of xtables, and writes it again.
func TestCompat(t *testing.T) {
	testlab.Programs(t, "nft")
	testlab.Programs(t, "iptables-nft")
	testlab.Isolate(t)
	k := dial(t)
	for _, rule := range []string{
		"-p tcp -m multiport --dports 80,443 -j ACCEPT",
		"-m owner --uid-owner 1337 -j RETURN",
		"-m statistic --mode nth --every 3 --packet 1",
		"-m comment --comment hello -j NFLOG --nflog-group 3",
		"-p tcp -m string --algo bm --string x -j LOG --log-prefix y",
		"-m conntrack --ctstate ESTABLISHED -j ACCEPT",
	} {
		if _, err := run("iptables-nft", append([]string{"-A", "OUTPUT"}, strings.Fields(rule)...)...); err != nil {
			t.Logf("not judged: %v", err)
			continue
		}
		held, err := k.last(IPv4, "filter", "OUTPUT")
		if err != nil {
			t.Fatal(err)
		}
		read := decode(t, rule, held)
		if !strings.Contains(read.String(), "[ match name ") && !strings.Contains(read.String(), "[ target name ") {
			t.Logf("%s: iptables-nft has words of nft for it:\n%s", rule, read)
		}
		listing, err := run("nft", "--debug=netlink", "list", "chain", "ip", "filter", "OUTPUT")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := read.String(), withoutReported(debugText(listing)); got != want {
			t.Errorf("%s: prints\n%s\nnft prints\n%s", rule, got, want)
		}
		if !strings.Contains(rule, "multiport") { // wants NFTA_RULE_COMPAT, which the kernel does not report back
			if err := k.add(IPv4, "filter", "OUTPUT", AppendExpressions(nil, read), nil); err != nil {
				t.Errorf("%s: the kernel refuses our encoding: %v", rule, err)
			}
			ours, err := k.last(IPv4, "filter", "OUTPUT")
			if err != nil || !bytes.Equal(ours, held) {
				t.Errorf("%s: %v: the kernel holds\n%s", rule, err, decode(t, rule, ours))
			}
		}
		if _, err := run("iptables-nft", "-F"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUserData reads the comments that nft writes, and lets nft read ours.
func TestUserData(t *testing.T) {
	testlab.Programs(t, "nft")
	testlab.Isolate(t)
	k := dial(t)
	if _, err := run("nft", `table ip t {
		comment "of the table"
		counter o { comment "of the object"; }
		set s { type ipv4_addr; flags interval; auto-merge; comment "of the set"; }
		set marked { type ipv4_addr; elements = { 10.0.0.1 comment "of the element" } }
		chain c { comment "of the chain"; }
	}
	add rule ip t c tcp dport 1 comment "of the rule"`); err != nil {
		testlab.Need(t, false, fmt.Sprintf("what nft sets up here: %v", err))
	}
	const subsys = unix.NFNL_SUBSYS_NFTABLES << 8
	const ( // include/uapi/linux/netfilter/nf_tables.h, where x/sys/unix has them not
		tableUserData = 6  // NFTA_TABLE_USERDATA
		chainUserData = 12 // NFTA_CHAIN_USERDATA
		setUserData   = 13 // NFTA_SET_USERDATA
		objUserData   = 8  // NFTA_OBJ_USERDATA
		elemUserData  = 6  // NFTA_SET_ELEM_USERDATA
		listTable     = 1  // NFTA_SET_ELEM_LIST_TABLE
		listSet       = 2  // NFTA_SET_ELEM_LIST_SET
		listElements  = 3  // NFTA_SET_ELEM_LIST_ELEMENTS
	)
	elements := AppendString(AppendString(nil, listTable, "t"), listSet, "marked")
	for _, c := range []struct {
		what string
		get  netlink.HeaderType
		ask  []byte
		path []uint16 // of attributes, down to the user data
		read func([]byte) string
	}{
		{"table", subsys | unix.NFT_MSG_GETTABLE, nil, []uint16{tableUserData}, Comment},
		{"chain", subsys | unix.NFT_MSG_GETCHAIN, nil, []uint16{chainUserData}, Comment},
		{"rule", getRule, nil, []uint16{ruleUserData}, Comment},
		{"set", subsys | unix.NFT_MSG_GETSET, nil, []uint16{setUserData}, SetComment},
		{"object", subsys | unix.NFT_MSG_GETOBJ, nil, []uint16{objUserData}, Comment},
		{"element", subsys | unix.NFT_MSG_GETSETELEM, elements, []uint16{listElements, nftaListElem, elemUserData}, Comment},
	} {
		found, err := k.dump(c.get, IPv4, c.ask)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d found: %v", c.what, len(found), err)
		}
		data := found[0]
		for _, typ := range c.path {
			if data, _ = FindAttr(data, typ); data == nil {
				break
			}
		}
		want := "of the " + c.what
		if got := c.read(data); got != want {
			t.Errorf("%s: comment %q in %x", c.what, got, data)
		}
		entries, err := ParseUserData(data)
		if err != nil {
			t.Fatal(err)
		}
		var again []byte
		for _, e := range entries {
			again = AppendTLV(again, e.Type, e.Data)
		}
		if !slices.Equal(again, data) {
			t.Errorf("%s: %x became %x", c.what, data, again)
		}
		if c.what != "set" && !slices.Equal(AppendComment(nil, want), data) {
			t.Errorf("%s: we write %x, nft %x", c.what, AppendComment(nil, want), data)
		}
	}

	long := strings.Repeat("é", 200)
	kept := strings.Repeat("é", MaxComment/2)
	if err := k.add(IPv4, "t", "c", AppendExpressions(nil, Program{&Counter{}}), AppendComment(nil, long)); err != nil {
		t.Fatalf("a comment of %d bytes: %v", MaxComment, err)
	}
	listing, err := run("nft", "list", "ruleset")
	if err != nil || !strings.Contains(listing, fmt.Sprintf("comment %q", kept)) {
		t.Errorf("nft reads our comment as %v\n%s", err, listing)
	}
}

func TestUserDataBroken(t *testing.T) {
	for _, b := range [][]byte{{0}, {0, 1}, {0, 2, 'a'}, {1, 0, 0, 5, 'a', 0}} {
		if _, err := ParseUserData(b); err == nil {
			t.Errorf("%x: no error", b)
		}
		if c := Comment(b); c != "" {
			t.Errorf("%x: comment %q", b, c)
		}
	}
	if c := Comment(AppendComment(AppendTLV(nil, 9, []byte("x")), "a\x00b")); c != "a" {
		t.Errorf("comment %q", c)
	}
}
