package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
)

// As runs f in a namespace on a thread that has the owner's file system ids: those are what a socket is given when it is made
// (struct file's f_cred), and what xt_owner and nft's meta skuid look at. They change nothing else of the process.
func As(ns *kernel.Namespace, o Owner, f func() error) error {
	done := make(chan error)
	go func() { done <- ns.Do(func() error { return withOwner(o, f) }) }()
	return <-done
}

// ErrOwner says that sockets of an owner cannot be made here: the ids are not known in this user namespace, or CAP_SETUID or
// CAP_SETGID is missing.
var ErrOwner = errors.New("cannot act as user")

// CanAct says whether sockets of an owner can be made here: nil, or an [ErrOwner].
func CanAct(o Owner) error { return As(nil, o, func() error { return nil }) }

func withOwner(o Owner, f func() error) error {
	runtime.LockOSThread()
	// The user last, and back first: it is what the right to change the group may depend on.
	gid := setfsgid(int(o.GID))
	uid := setfsuid(int(o.UID))
	defer func() {
		setfsuid(uid)
		setfsgid(gid)
		// A thread that did not get its ids back stays locked, and ends with its goroutine.
		if setfsuid(-1) == uid && setfsgid(-1) == gid {
			runtime.UnlockOSThread()
		}
	}()
	// setfsuid(2) says nothing when it fails; asking with an impossible id tells.
	if setfsuid(-1) != int(o.UID) || setfsgid(-1) != int(o.GID) {
		return fmt.Errorf("%w %d, group %d here", ErrOwner, o.UID, o.GID)
	}
	return f()
}

// setfsuid and setfsgid change the ids of the calling thread only, and return what they were.
func setfsuid(id int) int {
	was, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, uintptr(id), 0, 0)
	return int(was)
}

func setfsgid(id int) int {
	was, _, _ := unix.RawSyscall(unix.SYS_SETFSGID, uintptr(id), 0, 0)
	return int(was)
}

// socket is a socket bound to an address.
type socket struct {
	fd   int
	from netip.AddrPort
}

// bind makes a socket of that type with an address and a port that is free, or the one given.
func bind(typ, protocol int, from netip.AddrPort) (*socket, error) {
	fd, err := unix.Socket(int(family(from.Addr())), typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd}
	// A port that was asked for may still be that of a connection whose process was killed.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, min(1, int(from.Port()))); err != nil {
		s.close()
		return nil, os.NewSyscallError("setsockopt SO_REUSEADDR", err)
	}
	if err := unix.Bind(fd, sockaddr(from)); err != nil {
		s.close()
		return nil, fmt.Errorf("bind to %s: %w", from, err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		s.close()
		return nil, os.NewSyscallError("getsockname", err)
	}
	s.from = addrPort(name)
	return s, nil
}

// close closes at once, without the long goodbye of TCP.
func (s *socket) close() {
	unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	unix.Close(s.fd)
}

// connect connects, waiting at most so long.
func (s *socket) connect(to netip.AddrPort, wait time.Duration) error {
	switch err := unix.Connect(s.fd, sockaddr(to)); err {
	case nil:
		return nil
	case unix.EINPROGRESS:
	default:
		return err
	}
	if err := s.poll(unix.POLLOUT, wait); err != nil {
		return err
	}
	return s.err()
}

// err is the error that waits in the socket.
func (s *socket) err() error {
	n, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && n != 0 {
		err = unix.Errno(n)
	}
	return err
}

// poll waits for events; ETIMEDOUT when there are none.
func (s *socket) poll(events int16, wait time.Duration) error {
	end := time.Now().Add(wait)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: events}}, max(0, int(time.Until(end).Milliseconds())))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("poll", err)
		case n == 0:
			return unix.ETIMEDOUT
		default:
			return nil
		}
	}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// soOriginalDst is SO_ORIGINAL_DST (linux/netfilter_ipv4.h) and IP6T_SO_ORIGINAL_DST (linux/netfilter_ipv6/ip6_tables.h).
const soOriginalDst = 80

// originalDestination asks connection tracking where a TCP connection was going before it was redirected; the zero value if that
// is not known. What the kernel answers is a struct sockaddr_in or sockaddr_in6, for which the functions of golang.org/x/sys that
// read values of that size must serve.
func originalDestination(fd int, local netip.Addr) netip.AddrPort {
	if local.Is4() {
		v, err := unix.GetsockoptIPv6Mreq(fd, unix.IPPROTO_IP, soOriginalDst)
		if err != nil {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(v.Multiaddr[4:8])), binary.BigEndian.Uint16(v.Multiaddr[2:4]))
	}
	v, err := unix.GetsockoptIPv6MTUInfo(fd, unix.IPPROTO_IPV6, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}
	}
	port := binary.NativeEndian.AppendUint16(nil, v.Addr.Port)
	return netip.AddrPortFrom(netip.AddrFrom16(v.Addr.Addr), binary.BigEndian.Uint16(port))
}
