package bytecode

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rechain/nft/kernel/testlab"
)

// TestHookNames lets nft make a chain at each hook of each family and looks up the number that the kernel holds.
func TestHookNames(t *testing.T) {
	testlab.Programs(t, "nft")
	testlab.Isolate(t)
	k := dial(t)
	for f, hooks := range familyHooks {
		if parsed, err := ParseFamily(f.String()); err != nil || parsed != f {
			t.Errorf("%s: %d, %v", f, parsed, err)
		}
		for h, name := range hooks {
			device := ""
			if name == "ingress" || name == "egress" {
				device = "device lo"
			}
			chain := "c" + name
			out, err := run("nft", fmt.Sprintf("add table %s t; add chain %s t %s { type filter hook %s %s priority 0; }",
				f, f, chain, name, device))
			if err != nil {
				t.Logf("not judged: %v%s", err, out)
				continue
			}
			chains, err := k.dump(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETCHAIN, f, nil)
			if err != nil {
				t.Fatal(err)
			}
			last := chains[len(chains)-1]
			hook, _ := FindAttr(last, unix.NFTA_CHAIN_HOOK)
			num, _ := FindAttr(hook, unix.NFTA_HOOK_HOOKNUM)
			if got := (Attr{Data: num}).U32(); got != uint32(h) || f.Hook(Hook(got)) != name {
				t.Errorf("%s %s: the kernel has it at %d", f, name, got)
			}
			if parsed, err := f.ParseHook(name); err != nil || parsed != Hook(h) {
				t.Errorf("%s %s: %d, %v", f, name, parsed, err)
			}
		}
	}
	if _, err := ParseFamily(""); err == nil {
		t.Error("a family without a name")
	}
	if _, err := Netdev.ParseHook("input"); err == nil {
		t.Error("netdev has no input")
	}
}

// TestKeywords lets nft say which key it loads for each keyword of its language.
func TestKeywords(t *testing.T) {
	testlab.Programs(t, "nft")
	testlab.Isolate(t)
	if _, err := run("nft", "add table inet t; add chain inet t c; add table bridge t; add chain bridge t c"); err != nil {
		testlab.Need(t, false, fmt.Sprintf("what nft sets up here: %v", err))
	}
	values := []string{"1", "lo", `"x"`, "exists", "tcp", "ipv4", "host", "1:1", "ip", "10.0.0.1", "::1", "1s", "original", "new",
		`"2030-01-01 00:00:00"`, `"Monday"`, `"10:00"`}
	loads := func(what, want string) bool {
		for _, family := range []string{"inet", "bridge"} {
			for _, v := range values {
				out, _ := run("nft", "-c", "--debug=netlink", "add", "rule", family, "t", "c", what+" "+v)
				if strings.Contains(out, want) {
					return true
				}
			}
		}
		return false
	}
	for k := range MetaBroute {
		if k == MetaSecmark { // comes from an object only
			continue
		}
		if !loads("meta "+k.Keyword(), "[ meta load "+k.String()+" =>") {
			t.Errorf("meta %s does not load %s", k.Keyword(), k)
		}
		if p, err := ParseMetaKey(k.Keyword()); err != nil || p != k {
			t.Errorf("meta %s: %d, %v", k.Keyword(), p, err)
		}
	}
	for k := range CtID { // libnftnl does not print the last
		switch k {
		case CtSrc, CtDst: // loaded in ip and ip6 tables only, see TestJudgedByNft
			continue
		case CtSecmark, CtEventmask: // from an object, and set only
			continue
		}
		if want := "[ ct load " + k.String() + " =>"; !loads("ct "+k.Keyword(), want) && !loads("meta l4proto tcp ct original "+k.Keyword(), want) {
			t.Errorf("ct %s does not load %s", k.Keyword(), k)
		}
		if p, err := ParseCtKey(k.Keyword()); err != nil || p != k {
			t.Errorf("ct %s: %d, %v", k.Keyword(), p, err)
		}
	}
	for _, bad := range []string{MetaKey(99).String(), CtKey(99).String(), SocketKey(99).String(), Family(4).String(),
		VerdictCode(9).String(), IPv4.Hook(9), Family(99).Hook(0)} {
		if bad != "unknown" {
			t.Errorf("%q for what has no name", bad)
		}
	}
	if MetaKey(99).Keyword() != "0x63" {
		t.Error(MetaKey(99).Keyword())
	}
}
