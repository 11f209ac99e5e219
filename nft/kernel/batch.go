package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// Batch is a list of changes that [Conn.Commit] makes in one transaction, in the order in which they were added. The zero value
// is an empty one. It holds the messages as they go to the kernel, one after the other; none of the models given to its methods.
type Batch struct {
	// Origin is what the changes added from now on come from, for errors to tell; nil says nothing. It is only asked for its
	// words if there is an error.
	Origin fmt.Stringer

	buf      []byte
	notes    []note
	tooLarge []int // indexes of messages with an attribute that is cut off

	// from is the rule that the changes added from now on come from, nil for Origin, and ruleOrigin says where it comes from in turn. It is
	// only asked if there is an error: there are many rules.
	from       *bytecode.Rule
	ruleOrigin func(*bytecode.Rule) fmt.Stringer
}

// note is what is remembered of a message: where it begins in the batch, and what it comes from. The message of notes[i] has the
// sequence number i+1.
type note struct {
	at     int
	origin fmt.Stringer
	rule   *bytecode.Rule
}

// Label is an origin that is just words.
type Label string

// String returns the words.
func (l Label) String() string { return string(l) }

// maxAttr is the largest attribute, header included, that the 16-bit length of struct nlattr can say.
const maxAttr = 0xffff

// ErrTooLarge says that a rule or an element does not fit into an attribute (65,535 bytes).
var ErrTooLarge = errors.New("too large for one netlink attribute")

// beginSize is the length of the message that opens a batch: its header and NFNL_BATCH_GENID, the generation that the changes
// were planned for. 0 in it stands for any (nf_tables_valid_genid).
const beginSize = msgHeader + 8

// Len is the number of messages in the batch.
func (b *Batch) Len() int { return len(b.notes) }

// grow makes room for a table with all that is in it, so that the batch is not copied again and again while it grows. Room that is
// not used costs nothing: the machine gives memory when it is written to.
func (b *Batch) grow(t *bytecode.Table) {
	const message, operation = 160, 96 // about as much as they take: names, and an operation of three numbers or one with data
	rules, operations := 0, 0
	for _, c := range t.Chains {
		rules += len(c.Rules)
		for _, r := range c.Rules {
			operations += len(r.Program)
		}
	}
	messages := rules + len(t.Chains) + 2*len(t.Sets) + len(t.Objects)
	b.buf = slices.Grow(b.buf, messages*message+operations*operation)
	b.notes = slices.Grow(b.notes, messages)
}

// originOf is what the message of notes[i] comes from.
func (b *Batch) originOf(i int) fmt.Stringer {
	n := b.notes[i]
	if n.rule != nil && b.ruleOrigin != nil {
		return b.ruleOrigin(n.rule)
	}
	return n.origin
}

// Size is the length of the batch in bytes.
func (b *Batch) Size() int { return len(b.buf) }

func (b *Batch) begin(typ, flags uint16, family bytecode.Family) {
	if len(b.buf) == 0 {
		b.buf = appendHeader(b.buf, unix.NFNL_MSG_BATCH_BEGIN, unix.NLM_F_REQUEST, 0, bytecode.Unspec, subsystem)
		b.buf = endMessage(bytecode.AppendU32(b.buf, unix.NFNL_BATCH_GENID, 0), 0)
	}
	b.notes = append(b.notes, note{len(b.buf), b.Origin, b.from})
	b.buf = appendHeader(b.buf, nftType(typ), unix.NLM_F_REQUEST|flags, uint32(len(b.notes)), family, 0)
}

func (b *Batch) end() { endMessage(b.buf, b.notes[len(b.notes)-1].at) }

func (b *Batch) str(attr uint16, s string)   { b.buf = bytecode.AppendString(b.buf, attr, s) }
func (b *Batch) u32(attr uint16, v uint32)   { b.buf = bytecode.AppendU32(b.buf, attr, v) }
func (b *Batch) u64(attr uint16, v uint64)   { b.buf = bytecode.AppendU64(b.buf, attr, v) }
func (b *Batch) bytes(attr uint16, v []byte) { b.buf = bytecode.AppendBytes(b.buf, attr, v) }
func (b *Batch) nest(attr uint16) (start int) {
	b.buf, start = bytecode.Nest(b.buf, attr)
	return start
}

func (b *Batch) endNest(start int) {
	if len(b.buf)-start > maxAttr {
		b.tooLarge = append(b.tooLarge, len(b.notes)-1)
	}
	bytecode.EndNest(b.buf, start)
}

// userData appends an attribute unless there is none: the kernel refuses an empty one in places.
func (b *Batch) userData(attr uint16, data []byte) {
	if len(data) > 0 {
		b.bytes(attr, data)
	}
}

// message returns the message of notes[i].
func (b *Batch) message(i int) []byte {
	at := b.notes[i].at
	return b.buf[at : at+int(binary.NativeEndian.Uint32(b.buf[at:]))]
}

// datagram is the batch as it is sent: for generation gen (0: any), with an acknowledgement for its last message, and closed by
// the message that makes the kernel commit, or not.
func (b *Batch) datagram(gen uint32, commit bool) []byte {
	binary.BigEndian.PutUint32(b.buf[beginSize-4:], gen)
	last := b.buf[b.notes[len(b.notes)-1].at:]
	binary.NativeEndian.PutUint16(last[6:], binary.NativeEndian.Uint16(last[6:])|unix.NLM_F_ACK)
	if !commit {
		return b.buf
	}
	n := len(b.buf)
	b.buf = appendHeader(b.buf, unix.NFNL_MSG_BATCH_END, unix.NLM_F_REQUEST, uint32(len(b.notes)+1), bytecode.Unspec, subsystem)
	all := endMessage(b.buf, n)
	b.buf = b.buf[:n]
	return all
}

// AddTable adds a table without anything in it: its flags and user data. That it exists already is no error.
func (b *Batch) AddTable(t *bytecode.Table) {
	b.begin(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, t.Family)
	b.str(unix.NFTA_TABLE_NAME, t.Name)
	b.u32(unix.NFTA_TABLE_FLAGS, t.Flags)
	b.userData(nftaTableUserdata, t.UserData)
	b.end()
}

// DeleteTable deletes a table with all that is in it.
func (b *Batch) DeleteTable(family bytecode.Family, name string) {
	b.begin(unix.NFT_MSG_DELTABLE, 0, family)
	b.str(unix.NFTA_TABLE_NAME, name)
	b.end()
}

// AddChain adds a chain without its rules. That it exists already is no error, unless it hangs on another hook.
func (b *Batch) AddChain(family bytecode.Family, table string, c *bytecode.Chain) {
	b.begin(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, family)
	b.str(unix.NFTA_CHAIN_TABLE, table)
	b.str(unix.NFTA_CHAIN_NAME, c.Name)
	if c.Base != nil {
		b.hook(c.Base)
	}
	// That it is a base chain follows from its hook.
	if flags := c.Flags &^ nftChainBase; flags != 0 {
		b.u32(nftaChainFlags, flags)
	}
	b.userData(nftaChainUserdata, c.UserData)
	b.end()
}

func (b *Batch) hook(base *bytecode.BaseChain) {
	hook := b.nest(unix.NFTA_CHAIN_HOOK)
	b.u32(unix.NFTA_HOOK_HOOKNUM, uint32(base.Hook))
	b.u32(unix.NFTA_HOOK_PRIORITY, uint32(base.Priority))
	if len(base.Devices) > 0 {
		b.devices(nftaHookDevs, base.Devices)
	}
	b.endNest(hook)
	b.str(unix.NFTA_CHAIN_TYPE, base.Type)
	b.u32(unix.NFTA_CHAIN_POLICY, uint32(base.Policy))
	if base.Counters != nil {
		counters := b.nest(unix.NFTA_CHAIN_COUNTERS)
		b.u64(unix.NFTA_COUNTER_BYTES, base.Counters.Bytes)
		b.u64(unix.NFTA_COUNTER_PACKETS, base.Counters.Packets)
		b.endNest(counters)
	}
}

// devices appends a list of devices. A name that ends in * stands for all that begin so.
func (b *Batch) devices(attr uint16, names []string) {
	list := b.nest(attr)
	for _, name := range names {
		if n := len(name) - 1; n > 0 && name[n] == '*' {
			b.str(nftaDevicePrefix, name[:n])
		} else {
			b.str(nftaDeviceName, name)
		}
	}
	b.endNest(list)
}

// SetPolicy gives a base chain another policy.
func (b *Batch) SetPolicy(family bytecode.Family, table, chain string, policy bytecode.VerdictCode) {
	b.begin(unix.NFT_MSG_NEWCHAIN, 0, family)
	b.str(unix.NFTA_CHAIN_TABLE, table)
	b.str(unix.NFTA_CHAIN_NAME, chain)
	b.u32(unix.NFTA_CHAIN_POLICY, uint32(policy))
	b.end()
}

// DeleteChain deletes a chain and its rules. Nothing may jump to it any more.
func (b *Batch) DeleteChain(family bytecode.Family, table, chain string) {
	b.begin(unix.NFT_MSG_DELCHAIN, 0, family)
	b.str(unix.NFTA_CHAIN_TABLE, table)
	b.str(unix.NFTA_CHAIN_NAME, chain)
	b.end()
}

// AddRule puts a rule at the end of a chain. Sets and chains that it uses must be there, or come before it in the batch.
func (b *Batch) AddRule(family bytecode.Family, table, chain string, r *bytecode.Rule) {
	b.rule(unix.NLM_F_APPEND, family, table, chain, r, 0)
}

// InsertRule puts a rule into a chain, before the one with the handle before, or for 0 at the beginning.
func (b *Batch) InsertRule(family bytecode.Family, table, chain string, r *bytecode.Rule, before uint64) {
	b.rule(0, family, table, chain, r, before)
}

func (b *Batch) rule(flags uint16, family bytecode.Family, table, chain string, r *bytecode.Rule, position uint64) {
	b.begin(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|flags, family)
	b.str(unix.NFTA_RULE_TABLE, table)
	b.str(unix.NFTA_RULE_CHAIN, chain)
	if position != 0 {
		b.u64(unix.NFTA_RULE_POSITION, position)
	}
	exprs := b.nest(unix.NFTA_RULE_EXPRESSIONS)
	b.buf = bytecode.AppendExpressions(b.buf, r.Program)
	b.endNest(exprs)
	b.userData(unix.NFTA_RULE_USERDATA, r.UserData)
	if r.Compat != nil {
		compat := b.nest(unix.NFTA_RULE_COMPAT)
		b.u32(unix.NFTA_RULE_COMPAT_PROTO, r.Compat.Proto)
		b.u32(unix.NFTA_RULE_COMPAT_FLAGS, r.Compat.Flags)
		b.endNest(compat)
	}
	b.end()
}

// DeleteRule deletes the rule with that handle.
func (b *Batch) DeleteRule(family bytecode.Family, table, chain string, handle uint64) {
	b.begin(unix.NFT_MSG_DELRULE, 0, family)
	b.str(unix.NFTA_RULE_TABLE, table)
	b.str(unix.NFTA_RULE_CHAIN, chain)
	b.u64(unix.NFTA_RULE_HANDLE, handle)
	b.end()
}
