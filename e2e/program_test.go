package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// programs are those that a script may use as commands of its own.
var programs = []string{
	"rechain", "nft", "ip", "conntrack", "curl", "setpriv", "strace",
	"iptables-legacy", "iptables-legacy-save", "iptables-legacy-restore", "ip6tables-legacy", "ip6tables-legacy-restore",
	"iptables-nft",
}

// needs skips the script where something is missing.
func (s *script) needs(args []string) {
	for _, what := range args {
		switch what {
		case "uids":
			s.need(anyUser(), "the right to act as any user")
		case "tun":
			s.need(opens("/dev/net/tun"), "the right to make TUN devices")
		default:
			s.need(s.lookPath(what) != "", what)
		}
	}
}

// opens says whether a device can be used.
func opens(device string) bool {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// anyUser says whether all users are known in this user namespace.
func anyUser() bool {
	m, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(m)), " ") == "0 0 4294967295"
}

// lookPath finds a program on the script's path, or returns "".
func (s *script) lookPath(name string) string {
	for _, dir := range filepath.SplitList(s.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// supports skips the script, also where everything has to run, when the kernel cannot do what a command asks of it. The command runs
// in a namespace that is thrown away.
func (s *script) supports(args []string) {
	s.needs(args[:1])
	if code := s.start(append([]string{"unshare", "--net"}, args...)); code != 0 {
		s.t.Skip(fmt.Sprintf("this kernel lacks what %q needs", strings.Join(args, " ")))
	}
}

// exits runs a program that must exit with a certain code.
func (s *script) exits(args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || len(args) < 2 {
		s.Fatalf("usage: exits N PROGRAM ARGUMENT...")
	}
	s.exitCode(want, args[1:])
}

func (s *script) exitCode(want int, command []string) {
	if code := s.start(command); code != want {
		s.Fatalf("%s: exit code %d, not %d", command[0], code, want)
	}
}

// start runs a program and returns its exit code. The path is that of the script: the scripts' own programs come first.
func (s *script) start(command []string) int {
	path := s.lookPath(command[0])
	s.need(path != "", command[0])
	err := s.Exec(path, command[1:]...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	s.Fatalf("%v", err)
	return -1
}

// commits runs a program and counts how often the rule set of the pod changed meanwhile.
func (s *script) commits(args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || len(args) < 2 {
		s.Fatalf("usage: commits N PROGRAM ARGUMENT...")
	}
	before := s.generation()
	s.exitCode(0, args[1:])
	if n := int(s.generation() - before); n != want {
		s.Fatalf("%d changes of the rule set, not %d", n, want)
	}
}

// generation is the number of the pod's rule set, which each commit raises by one (nft_base_seq_inc in
// net/netfilter/nf_tables_api.c).
func (s *script) generation() (id uint32) {
	s.Check(s.pod.do(owner{}, func() error {
		conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return err
		}
		defer conn.Close()
		answer, err := conn.Execute(netlink.Message{
			Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
			Data:   make([]byte, 4), // struct nfgenmsg
		})
		if err != nil {
			return err
		}
		attrs, err := netlink.NewAttributeDecoder(answer[0].Data[4:])
		if err != nil {
			return err
		}
		for attrs.Next() {
			if attrs.Type() == 1 { // NFTA_GEN_ID, big-endian
				for _, b := range attrs.Bytes() {
					id = id<<8 | uint32(b)
				}
			}
		}
		return attrs.Err()
	}))
	return id
}
