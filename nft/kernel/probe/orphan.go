package probe

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// orphan is an [Orphan] flow. Both ends of the connection are its own.
type orphan struct{ client, server *socket }

func newOrphan(from, to netip.AddrPort) (*orphan, error) {
	client, err := bind(unix.SOCK_STREAM, 0, from)
	if err != nil {
		return nil, err
	}
	server, err := bind(unix.SOCK_STREAM, 0, to)
	if err != nil {
		client.close()
		return nil, err
	}
	o := &orphan{client, server}
	if err := unix.Listen(server.fd, 1); err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *orphan) close() {
	o.server.close()
	if o.client != nil {
		o.client.close()
	}
}

func (o *orphan) ports() map[uint16]treatment {
	return map[uint16]treatment{o.client.from.Port(): traceLost, o.server.from.Port(): hide}
}

// run closes the client's end, then lets the server say goodbye. The kernel acknowledges that on its own: the client's socket has
// no process any more, or is only a memory of itself (TIME-WAIT). When the acknowledgement arrives, the server's end is closed. When
// it is lost, so that the goodbye is said again, nobody may be left to answer but with a reset.
func (o *orphan) run(f Flow) Result {
	r := Result{From: o.client.from}
	peer, err := o.open(f)
	if err != nil {
		r.Err = err
		return r
	}
	defer peer.close()
	unix.Close(o.client.fd)
	o.client = nil
	if err := peer.poll(unix.POLLIN|unix.POLLRDHUP, f.Wait); err != nil {
		r.Err = err
		return r
	}
	if err := unix.Shutdown(peer.fd, unix.SHUT_WR); err != nil {
		r.Err = err
		return r
	}
	const tcpClose = 7 // TCP_CLOSE in net/tcp_states.h
	r.Outcome = Silent
	for end := time.Now().Add(f.Wait); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if info, err := unix.GetsockoptTCPInfo(peer.fd, unix.SOL_TCP, unix.TCP_INFO); err == nil && info.State == tcpClose {
			if r.Outcome = Answered; peer.err() != nil {
				r.Outcome = Refused
			}
			break
		}
	}
	return r
}

// open makes the connection and returns the server's end of it.
func (o *orphan) open(f Flow) (*socket, error) {
	if err := o.client.connect(o.server.from, f.Wait); err != nil {
		return nil, err
	}
	if err := o.server.poll(unix.POLLIN, f.Wait); err != nil {
		return nil, err
	}
	peer := &socket{from: o.server.from}
	err := As(nil, f.Owner, func() (err error) { // what accepts a connection owns it
		peer.fd, _, err = unix.Accept4(o.server.fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return err
	})
	if err != nil {
		return nil, err
	}
	return peer, nil
}
