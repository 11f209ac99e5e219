package bytecode

import (
	"fmt"
	"strconv"
)

// Counter counts packets and bytes (nft_counter.c). Its values have no meaning for what a rule does.
type Counter struct{ Packets, Bytes uint64 }

// enum nft_counter_attributes.
const (
	nftaCounterBytes   = 1
	nftaCounterPackets = 2
	nftaCounterPad     = 3
)

func (o *Counter) Name() string   { return "counter" }
func (o *Counter) String() string { return fmt.Sprintf("counter pkts %d bytes %d", o.Packets, o.Bytes) }

func (o *Counter) appendAttrs(b []byte) []byte {
	if o.Bytes != 0 { // 0 is the kernel's default; half a million of them are worth leaving out
		b = AppendU64(b, nftaCounterBytes, o.Bytes)
	}
	if o.Packets != 0 {
		b = AppendU64(b, nftaCounterPackets, o.Packets)
	}
	return b
}

func (o *Counter) take(a Attr) bool {
	switch a.Type {
	case nftaCounterBytes:
		return set64(a, &o.Bytes)
	case nftaCounterPackets:
		return set64(a, &o.Packets)
	case nftaCounterPad:
		return isPad(a)
	}
	return false
}

func (o *Counter) canonical() Op { return new(Counter) }

// Last remembers when a rule matched last (nft_last.c). Msecs ago, if Set.
type Last struct {
	Set   uint32
	Msecs uint64
}

// enum nft_last_attributes.
const (
	nftaLastSet   = 1
	nftaLastMsecs = 2
	nftaLastPad   = 3
)

func (o *Last) Name() string { return "last" }
func (o *Last) String() string {
	if o.Set == 0 {
		return "last never"
	}
	return "last " + strconv.FormatUint(o.Msecs, 10)
}

func (o *Last) appendAttrs(b []byte) []byte {
	if o.Set == 0 {
		return b
	}
	b = AppendU64(b, nftaLastMsecs, o.Msecs)
	return AppendU32(b, nftaLastSet, o.Set)
}

func (o *Last) take(a Attr) bool {
	switch a.Type {
	case nftaLastSet:
		return set32(a, &o.Set)
	case nftaLastMsecs:
		return set64(a, &o.Msecs)
	case nftaLastPad:
		return isPad(a)
	}
	return false
}

func (o *Last) canonical() Op { return new(Last) }

// Quota matches below, or with Flags&1 (over) above, a number of bytes (nft_quota.c). Flags&2 is state like Consumed: the kernel
// has told of its exhaustion.
type Quota struct {
	Bytes, Consumed uint64
	Flags           uint32
}

// enum nft_quota_attributes.
const (
	nftaQuotaBytes    = 1
	nftaQuotaFlags    = 2
	nftaQuotaPad      = 3
	nftaQuotaConsumed = 4
)

const quotaOver = 1 // NFT_QUOTA_F_INV

func (o *Quota) Name() string { return "quota" }
func (o *Quota) String() string {
	return fmt.Sprintf("quota bytes %d consumed %d flags %d", o.Bytes, o.Consumed, o.Flags)
}

func (o *Quota) appendAttrs(b []byte) []byte {
	b = AppendU64(b, nftaQuotaBytes, o.Bytes)
	if o.Consumed != 0 {
		b = AppendU64(b, nftaQuotaConsumed, o.Consumed)
	}
	return AppendU32(b, nftaQuotaFlags, o.Flags)
}

func (o *Quota) take(a Attr) bool {
	switch a.Type {
	case nftaQuotaBytes:
		return set64(a, &o.Bytes)
	case nftaQuotaFlags:
		return set32(a, &o.Flags)
	case nftaQuotaPad:
		return isPad(a)
	case nftaQuotaConsumed:
		return set64(a, &o.Consumed)
	}
	return false
}

func (o *Quota) canonical() Op { return &Quota{Bytes: o.Bytes, Flags: o.Flags & quotaOver} }

// Limit is a token bucket (nft_limit.c): Rate packets or bytes in Unit seconds. Type 0 counts packets, 1 bytes. A Burst of 0
// stands for 5 packets. Over inverts (NFT_LIMIT_F_INV).
type Limit struct {
	Rate, Unit uint64
	Burst      uint32
	Type       uint32
	Over       bool
}

// enum nft_limit_attributes.
const (
	nftaLimitRate  = 1
	nftaLimitUnit  = 2
	nftaLimitBurst = 3
	nftaLimitType  = 4
	nftaLimitFlags = 5
	nftaLimitPad   = 6
)

var (
	limitUnits = map[uint64]string{1: "second", 60: "minute", 3600: "hour", 86400: "day", 604800: "week"}
	limitTypes = []string{"packets", "bytes"}
)

func (o *Limit) Name() string { return "limit" }
func (o *Limit) String() string {
	unit := limitUnits[o.Unit]
	if unit == "" {
		unit = "error" // libnftnl's word for any other unit
	}
	return fmt.Sprintf("limit rate %d/%s burst %d type %s flags 0x%x", o.Rate, unit, o.Burst, nameOf(limitTypes, o.Type), bit(o.Over))
}

func (o *Limit) appendAttrs(b []byte) []byte {
	b = AppendU64(b, nftaLimitRate, o.Rate)
	b = AppendU64(b, nftaLimitUnit, o.Unit)
	b = AppendU32(b, nftaLimitBurst, o.Burst)
	b = AppendU32(b, nftaLimitType, o.Type)
	return AppendU32(b, nftaLimitFlags, bit(o.Over))
}

func (o *Limit) take(a Attr) bool {
	switch a.Type {
	case nftaLimitRate:
		return set64(a, &o.Rate)
	case nftaLimitUnit:
		return set64(a, &o.Unit)
	case nftaLimitBurst:
		return set32(a, &o.Burst)
	case nftaLimitType:
		return set32(a, &o.Type)
	case nftaLimitFlags:
		return setBit(a, &o.Over)
	case nftaLimitPad:
		return isPad(a)
	}
	return false
}

// canonical puts in the burst that the kernel chooses for packets (NFT_LIMIT_PKT_BURST_DEFAULT).
func (o *Limit) canonical() Op {
	c := *o
	if c.Type == 0 && c.Burst == 0 {
		c.Burst = 5
	}
	return &c
}

// Connlimit counts connections of an element (nft_connlimit.c). Flags 1: over.
type Connlimit struct{ Count, Flags uint32 }

// enum nft_connlimit_attributes.
const (
	nftaConnlimitCount = 1
	nftaConnlimitFlags = 2
)

func (o *Connlimit) Name() string { return "connlimit" }
func (o *Connlimit) String() string {
	return fmt.Sprintf("connlimit count %d flags %x", o.Count, o.Flags)
}

func (o *Connlimit) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaConnlimitCount, o.Count)
	return AppendU32(b, nftaConnlimitFlags, o.Flags)
}

func (o *Connlimit) take(a Attr) bool {
	switch a.Type {
	case nftaConnlimitCount:
		return set32(a, &o.Count)
	case nftaConnlimitFlags:
		return set32(a, &o.Flags)
	}
	return false
}
