// Package testlab lends tests what they need of a machine: network namespaces of their own, the programs that judge them, and one
// way to do without. It is for tests only.
package testlab

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Need skips a test that lacks something, saying what; or fails it where everything has to run (RECHAIN_REQUIRE=1).
func Need(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("RECHAIN_REQUIRE") != "":
		t.Fatalf("needs %s", what)
	default:
		t.Skipf("needs %s", what)
	}
}

// Programs needs programs in PATH.
func Programs(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		_, err := exec.LookPath(name)
		Need(t, err == nil, name)
	}
}

// Isolate puts the test into a new network namespace. Its thread is never unlocked, and so ends with the test.
func Isolate(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	err := unix.Unshare(unix.CLONE_NEWNET)
	Need(t, err == nil, "the right to make network namespaces")
}

// Users needs all user and group ids, which a user namespace made by an ordinary user does not have (user_namespaces(7)): rules
// that name another id are refused there.
func Users(t testing.TB) {
	t.Helper()
	ids, err := os.ReadFile("/proc/self/uid_map")
	Need(t, err == nil && strings.Join(strings.Fields(string(ids)), " ") == "0 0 4294967295", "all user ids, which root has")
}
