package kernel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// Commit makes the changes of a batch in one transaction: all, or none and an error. With a generation other than 0 it fails with
// [ErrChanged] unless the rule set is still that generation. What the kernel refuses comes back as a [CommitError] with all the
// faults. An empty batch does nothing.
func (c *Conn) Commit(b *Batch, gen uint32) error { return c.transact(b, gen, true) }

// Check lets the kernel judge a batch as [Conn.Commit] would, without committing it: it sends everything but the closing message,
// whereupon the kernel validates and then undoes the transaction (nfnetlink_rcv_batch), as "nft --check" does.
func (c *Conn) Check(b *Batch) error { return c.transact(b, 0, false) }

func (c *Conn) transact(b *Batch, gen uint32, commit bool) error {
	if b.Len() == 0 {
		return nil
	}
	if len(b.tooLarge) > 0 {
		e := new(CommitError)
		for _, i := range b.tooLarge {
			e.Failures = append(e.Failures, b.failure(i, ErrTooLarge))
		}
		return e
	}
	all := b.datagram(gen, commit)
	if err := c.sendAll(all); err != nil {
		return err
	}
	return c.verdict(b)
}

// sendAll sends a datagram of any size. The kernel refuses one that is larger than the socket's buffer less 32 bytes
// (netlink_sendmsg), and doubles what it is asked for (sk_setsockopt). To go beyond net.core.wmem_max takes CAP_NET_ADMIN in the
// initial user namespace.
func (c *Conn) sendAll(b []byte) error {
	err := c.send(b)
	if !errors.Is(err, unix.EMSGSIZE) {
		return err
	}
	if err := c.nl.SetWriteBuffer(len(b)/2 + 32); err != nil {
		return fmt.Errorf("make room for a transaction of %d bytes: %w", len(b), err)
	}
	if err = c.send(b); errors.Is(err, unix.EMSGSIZE) {
		return fmt.Errorf("a transaction of %d bytes is more than this process may send; raise net.core.wmem_max to %d: %w",
			len(b), len(b)/2+32, err)
	}
	return err
}

// verdict reads what the kernel has said by now. A transaction went through if there is no error and its last message is
// acknowledged. Kernels before 6.10 do not acknowledge the closing message, so the last one before it is asked to be: all
// acknowledgements are sent after the commit, and an error of the commit itself comes with them.
func (c *Conn) verdict(b *Batch) error {
	var e CommitError
	acked := false
	for {
		in, err := c.receive(false)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			e.More = true
			continue
		case errors.Is(err, unix.EAGAIN):
			return e.result(acked)
		case err != nil:
			return err
		}
		for len(in) > 0 {
			var m message
			if m, in, err = cutMessage(in); err != nil {
				return err
			}
			if m.typ != unix.NLMSG_ERROR {
				continue
			}
			i := int(m.seq) - 1
			switch err := m.err(); {
			case err == nil:
				acked = acked || i == b.Len()-1
			case errors.Is(err, unix.ERESTART): // nf_tables_valid_genid said no
				return errors.Join(ErrChanged, c.drain())
			default:
				e.add(b, i, m)
			}
		}
	}
}

func (e *CommitError) add(b *Batch, i int, m message) {
	err := m.err()
	if i < 0 && errors.Is(err, unix.EOPNOTSUPP) {
		err = fmt.Errorf("%w: %w", ErrNoTables, err)
	}
	f := b.failure(i, err)
	text, offset := m.extended()
	b.locate(&f, i, text, offset)
	e.Failures = append(e.Failures, f)
}

func (e *CommitError) result(acked bool) error {
	switch {
	case len(e.Failures) > 0:
		return e
	case e.More || !acked:
		return errors.New("the kernel did not say what became of the transaction")
	}
	return nil
}

// drain throws away what waits in the socket.
func (c *Conn) drain() error {
	for {
		if _, err := c.receive(false); err != nil {
			if errors.Is(err, unix.EAGAIN) {
				return nil
			}
			return err
		}
	}
}

// attempts bounds how often reading and changing is tried again when other programs change the rule set at the same time.
const attempts = 10

// pause waits a little longer each time, about 1 s in all, and not as long as anyone else who got into the same race.
func pause(attempt int) {
	time.Sleep(time.Millisecond<<attempt + rand.N(time.Millisecond<<attempt))
}

// Update changes the rule set as plan wants it: plan gets a snapshot (see [Conn.Ruleset]) and returns the changes, which are
// committed for that very snapshot. If another program was faster, it is asked again with a new one, up to ten times, and then
// ErrChanged is returned. An error of plan is returned as it is.
func (c *Conn) Update(keep func(*bytecode.Table) bool, plan func(*bytecode.Ruleset) (*Batch, error)) error {
	for attempt := range attempts {
		if attempt > 0 {
			pause(attempt - 1)
		}
		rs, err := c.Ruleset(keep)
		if err != nil {
			return err
		}
		b, err := plan(rs)
		if err != nil {
			return err
		}
		if err := c.Commit(b, rs.Gen); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("%w, %d times in a row; nothing was changed", ErrChanged, attempts)
}
