package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rechain/nft/kernel/testlab"
)

// A socket that the kernel opens itself belongs to no user, though it is a socket: "! --uid-owner 1337" holds for it, "meta skuid !=
// 1337" does not. Multipath TCP opens such sockets for further paths of a connection (__mptcp_subflow_connect in
// net/mptcp/subflow.c). Here the other path is between two addresses of this host, so the redirect must leave it alone.
func TestKernelSocket(t *testing.T) {
	testlab.Users(t)
	testlab.Programs(t, "ip", "nft", "iptables-legacy-restore")
	options := []string{"-b", "*", "-i", "*", "--ipv6", "off"}
	for _, c := range []struct {
		name  string
		rules func(t *testing.T)
		joins bool
	}{
		{"no rules", func(*testing.T) {}, true},
		{"rechain", func(t *testing.T) { rechain(t, append([]string{"redirect", "apply"}, options...)...) }, true},
		{"iptables", func(t *testing.T) {
			output(t, rechain(t, append([]string{"redirect", "plan", "-o", "iptables", "-4"}, options...)...), "iptables-legacy-restore")
		}, true},
		// What the usual translation does: it shows that the test can fail.
		{"skuid !=", func(t *testing.T) {
			output(t, naive, "nft", "-f", "-")
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			testlab.Isolate(t)
			for _, words := range []string{"link set lo up", "addr add 10.9.0.1/32 dev lo", "addr add 10.9.0.2/32 dev lo"} {
				output(t, "", "ip", strings.Fields(words)...)
			}
			// From 10.9.0.2 there is to be a second path.
			err := exec.Command("ip", "mptcp", "limits", "set", "subflow", "1").Run()
			testlab.Need(t, err == nil, "a kernel and an ip that know MPTCP")
			output(t, "", "ip", "mptcp", "endpoint", "add", "10.9.0.2", "dev", "lo", "subflow")
			c.rules(t)
			if joined := secondPath(t); joined != c.joins {
				t.Errorf("the second path was made: %v", joined)
			}
		})
	}
}

const naive = `table ip nat {
	chain output {
		type nat hook output priority -100
		oifname "lo" meta skuid != 1337 return
		meta l4proto tcp redirect to :15001
	}
}
`

// secondPath opens a connection of MPTCP and says whether it got a second path.
func secondPath(t *testing.T) bool {
	var config net.ListenConfig
	config.SetMultipathTCP(true)
	listener, err := config.Listen(t.Context(), "tcp4", "10.9.0.1:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 9, 0, 1)}, Timeout: 3 * time.Second}
	dialer.SetMultipathTCP(true)
	client, err := dialer.Dial("tcp4", "10.9.0.1:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	// Further paths are made once data came both ways (mptcp_pm_fully_established).
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		if _, err := pair[0].Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := pair[1].Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if mptcpCounter(t, "MPJoinAckRx") > 0 {
			return true
		}
	}
	return false
}

// mptcpCounter reads a counter of the thread's network namespace.
func mptcpCounter(t *testing.T, name string) int {
	text, err := os.ReadFile("/proc/thread-self/net/netstat")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if words[0] != "MPTcpExt:" {
			continue
		}
		if names == nil {
			names = words
			continue
		}
		for i, n := range names {
			if n == name {
				v, _ := strconv.Atoi(words[i])
				return v
			}
		}
	}
	testlab.Need(t, false, "the kernel's counters of MPTCP")
	return 0
}

func rechain(t *testing.T, args ...string) string {
	return output(t, "", filepath.Join(binDir, "rechain"), args...)
}

// output runs a program and returns what it prints.
func output(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Stdin = strings.NewReader(stdin)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	return string(out)
}
