package kernel

import (
	"os/exec"
	"strings"
	"testing"

	"rechain/nft/bytecode"
	"rechain/nft/kernel/testlab"
)

// isolatedConn is a connection to a new network namespace, which the test then runs in.
func isolatedConn(t testing.TB) *Conn {
	t.Helper()
	testlab.Isolate(t)
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
	testlab.Programs(t, command[0])
	cmd := exec.Command(command[0], command[1:]...)
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
