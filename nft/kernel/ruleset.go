package kernel

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// listing is one kind of thing that a dump lists. filter is the attribute that restricts the dump to a table; the kernel has
// none for chains.
type listing struct {
	what   string
	get    uint16
	filter uint16
	take   func(*reader, bytecode.Family, []byte) error
}

var (
	tables   = listing{"tables", unix.NFT_MSG_GETTABLE, 0, (*reader).table}
	elements = listing{"elements", unix.NFT_MSG_GETSETELEM, 0, (*reader).elements}
	// contents come in this order since rules are put into chains that are there.
	contents = []listing{
		{"chains", unix.NFT_MSG_GETCHAIN, 0, (*reader).chain},
		{"sets", unix.NFT_MSG_GETSET, unix.NFTA_SET_TABLE, (*reader).set},
		{"objects", unix.NFT_MSG_GETOBJ, unix.NFTA_OBJ_TABLE, (*reader).object},
		{"flowtables", unix.NFT_MSG_GETFLOWTABLE, nftaFlowtableTable, (*reader).flowtable},
		{"rules", unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, (*reader).rule},
	}
)

// Ruleset reads the tables that keep wants, nil for all, and all that is in them; keep is shown each table without its contents.
// They come in the order in which the kernel has them: that of creation, but for elements, which come as their set stores them.
// What is read is one state of the rule set, and its Gen is that state's generation; if it changes all the time an error says so.
func (c *Conn) Ruleset(keep func(*bytecode.Table) bool) (*bytecode.Ruleset, error) {
	for attempt := range attempts {
		if attempt > 0 {
			pause(attempt - 1)
		}
		rs, err := c.snapshot(keep)
		if !errors.Is(err, errMoved) {
			return rs, err
		}
	}
	return nil, fmt.Errorf("%w, %d times in a row", errMoved, attempts)
}

// snapshot reads everything once. It fails with errMoved if that was not all of one generation.
func (c *Conn) snapshot(keep func(*bytecode.Table) bool) (*bytecode.Ruleset, error) {
	gen, err := c.Generation()
	if err != nil {
		return nil, err
	}
	if err := c.settled(gen); err != nil {
		return nil, err
	}
	r := newReader(keep)
	if err := c.list(r, tables, bytecode.Unspec, nil); err != nil {
		return nil, err
	}
	if len(r.rs.Tables) > 0 {
		if err := c.contents(r); err != nil {
			return nil, err
		}
	}
	if err := c.settled(gen); err != nil {
		return nil, err
	}
	r.rs.Gen = gen
	return &r.rs, nil
}

// settled makes sure that the transaction which made a generation is over and that no other has begun, and fails with errMoved
// else. Comparing generations is not enough: the kernel counts the generation up at another moment than it shows it
// (nf_tables_commit), and a dump during a transaction was seen to list a table that this adds, deletes and adds again (6.18). An empty
// transaction for that very generation waits for one that is under way, since both take the same mutex (nf_tables_valid_genid).
func (c *Conn) settled(gen uint32) error {
	c.seq++
	b := appendHeader(nil, unix.NFNL_MSG_BATCH_BEGIN, unix.NLM_F_REQUEST, c.seq, bytecode.Unspec, subsystem)
	b = endMessage(bytecode.AppendU32(b, unix.NFNL_BATCH_GENID, gen), 0)
	n := len(b)
	b = endMessage(appendHeader(b, unix.NFNL_MSG_BATCH_END, unix.NLM_F_REQUEST, c.seq, bytecode.Unspec, subsystem), n)
	if err := c.send(b); err != nil {
		return err
	}
	var result error
	for {
		in, err := c.receive(false)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return result
		case err != nil:
			return err
		}
		for len(in) > 0 && result == nil {
			var m message
			if m, in, err = cutMessage(in); err != nil {
				return err
			}
			if errors.Is(m.err(), unix.ERESTART) {
				result = errMoved
			} else if m.err() != nil {
				result = fmt.Errorf("wait for the last transaction: %w", m.err())
			}
		}
	}
}

// contents lists each kind of thing at once for all tables, or if some are not wanted for each table that is.
func (c *Conn) contents(r *reader) error {
	for _, l := range contents {
		if l.get == unix.NFT_MSG_GETRULE {
			if err := c.rules(r, l); err != nil {
				return err
			}
			continue
		}
		if r.left == 0 || l.filter == 0 {
			if err := c.list(r, l, bytecode.Unspec, nil); err != nil {
				return err
			}
			continue
		}
		for _, t := range r.rs.Tables {
			if err := c.list(r, l, t.Family, bytecode.AppendString(nil, l.filter, t.Name)); err != nil {
				return err
			}
		}
	}
	for _, t := range r.rs.Tables {
		for _, s := range t.Sets {
			r.current = s
			attrs := bytecode.AppendString(nil, unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
			attrs = bytecode.AppendString(attrs, unix.NFTA_SET_ELEM_LIST_SET, s.Name)
			if err := c.list(r, elements, t.Family, attrs); err != nil {
				return err
			}
		}
	}
	return nil
}

// fewChains is how many chains a table has at most whose rules are listed at once.
const fewChains = 16

// rules lists the rules of tables. Those of a table with many chains come chain by chain: for each 32 KB of a list, the kernel goes
// through it from its beginning again (__nf_tables_dump_rules), which took 7 of 8 s with 100,000 rules.
func (c *Conn) rules(r *reader, l listing) error {
	for _, t := range r.rs.Tables {
		table := bytecode.AppendString(nil, l.filter, t.Name)
		if len(t.Chains) <= fewChains {
			if err := c.list(r, l, t.Family, table); err != nil {
				return err
			}
			continue
		}
		for _, ch := range t.Chains {
			chain := bytecode.AppendString(slices.Clip(table), unix.NFTA_RULE_CHAIN, ch.Name)
			if err := c.list(r, l, t.Family, chain); err != nil {
				return err
			}
		}
	}
	return nil
}

// list dumps one kind of thing, of a family or of all.
func (c *Conn) list(r *reader, l listing, family bytecode.Family, attrs []byte) error {
	err := c.query(l.get, unix.NLM_F_DUMP, family, attrs, func(f bytecode.Family, b []byte) error { return l.take(r, f, b) })
	switch {
	case errors.Is(err, unix.ENOENT):
		return errMoved // what the last dump showed is gone
	case err != nil && !errors.Is(err, errMoved):
		return fmt.Errorf("list %s: %w", l.what, err)
	}
	return err
}
