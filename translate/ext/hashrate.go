package ext

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// hashrate is a rate of hashlimit: how long a packet's worth lasts in units of 1/hashlimitScale second, or for bytes what 16 of them
// cost (libxt_hashlimit.c, bytes_to_cost).
type hashrate struct {
	cost  uint64
	bytes bool
}

const (
	hashlimitScale  = 1000000 // XT_HASHLIMIT_SCALE_v2
	byteShift       = 4       // XT_HASHLIMIT_BYTE_SHIFT
	byteExpire      = 15000   // XT_HASHLIMIT_BYTE_EXPIRE, in milliseconds
	byteExpireBurst = 60000   // XT_HASHLIMIT_BYTE_EXPIRE_BURST
)

// byteUnits are the units of bytes, largest first.
var byteUnits = []struct {
	name string
	size uint64
}{{"m", 1 << 20}, {"k", 1 << 10}, {"", 1}}

// hashrateKind is "N/UNIT" like that of limit, or "N[k|m]b/s".
var hashrateKind = iptables.NewKind(
	func(w string, _ iptables.Family) (hashrate, error) {
		if amount, ok := strings.CutSuffix(w, "b/s"); ok {
			n, err := parseBytes(amount)
			if err != nil || n == 0 {
				return hashrate{}, fmt.Errorf("%s is not a rate: a number, k or m, and b/s", iptables.Quote(w))
			}
			return hashrate{bytesToCost(n), true}, nil
		}
		number, unit, given := strings.Cut(w, "/")
		n, err := iptables.ParseUint(number, 1, math.MaxUint32)
		if err != nil {
			return hashrate{}, err
		}
		seconds := uint64(1)
		if given {
			seconds = unitSeconds(unit)
		}
		if seconds == 0 {
			return hashrate{}, fmt.Errorf("%s is not a unit of time: second, minute, hour or day", iptables.Quote(unit))
		}
		if n/seconds > hashlimitScale {
			return hashrate{}, fmt.Errorf("the rate is too high: %d a second at most", hashlimitScale)
		}
		return hashrate{hashlimitScale * seconds / n, false}, nil
	},
	func(r hashrate) string {
		if !r.bytes {
			n, unit := r.perUnit()
			return fmt.Sprintf("%d/%s", n, limitUnits[unit].name)
		}
		for _, u := range byteUnits {
			if n := costToBytes(r.cost); n >= u.size && bytesToCost(n&^(u.size-1)) == r.cost {
				return fmt.Sprintf("%d%sb/s", n/u.size, u.name)
			}
		}
		return "0b/s"
	})

// unitSeconds is how long a unit of time is, whose name may be cut short; 0 for none.
func unitSeconds(name string) uint64 {
	for _, u := range limitUnits {
		if name != "" && strings.HasPrefix(u.full, strings.ToLower(name)) {
			return u.seconds
		}
	}
	return 0
}

// perUnit says a rate of packets as a number for a unit of limitUnits, as print_rate does.
func (r hashrate) perUnit() (n uint64, unit int) {
	for i, u := range limitUnits {
		mult := hashlimitScale * u.seconds
		if i > 0 && (r.cost > mult || mult/r.cost < mult%r.cost) {
			break
		}
		n, unit = mult/r.cost, i
	}
	return n, unit
}

// expire is how long an unused bucket is kept unless the rule says so, in milliseconds.
func (r hashrate) expire() uint64 {
	if r.bytes {
		return byteExpire
	}
	_, unit := r.perUnit()
	return limitUnits[unit].seconds * 1000
}

// burst rounds a burst of bytes up as iptables does: it is kept in units of the rate.
func (r hashrate) burst(n uint64) uint64 {
	unit := max(1, costToBytes(r.cost))
	return (n + unit - 1) / unit * unit
}

// limit is the limit for it.
func (r hashrate) limit(burst iptables.Option) bytecode.Limit {
	n := uint64(0)
	if burst.Spec != nil {
		n = burst.Value.(hashburst).n
	}
	if r.bytes { // the bucket begins with a second's worth
		perSecond := costToBytes(r.cost)
		return bytecode.Limit{Rate: perSecond, Unit: 1, Burst: uint32(min(perSecond+n, math.MaxUint32)), Type: 1}
	}
	rate, unit := r.perUnit()
	return bytecode.Limit{Rate: rate, Unit: limitUnits[unit].seconds, Burst: uint32(n)}
}

func bytesToCost(n uint64) uint64 { return math.MaxUint32 / (uint64(uint32(n>>byteShift)) + 1) }

func costToBytes(cost uint64) uint64 {
	r := uint64(math.MaxUint32)
	if cost != 0 {
		r /= cost
	}
	return (r - 1) << byteShift
}

// hashburst is a number of packets or bytes.
type hashburst struct {
	n     uint64
	bytes bool
}

// hashburstKind is a number, or an amount of bytes.
var hashburstKind = iptables.NewKind(
	func(w string, _ iptables.Family) (hashburst, error) {
		if amount, ok := strings.CutSuffix(w, "b"); ok {
			n, err := parseBytes(amount)
			return hashburst{n, true}, err
		}
		n, err := iptables.ParseUint(w, 1, 1000000) // XT_HASHLIMIT_BURST_MAX
		return hashburst{n, false}, err
	},
	func(b hashburst) string {
		if !b.bytes {
			return strconv.FormatUint(b.n, 10)
		}
		for _, u := range byteUnits {
			if b.n >= u.size {
				return fmt.Sprintf("%d%sb", b.n/u.size, u.name)
			}
		}
		return "0b"
	})

// parseBytes reads a number with k or m.
func parseBytes(w string) (uint64, error) {
	factor := uint64(1)
	for _, u := range byteUnits {
		if number, ok := strings.CutSuffix(w, u.name); ok {
			w, factor = number, u.size
			break
		}
	}
	n, err := iptables.ParseUint(w, 0, math.MaxUint32/factor)
	return n * factor, err
}
