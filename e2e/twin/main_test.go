//go:build linux

package twin

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"rechain/nft/kernel/testlab"
)

// rechain is the program, built for this test run.
var rechain string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rechain-twin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	rechain = filepath.Join(dir, "rechain")
	build := exec.Command("go", "build", "-trimpath", "-o", rechain, "rechain/cmd/rechain")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build rechain:", err)
		return 1
	}
	// Trials mostly wait for the kernel, which takes its time to make and to end namespaces and tables.
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// lab needs what two sites need.
func lab(t *testing.T) {
	t.Helper()
	testlab.Need(t, os.Geteuid() == 0, "root")
	testlab.Programs(t, "ip", "nft", "ipset", "iptables-legacy-restore", "ip6tables-legacy-restore")
	testlab.Users(t)
	_, err := os.Stat("/dev/net/tun")
	testlab.Need(t, err == nil, "/dev/net/tun")
}

// setting is a number from the environment.
func setting(t *testing.T, name string, usual int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return usual
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
