package route

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"rechain/nft/kernel/testlab"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// dialIsolated puts the test into a new network namespace, with lo up, and connects to it.
func dialIsolated(t *testing.T) *Conn {
	t.Helper()
	testlab.Isolate(t)
	ip(t, "link set lo up")
	c, err := Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func ip(t *testing.T, args string) string {
	t.Helper()
	return strings.Join(strings.Fields(string(ipBytes(t, args))), " ")
}

func ipBytes(t *testing.T, args string) []byte {
	t.Helper()
	testlab.Programs(t, "ip")
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
	return out
}

var wanted = []Item{
	MarkRule(false, 0x539, 0, 133),
	MarkRule(true, 0x539, 0xfff, 1330),
	LocalDefault(false, 133),
	LocalDefault(true, 1330),
	LoopbackAddress(netip.MustParsePrefix("::6/128")),
}

func add(t *testing.T, c *Conn, want ...Item) []Item {
	t.Helper()
	added, err := addMissing(t, c, want)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// shown is what ip says about everything that an item can be. The routes that the kernel itself makes for an address are left
// out, since it takes its time with them (addrconf_dad_work).
func shown(t *testing.T) string {
	t.Helper()
	var all []string
	for _, args := range []string{
		"rule show", "-6 rule show", "route show table all", "-6 route show table all", "addr show dev lo",
	} {
		for line := range strings.Lines(string(ipBytes(t, args))) {
			if !strings.Contains(line, "proto kernel") {
				all = append(all, strings.TrimSpace(line))
			}
		}
	}
	return strings.Join(all, "\n")
}

func TestAddIsWhatIPShows(t *testing.T) {
	c := dialIsolated(t)
	before := shown(t)
	if diff := cmp.Diff(wanted, add(t, c, wanted...), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Fatal(diff)
	}
	for args, want := range map[string]string{
		"rule show":                "from all fwmark 0x539 lookup 133 proto 114",
		"-6 rule show":             "from all fwmark 0x539/0xfff lookup 1330 proto 114",
		"route show table 133":     "local default dev lo proto 114 scope host",
		"-6 route show table 1330": "local default dev lo proto 114 metric 1024 pref medium",
		"-6 addr show dev lo":      "inet6 ::6/128 scope global nodad",
	} {
		if got := ip(t, args); !strings.Contains(got, want) {
			t.Errorf("ip %s: %s\nlacks: %s", args, got, want)
		}
	}

	// Many an ip does not show the protocol of an address, but they all can save the kernel's messages as they are.
	proto := append(binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, 5), ifaProto), 114)
	if saved := ipBytes(t, "-6 addr save dev lo"); !bytes.Contains(saved, proto) {
		t.Errorf("no IFA_PROTO 114 in %x", saved)
	}

	after := shown(t)
	if again := add(t, c, wanted...); len(again) != 0 {
		t.Errorf("added again: %v", again)
	}
	if got := shown(t); got != after {
		t.Errorf("the second time changed\n%s\nto\n%s", after, got)
	}

	removed, err := removeOurs(t, c)
	if err != nil || len(removed) != len(wanted) {
		t.Errorf("removed %v, %v", removed, err)
	}
	if got := shown(t); got != before {
		t.Errorf("removing left\n%s\nof\n%s", got, before)
	}
}

// What was there before is used, and left when ours goes.
func TestForeignIsKept(t *testing.T) {
	c := dialIsolated(t)
	for _, item := range wanted {
		ip(t, strings.TrimPrefix(item.String(), "ip "))
	}
	before := shown(t)
	if added := add(t, c, wanted...); len(added) != 0 {
		t.Errorf("added %v beside the same", added)
	}
	extra := MarkRule(false, 1, 0, 7)
	add(t, c, extra)
	removed, err := removeOurs(t, c)
	if err != nil || len(removed) != 1 || removed[0].Item != extra {
		t.Errorf("removed %v, %v", removed, err)
	}
	if got := shown(t); got != before {
		t.Errorf("removing left\n%s\nof\n%s", got, before)
	}
}

// Rules that restrict more than the mark are others, and stand in nobody's way.
func TestLikeButNotTheSame(t *testing.T) {
	testlab.Users(t)
	c := dialIsolated(t)
	for _, args := range []string{
		"rule add fwmark 0x539 from 10.0.0.0/8 lookup 133",
		"rule add fwmark 0x539 iif lo lookup 133",
		"rule add not fwmark 0x539 lookup 133",
		"rule add fwmark 0x539 tos 0x10 lookup 133",
		"rule add fwmark 0x539 uidrange 1-2 lookup 133",
		"rule add fwmark 0x539 lookup 133 suppress_prefixlength 0",
		"rule add fwmark 0x539/0xff lookup 133",
		"rule add fwmark 0x539 prohibit",
		"route add local 10.0.0.0/8 dev lo table 133",
	} {
		ip(t, args)
	}
	want := []Item{MarkRule(false, 0x539, 0, 133), LocalDefault(false, 133)}
	if diff := cmp.Diff(want, add(t, c, want...), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
}

// Everything of ours goes, but what is still wanted.
func TestRemoveOldConfiguration(t *testing.T) {
	c := dialIsolated(t)
	add(t, c, wanted...)
	old := add(t, c, MarkRule(false, 0x540, 0, 200), LocalDefault(false, 200),
		LoopbackAddress(netip.MustParsePrefix("::7/128")), LoopbackAddress(netip.MustParsePrefix("127.0.0.7/8")))
	removed, err := removeOurs(t, c, wanted...)
	if err != nil {
		t.Fatal(err)
	}
	var items []Item
	for _, e := range removed {
		items = append(items, e.Item)
	}
	for _, item := range old {
		if !slices.Contains(items, item) {
			t.Errorf("%v was not removed", item)
		}
	}
	if len(items) != len(old) {
		t.Errorf("removed %v", items)
	}
	if missing := Missing(read(t, c), wanted); len(missing) != 0 {
		t.Errorf("missing %v", missing)
	}
}

// A route of ours that another configuration gave a priority is ours nevertheless.
func TestRemoveWhatIPMade(t *testing.T) {
	c := dialIsolated(t)
	before := shown(t)
	ip(t, "rule add fwmark 5 lookup 9 pref 77 proto 114")
	ip(t, "-6 rule add fwmark 5 iif lo lookup 9 proto 114")
	ip(t, "route add local default dev lo table 9 metric 5 proto 114")
	ip(t, "route add local 10.0.0.0/8 dev lo table 9 proto 114")
	ip(t, "-6 route add local default dev lo table 9 metric 5 proto 114")
	if removed, err := removeOurs(t, c); err != nil || len(removed) != 5 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if got := shown(t); got != before {
		t.Errorf("removing left\n%s\nof\n%s", got, before)
	}
}

func TestAnotherDefaultIsNotTouched(t *testing.T) {
	c := dialIsolated(t)
	ip(t, "route add unreachable default table 133")
	before := shown(t)
	_, err := addMissing(t, c, []Item{MarkRule(false, 0x539, 0, 133), LocalDefault(false, 133)})
	if !errors.Is(err, unix.EEXIST) || !strings.Contains(err.Error(), "ip route add local default dev lo table 133") {
		t.Errorf("error %v", err)
	}
	if got := shown(t); got != before {
		t.Errorf("a failed addition left\n%s\nof\n%s", got, before)
	}
}

func TestIPv6Disabled(t *testing.T) {
	c := dialIsolated(t)
	const knob = "/proc/sys/net/ipv6/conf/lo/disable_ipv6"
	if err := os.WriteFile(knob, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	before := shown(t)
	for _, item := range []Item{LocalDefault(true, 133), LoopbackAddress(netip.MustParsePrefix("::6/128"))} {
		_, err := addMissing(t, c, []Item{MarkRule(false, 0x539, 0, 133), item})
		if err == nil || !strings.Contains(err.Error(), "net.ipv6.conf.lo.disable_ipv6=0") {
			t.Errorf("%v: error %v", item, err)
		} else {
			t.Log(err)
		}
	}
	if got := shown(t); got != before {
		t.Errorf("a failed addition left\n%s\nof\n%s", got, before)
	}
}

func read(t *testing.T, c *Conn) []Entry {
	t.Helper()
	have, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	return have
}

// addMissing adds what of want is not there, as a program does.
func addMissing(t *testing.T, c *Conn, want []Item) ([]Item, error) {
	t.Helper()
	return c.Add(Missing(read(t, c), want))
}

// removeOurs removes all that is ours but keep.
func removeOurs(t *testing.T, c *Conn, keep ...Item) ([]Entry, error) {
	t.Helper()
	return c.Remove(Extra(read(t, c), keep))
}
