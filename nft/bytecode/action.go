package bytecode

import "fmt"

// Log logs the packet (nft_log.c). A pointer is nil where the attribute is absent. With Group it goes to that nfnetlink group and
// has Snaplen and QueueThreshold; without, to the kernel log with Level (absent: 4, warning) and Flags (NF_LOG_*).
type Log struct {
	Group          *uint16
	Prefix         string
	Snaplen        *uint32
	QueueThreshold *uint16
	Level          *uint32
	Flags          *uint32
}

// enum nft_log_attributes.
const (
	nftaLogGroup      = 1
	nftaLogPrefix     = 2
	nftaLogSnaplen    = 3
	nftaLogQthreshold = 4
	nftaLogLevel      = 5
	nftaLogFlags      = 6
)

// logFlagNames are by bit (NF_LOG_TCPSEQ to NF_LOG_MACDECODE, include/uapi/linux/netfilter/nf_log.h).
var logFlagNames = []string{"tcpseq", "tcpopt", "ipopt", "uid", "", "macdecode"}

func (o *Log) Name() string { return "log" }
func (o *Log) String() string {
	s := "log"
	if o.Prefix != "" {
		s += " prefix " + o.Prefix
	}
	if o.Group != nil {
		return s + fmt.Sprintf(" group %d snaplen %d qthreshold %d", *o.Group, orZero(o.Snaplen), orZero(o.QueueThreshold))
	}
	if o.Level != nil {
		s += fmt.Sprintf(" level %d", *o.Level)
	}
	for i, n := range logFlagNames {
		if n != "" && orZero(o.Flags)&(1<<i) != 0 {
			s += " " + n
		}
	}
	return s
}

func orZero[T uint16 | uint32](p *T) T {
	if p == nil {
		return 0
	}
	return *p
}

func (o *Log) appendAttrs(b []byte) []byte {
	if o.Prefix != "" {
		b = AppendString(b, nftaLogPrefix, o.Prefix)
	}
	if o.Group != nil {
		b = AppendU16(b, nftaLogGroup, *o.Group)
	}
	if o.Snaplen != nil {
		b = AppendU32(b, nftaLogSnaplen, *o.Snaplen)
	}
	if o.QueueThreshold != nil {
		b = AppendU16(b, nftaLogQthreshold, *o.QueueThreshold)
	}
	if o.Level != nil {
		b = AppendU32(b, nftaLogLevel, *o.Level)
	}
	if o.Flags != nil {
		b = AppendU32(b, nftaLogFlags, *o.Flags)
	}
	return b
}

func (o *Log) take(a Attr) bool {
	switch a.Type {
	case nftaLogGroup:
		o.Group = new(uint16)
		return set16(a, o.Group)
	case nftaLogPrefix:
		return setString(a, &o.Prefix)
	case nftaLogSnaplen:
		o.Snaplen = new(uint32)
		return set32(a, o.Snaplen)
	case nftaLogQthreshold:
		o.QueueThreshold = new(uint16)
		return set16(a, o.QueueThreshold)
	case nftaLogLevel:
		o.Level = new(uint32)
		return set32(a, o.Level)
	case nftaLogFlags:
		o.Flags = new(uint32)
		return set32(a, o.Flags)
	}
	return false
}

const logWarning = 4 // NFT_LOGLEVEL_WARNING

// canonical follows nft_log_dump: the level is always reported, a threshold or flags of 0 are not.
func (o *Log) canonical() Op {
	c := *o
	if c.Group == nil && c.Level == nil {
		level := uint32(logWarning)
		c.Level = &level
	}
	if orZero(c.QueueThreshold) == 0 {
		c.QueueThreshold = nil
	}
	if orZero(c.Flags) == 0 {
		c.Flags = nil
	}
	return &c
}

// Reject answers with an error and drops (nft_reject.c). Type 0 ICMP unreachable, 1 TCP RST, 2 icmpx. Code has no meaning for
// a RST.
type Reject struct {
	Type uint32
	Code uint8
}

// enum nft_reject_attributes.
const (
	nftaRejectType     = 1
	nftaRejectIcmpCode = 2
)

const rejectRST = 1 // NFT_REJECT_TCP_RST

func (o *Reject) Name() string   { return "reject" }
func (o *Reject) String() string { return fmt.Sprintf("reject type %d code %d", o.Type, o.Code) }

func (o *Reject) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaRejectType, o.Type)
	return AppendU8(b, nftaRejectIcmpCode, o.Code)
}

func (o *Reject) take(a Attr) bool {
	switch a.Type {
	case nftaRejectType:
		return set32(a, &o.Type)
	case nftaRejectIcmpCode:
		return set8(a, &o.Code)
	}
	return false
}

func (o *Reject) canonical() Op {
	c := *o
	if c.Type == rejectRST {
		c.Code = 0
	}
	return &c
}

// Queue hands the packet to userspace (nft_queue.c): to one of Total queues from Num on (Total 0 stands for 1), or to the one
// whose number is in Src when that is not 0. Flags: 1 bypass, 2 fan-out.
type Queue struct {
	Num, Total, Flags uint16
	Src               Reg
}

// enum nft_queue_attributes.
const (
	nftaQueueNum      = 1
	nftaQueueTotal    = 2
	nftaQueueFlags    = 3
	nftaQueueSregQnum = 4
)

var queueFlagNames = []string{"bypass", "fanout"} // by bit

func (o *Queue) Name() string { return "queue" }
func (o *Queue) String() string {
	s := fmt.Sprintf("queue num %d", o.Num)
	if o.Src != 0 {
		s = fmt.Sprintf("queue sreg_qnum %d", o.Src)
	} else if o.Total > 1 {
		s += fmt.Sprintf("-%d", o.Num+o.Total-1)
	}
	for i, n := range queueFlagNames {
		if o.Flags&(1<<i) != 0 {
			s += " " + n
		}
	}
	return s
}

func (o *Queue) appendAttrs(b []byte) []byte {
	if o.Src == 0 { // the kernel takes one or the other (nft_queue_select_ops)
		b = AppendU16(b, nftaQueueNum, o.Num)
		b = AppendU16(b, nftaQueueTotal, max(o.Total, 1))
	}
	if o.Flags != 0 {
		b = AppendU16(b, nftaQueueFlags, o.Flags)
	}
	return appendOptReg(b, nftaQueueSregQnum, o.Src)
}

func (o *Queue) take(a Attr) bool {
	switch a.Type {
	case nftaQueueNum:
		return set16(a, &o.Num)
	case nftaQueueTotal:
		return set16(a, &o.Total)
	case nftaQueueFlags:
		return set16(a, &o.Flags)
	case nftaQueueSregQnum:
		return set32(a, &o.Src)
	}
	return false
}
