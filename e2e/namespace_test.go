package e2e

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// space is a network namespace.
type space struct{ file *os.File }

// owner is whom sockets belong to.
type owner struct{ uid, gid int }

// do runs f in the namespace as an owner: with those file system ids, which is what a socket is given when it is made and what rules
// ask for. It has a thread of its own, that is thrown away afterwards.
func (n *space) do(o owner, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
				return os.NewSyscallError("setns", err)
			}
			if err := o.assume(); err != nil {
				return err
			}
			return f()
		}()
	}()
	return <-done
}

// assume makes the thread act as o. The user last: the right to change the group depends on it.
func (o owner) assume() error {
	unix.RawSyscall(unix.SYS_SETFSGID, uintptr(o.gid), 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, uintptr(o.uid), 0, 0)
	// setfsuid(2) says nothing when it fails; asking with an impossible id tells.
	const ask = ^uintptr(0)
	uid, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, ask, 0, 0)
	gid, _, _ := unix.RawSyscall(unix.SYS_SETFSGID, ask, 0, 0)
	if int(uid) != o.uid || int(gid) != o.gid {
		return fmt.Errorf("cannot act as user %d, group %d", o.uid, o.gid)
	}
	return nil
}

// isolate puts a script, and all that it starts, into a network namespace of its own, and gives it an empty /run, where the names of
// further ones are, and the lock of iptables. The thread that it runs on is thrown away afterwards, since it is never unlocked.
func (s *script) isolate(env *testscript.Env) error {
	s.need(os.Geteuid() == 0, "root")
	runtime.LockOSThread()
	err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS)
	s.need(err == nil, fmt.Sprint("the right to make namespaces: ", err))
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	if err := unix.Mount("run", "/run", "tmpfs", 0, ""); err != nil {
		return os.NewSyscallError("mount /run", err)
	}
	if s.pod, err = open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	env.Defer(func() { s.pod.file.Close() })
	return upLoopback()
}

func open(path string) (*space, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &space{f}, nil
}

// space finds a namespace by its name; "" is the pod.
func (s *script) space(name string) (*space, error) {
	if name == "" {
		return s.pod, nil
	}
	if n := s.named[name]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("no wire leads to a namespace %q", name)
}

// upLoopback sets the loopback device of the thread's namespace up.
func upLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return os.NewSyscallError("ioctl SIOCSIFFLAGS", unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo))
}

// wire lays the script's N-th wire, counting from 1: DEVICE at both ends, 10.N.0.2 and fd00:N::2 in the pod, 10.N.0.1 and fd00:N::1
// in the namespace NETNS, which is new. The first wire leads to the rest of the world: 203.0.113.0/24 and 2001:db8::/32 (the
// documentation's networks, RFC 5737 and 3849) are all at its far end.
func (s *script) wire(args []string) {
	if len(args) != 2 {
		s.Fatalf("usage: wire DEVICE NETNS")
	}
	dev, peer := args[0], args[1]
	s.wires++
	s.ip("netns add %s", peer)
	n, err := open("/run/netns/" + peer)
	s.Check(err)
	s.Defer(func() { n.file.Close() })
	s.named[peer] = n
	s.ip("link add %s type veth peer name %s netns %s", dev, dev, peer)
	for i, in := range []string{"", "-n " + peer + " "} {
		s.ip(in+"addr add 10.%d.0.%d/24 dev %s", s.wires, 2-i, dev)
		s.ip(in+"addr add fd00:%d::%d/64 dev %s nodad", s.wires, 2-i, dev)
		s.ip(in+"link set %s up", dev)
	}
	s.ip("-n %s link set lo up", peer)
	for _, in := range []string{"", "-n " + peer + " "} {
		s.waitUp(in, dev)
	}
	if s.wires == 1 {
		s.ip("route add default via 10.1.0.1")
		s.ip("-6 route add default via fd00:1::1")
		s.ip("-n %s route add local 203.0.113.0/24 dev lo", peer)
		s.ip("-n %s -6 route add local 2001:db8::/32 dev lo", peer)
	}
}

// waitUp waits until a device sends: until the kernel has noticed that the other end is up, it drops packets.
func (s *script) waitUp(in, dev string) {
	for range 1000 {
		s.ip(in+"-o link show %s", dev)
		if strings.Contains(s.ReadFile("stdout"), "state UP") {
			return
		}
		time.Sleep(time.Millisecond)
	}
	s.Fatalf("%s does not come up", dev)
}

// ip runs ip with arguments without spaces in them.
func (s *script) ip(format string, args ...any) {
	s.exitCode(0, append([]string{"ip"}, strings.Fields(fmt.Sprintf(format, args...))...))
}
