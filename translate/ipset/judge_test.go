//go:build linux

package ipset

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// restore gives a dump to ipset in a network namespace of its own, and returns what it saves, or says.
func restore(dump string) (string, error) {
	cmd := exec.Command("sh", "-c", "ipset restore && ipset save")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	cmd.Stdin = strings.NewReader(dump)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func needIpset(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("ipset")
	if why := "needs root and ipset"; os.Getuid() != 0 || err != nil {
		if os.Getenv("RECHAIN_REQUIRE") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
}

// sorted are the lines of a dump without their order, since hashes have none of their own, nor the sizes that they have grown to.
func sorted(dump string) string {
	var lines []string
	for line := range strings.Lines(dump) {
		if before, _, ok := strings.Cut(strings.TrimSpace(line), " initval "); ok {
			line = before
		}
		lines = append(lines, hashSize.ReplaceAllString(strings.TrimSpace(line), ""))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

var hashSize = regexp.MustCompile(`hashsize \d+ `)

func printed(t *testing.T, dump string) string {
	t.Helper()
	sets, err := Parse(strings.NewReader(dump), "dump")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Print(&b, sets); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrintIsIpsetSave(t *testing.T) {
	needIpset(t)
	files, err := filepath.Glob("testdata/*.ipset")
	if err != nil {
		t.Fatal(err)
	}
	corpus, _ := filepath.Glob("../../../shared/corpus/*.ipset")
	for _, file := range append(files, corpus...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// Of types that this kernel does not have, only the print is printed again.
			dump := printed(t, string(data))
			if again := printed(t, dump); again != dump {
				t.Errorf("printed and read again it is\n%s\nwas\n%s", again, dump)
			}
			if strings.Contains(dump, "hash:mac") {
				t.Skip("kernels without hash:mac are about")
			}
			saved, err := restore(string(data))
			if err != nil {
				t.Fatal(saved)
			}
			if want, got := sorted(saved), sorted(dump); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestProblems wants a problem in a line that ipset refuses too.
func TestProblems(t *testing.T) {
	needIpset(t)
	const base = "create h hash:ip timeout 0\ncreate n hash:net\ncreate p hash:ip,port\ncreate b bitmap:port range 1-10\n" +
		"create six hash:ip family inet6\ncreate l list:set\nadd l h\n"
	for _, c := range []struct{ line, want string }{
		{"add h 1.2.3.400", `dump:8:7: "1.2.3.400" is not an address`},
		{"add h ::1", "dump:8:7: ::1 is not of the set's family"},
		{"add h 1.2.3.4 bytes 3", "dump:8:15: set h was created without bytes"},
		{"add n 0.0.0.0/0", "dump:8:7: a network of this type cannot be all addresses; give its two halves"},
		{"add x 1.1.1.1", `dump:8:5: there is no set x`},
		{"add b 11", "dump:8:7: 11 is out of the set's range"},
		{"add p 1.1.1.1", `dump:8:7: "1.1.1.1" has 1 parts, where hash:ip,port has 2`},
		{"create h hash:ip", `dump:8:8: there is a set h already`},
		{"create q hash:nothing", `dump:8:10: "hash:nothing" is not a type of sets`},
		{"create q hash:net netmask 8", "dump:8:19: netmask is not for sets of type hash:net"},
		{"create q bitmap:ip range 10.0.0.0/7 netmask 1", "dump:8:8: a bitmap of networks needs a range that is one larger network"},
		{"create q bitmap:ip range 10.1.0.0-10.2.0.0 netmask 16", "dump:8:8: a bitmap of networks needs a range that is one larger network"},
		{"create q bitmap:ip range 10.1.0.0/16 netmask 16", "dump:8:8: a bitmap of networks needs a range that is one larger network"},
		{"nonsense", `dump:8:1: nonsense is not a command of ipset that changes sets`},
		{"flush h n", `dump:8:9: flush takes no n`},
		{"add l n before p", `dump:8:16: before: p is not in the list`},
		{"add h 1.1.1.1 after n", `dump:8:15: set h was created without after`},
		{"destroy h", `dump:8:9: set h is in the list l; empty the list first`},
		{"destroy", `dump:8:1: set h is in the list l; empty the list first`},
		{"rename h k", `dump:8:8: set h is in the list l`},
		{"rename n p", `dump:8:10: there is a set p already`},
		{"rename n", `dump:8:1: rename needs the name of a set`},
		{"rename x y", `dump:8:8: there is no set x`},
		{"swap h p", `dump:8:6: sets of types hash:ip and hash:ip,port, or of two families, cannot be swapped`},
		{"swap h n", `dump:8:6: sets of types hash:ip and hash:net, or of two families, cannot be swapped`},
		{"swap h six", `dump:8:6: sets of types hash:ip and hash:ip, or of two families, cannot be swapped`},
	} {
		_, err := Parse(strings.NewReader(base+c.line+"\n"), "dump")
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\nis told %v, want %s", c.line, err, c.want)
		}
		if out, err := restore(base + c.line + "\n"); err == nil {
			t.Errorf("%s\nis accepted by ipset: %s", c.line, out)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("create a hash:ip,port,net family inet6 timeout 3 comment\nadd a ::1,udp:1-3,2000::/3 comment \"x y\" nomatch\n")
	f.Add("create b bitmap:ip range 10.0.0.0/8 netmask 12\nadd b 10.0.0.0/12\ndel b 10.0.0.0\n")
	f.Fuzz(func(t *testing.T, dump string) {
		sets, err := Parse(strings.NewReader(dump), "dump")
		if err != nil {
			return
		}
		var b strings.Builder
		if err := Print(&b, sets); err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(strings.NewReader(b.String()), "print"); err != nil {
			t.Errorf("%s\nof\n%s", err, dump)
		}
	})
}
