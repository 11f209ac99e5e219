package kernel

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// need skips a test that lacks something, or fails it where everything has to run (RECHAIN_REQUIRE=1).
func need(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("RECHAIN_REQUIRE") == "1":
		t.Fatalf("needs %s", what)
	default:
		t.Skipf("needs %s", what)
	}
}

// isolate puts the test into a new network namespace. The thread that it runs on is thrown away afterwards, since it is never
// unlocked.
func isolate(t testing.TB) {
	t.Helper()
	need(t, os.Geteuid() == 0, "root")
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		need(t, false, "the right to make network namespaces: "+err.Error())
	}
}

// isolatedConn is a connection to a new network namespace, which the test then runs in.
func isolatedConn(t testing.TB) *Conn {
	t.Helper()
	isolate(t)
	return connect(t)
}

func connect(t testing.TB) *Conn {
	t.Helper()
	c, err := Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// run runs a program in the namespace of the test and returns what it prints.
func run(t testing.TB, stdin string, command ...string) string {
	t.Helper()
	path, err := exec.LookPath(command[0])
	need(t, err == nil, command[0])
	cmd := exec.Command(path, command[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

func ruleset(t testing.TB, c *Conn) *bytecode.Ruleset {
	t.Helper()
	rs, err := c.Ruleset(nil)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func commit(t testing.TB, c *Conn, b *Batch) {
	t.Helper()
	if err := c.Commit(b, 0); err != nil {
		t.Fatal(err)
	}
}
