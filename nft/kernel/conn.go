package kernel

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// receiveSize is room for any datagram that the kernel sends: a dump fills at most 32 KB (netlink_dump in
// net/netlink/af_netlink.c), and as much as that only for readers that offer so much room.
const receiveSize = 64 << 10

// Conn is a connection to nf_tables in one network namespace, for one goroutine at a time.
type Conn struct {
	nl  *netlink.Conn
	raw syscall.RawConn
	seq uint32
	in  []byte
}

// Dial connects to nf_tables in a namespace, nil for the current one. The connection stays in that namespace, whatever becomes
// of ns.
func Dial(ns *Namespace) (*Conn, error) {
	var c *Conn
	err := ns.Do(func() (err error) {
		c, err = dial()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to nf_tables: %w", err)
	}
	return c, nil
}

func dial() (*Conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	switch {
	case errors.Is(err, unix.EPROTONOSUPPORT):
		return nil, fmt.Errorf("%w: %w", ErrNoTables, err)
	case err != nil:
		return nil, err
	}
	c := &Conn{nl: nl, in: make([]byte, receiveSize)}
	if c.raw, err = nl.SyscallConn(); err != nil {
		nl.Close()
		return nil, err
	}
	// An error then says what is wrong and where (Linux 4.12), and does not repeat the message that it is about (4.3).
	for _, option := range []netlink.ConnOption{netlink.ExtendedAcknowledge, netlink.CapAcknowledge} {
		if err := nl.SetOption(option, true); err != nil {
			nl.Close()
			return nil, err
		}
	}
	return c, nil
}

// Close closes the connection. Tables that it owns (NFT_TABLE_F_OWNER) go with it. After a transaction that deleted something the
// kernel lets go only when that is freed, some 10 ms later (nft_rcv_nl_event), be it here or at the end of the process.
func (c *Conn) Close() error { return c.nl.Close() }

// Generation is the id of the rule set as it is now (NFTA_GEN_ID). Every transaction of whatever process in the namespace
// changes it. It is never 0.
func (c *Conn) Generation() (uint32, error) {
	var gen uint32
	err := c.query(unix.NFT_MSG_GETGEN, 0, bytecode.Unspec, nil, func(_ bytecode.Family, attrs []byte) error {
		for a, err := range bytecode.Attrs(attrs) {
			if err != nil {
				return err
			}
			if a.Type == unix.NFTA_GEN_ID {
				gen = a.U32()
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, unix.EINVAL): // what nfnetlink_rcv_msg says where no one serves the subsystem
		return 0, fmt.Errorf("%w: %w", ErrNoTables, err)
	case err != nil:
		return 0, fmt.Errorf("read the generation: %w", err)
	}
	return gen, nil
}

// query asks one question about a family, or all, and hands each answer to each. An error of each ends nothing, since the answers
// have to be read anyway: the first one is returned. errMoved says that the rule set changed while a dump ran.
func (c *Conn) query(typ, flags uint16, family bytecode.Family, attrs []byte, each func(bytecode.Family, []byte) error) error {
	c.seq++
	b := appendHeader(nil, nftType(typ), unix.NLM_F_REQUEST|flags, c.seq, family, 0)
	b = endMessage(append(b, attrs...), 0)
	if err := c.send(b); err != nil {
		return err
	}
	var result error
	for {
		in, err := c.receive(true)
		if err != nil {
			return err
		}
		for len(in) > 0 {
			var m message
			if m, in, err = cutMessage(in); err != nil {
				return err
			}
			if m.seq != c.seq {
				continue // an answer to a question that failed halfway
			}
			switch m.typ {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				if err := m.err(); err != nil {
					return queryError(err)
				}
			default:
				if err := each(m.nfgenmsg()); err != nil && result == nil {
					result = err
				}
			}
			if m.flags&unix.NLM_F_DUMP_INTR != 0 && result == nil {
				result = errMoved
			}
			if m.typ == unix.NLMSG_DONE || m.flags&unix.NLM_F_MULTI == 0 {
				return result
			}
		}
	}
}

// send hands the kernel one datagram. The kernel works through it before send returns, so whatever it has to say then waits in
// the socket.
func (c *Conn) send(b []byte) error {
	var err error
	waitErr := c.raw.Write(func(fd uintptr) bool {
		_, err = unix.Write(int(fd), b)
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	})
	return os.NewSyscallError("netlink send", errors.Join(waitErr, err))
}

// receive returns the next datagram, which is valid until the next call. If wait is false and there is none it fails with
// EAGAIN.
func (c *Conn) receive(wait bool) ([]byte, error) {
	var n int
	var err error
	waitErr := c.raw.Read(func(fd uintptr) bool {
		// With MSG_TRUNC the length returned is that of the whole datagram (recv(2)).
		n, _, err = unix.Recvfrom(int(fd), c.in, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		return !errors.Is(err, unix.EINTR) && (!wait || !errors.Is(err, unix.EAGAIN))
	})
	switch {
	case waitErr != nil:
		return nil, waitErr
	case err != nil:
		return nil, os.NewSyscallError("netlink receive", err)
	case n > len(c.in):
		return nil, fmt.Errorf("netlink receive: %d bytes do not fit", n)
	}
	return c.in[:n], nil
}
