package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"rechain/nft/kernel/testlab"

	"golang.org/x/sys/unix"
)

// namespaceID tells namespaces apart: the inode of the calling thread's.
func namespaceID(t *testing.T) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestNamespaceByNamePathAndProcess(t *testing.T) {
	testlab.Need(t, os.Geteuid() == 0, "root")
	name := fmt.Sprintf("rechain-test-%d", os.Getpid())
	run(t, "", "ip", "netns", "add", name)
	t.Cleanup(func() { run(t, "", "ip", "netns", "delete", name) })
	run(t, "", "ip", "netns", "exec", name, "nft", "add", "table", "ip", "inside")
	sleeper := exec.Command("ip", "netns", "exec", name, "cat")
	stdin, err := sleeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := sleeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); sleeper.Wait() })
	fmt.Fprintln(stdin, "it runs")
	if _, err := stdout.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}

	outside := namespaceID(t)
	for _, spec := range []string{name, "/run/netns/" + name, strconv.Itoa(sleeper.Process.Pid)} {
		ns, err := OpenNamespace(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		inside := uint64(0)
		if err := ns.Do(func() error { inside = namespaceID(t); return fs.ErrClosed }); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: the function's error became %v", spec, err)
		}
		c, err := Dial(ns)
		if err != nil {
			t.Fatal(err)
		}
		ns.Close()
		if rs := ruleset(t, c); len(rs.Tables) != 1 || rs.Tables[0].Name != "inside" {
			t.Errorf("%s: %+v", spec, rs)
		}
		c.Close()
		if now := namespaceID(t); inside == outside || now != outside || ns.String() != spec {
			t.Errorf("%s: %d outside, %d inside, then %d", spec, outside, inside, now)
		}
	}
}

func TestNamespaceErrors(t *testing.T) {
	testlab.Need(t, os.Geteuid() == 0, "root")
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		"no-such-name":             "no network namespace no-such-name in /run/netns",
		filepath.Join(dir, "gone"): "no such file or directory",
		plain:                      plain + ": not a namespace file",
		"/proc/self/ns/uts":        "/proc/self/ns/uts: a namespace, but not a network namespace",
		"2147483646":               "no process 2147483646, and no network namespace of that name",
		"..":                       "not a namespace file",
	} {
		ns, err := OpenNamespace(spec)
		if err == nil {
			ns.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", spec, err, want)
		}
	}
	if ns, err := OpenNamespace(""); ns != nil || err != nil || ns.String() != "" || ns.Close() != nil {
		t.Errorf("the current namespace: %v, %v", ns, err)
	}
}

// userEnv makes the test program be the child of TestUserNamespace.
const userEnv = "RECHAIN_TEST_USER_NAMESPACE"

// In a user namespace of its own a process may program its network namespace, but not make its socket's buffer larger than
// net.core.wmem_max, twice of which a transaction can then have.
func TestUserNamespace(t *testing.T) {
	if os.Getenv(userEnv) != "" {
		inUserNamespace(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestUserNamespace$", "-test.v")
	cmd.Env = append(os.Environ(), userEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	testlab.Need(t, !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSPC), "the right to make user namespaces")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func inUserNamespace(t *testing.T) {
	c := connect(t)
	var b Batch
	b.AddAll(sample(), nil)
	b.AddAll(manyRules(30), nil)
	commit(t, c, &b)
	if rs := ruleset(t, c); len(rs.Tables) != 2 {
		t.Errorf("%+v", rs)
	}
	text, err := os.ReadFile("/proc/sys/net/core/wmem_max")
	if err != nil {
		t.Skip(err) // not every kernel shows it in every network namespace
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || limit > 64<<20 {
		t.Skipf("net.core.wmem_max is %q: %v", text, err)
	}
	b = Batch{}
	for table := manyRules(1000); b.Size() <= 2*limit; {
		table.Name += "x"
		b.AddAll(table, nil)
	}
	err = c.Commit(&b, 0)
	if !errors.Is(err, unix.EMSGSIZE) || !strings.Contains(err.Error(), "net.core.wmem_max") {
		t.Errorf("%d bytes: %v", b.Size(), err)
	} else {
		t.Log(err)
	}
	if rs := ruleset(t, c); len(rs.Tables) != 2 {
		t.Errorf("%+v", rs)
	}
}
