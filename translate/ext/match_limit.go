package ext

import (
	"fmt"
	"math"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// rate is how long one packet's worth lasts, in units of 1/10000 second (XT_LIMIT_SCALE).
type rate uint32

const limitScale = 10000

// limitUnits are the units of a rate in seconds, longest first as the printer tries them.
var limitUnits = []struct {
	name, full string
	seconds    uint64
}{{"day", "day", 86400}, {"hour", "hour", 3600}, {"min", "minute", 60}, {"sec", "second", 1}}

// rateKind is "N" or "N/UNIT", where the unit may be cut short. It prints in the longest unit that says it well (print_rate in
// libxt_limit.c).
var rateKind = iptables.NewKind(
	func(w string, _ iptables.Family) (rate, error) { return parseRate(w) },
	func(r rate) string {
		n, unit := r.perUnit()
		return fmt.Sprintf("%d/%s", n, limitUnits[unit].name)
	})

func parseRate(w string) (rate, error) {
	number, unit, given := strings.Cut(w, "/")
	n, err := iptables.ParseUint(number, 0, math.MaxUint32)
	if err != nil {
		return 0, err
	}
	seconds := uint64(1)
	if given {
		seconds = 0
		for _, u := range limitUnits {
			if unit != "" && strings.HasPrefix(u.full, strings.ToLower(unit)) {
				seconds = u.seconds
			}
		}
		if seconds == 0 {
			return 0, fmt.Errorf("%s is not a unit of time: second, minute, hour or day", iptables.Quote(unit))
		}
	}
	switch {
	case n == 0:
		return 0, fmt.Errorf("the rate is zero")
	case n/seconds > limitScale:
		return 0, fmt.Errorf("the rate is too high: %d a second at most", limitScale)
	}
	return rate(limitScale * seconds / n), nil
}

// perUnit says the rate as a number for a unit of limitUnits.
func (r rate) perUnit() (n uint64, unit int) {
	for i, u := range limitUnits {
		mult := limitScale * u.seconds
		if i > 0 && (uint64(r) > mult || mult/uint64(r) < mult%uint64(r)) {
			break
		}
		n, unit = mult/uint64(r), i
	}
	return n, unit
}

// defaultBurst is XT_LIMIT_BURST, which iptables-save does not print.
const defaultBurst = 5

var burstKind iptables.Kind = vacuousNumber{iptables.Uint(0, 10000), defaultBurst}

// vacuousNumber is a number that is not printed when it is the default.
type vacuousNumber struct {
	iptables.Kind
	unsaid uint64
}

func (k vacuousNumber) Vacuous(value any) bool { return value.(uint64) == k.unsaid }

// xt_limit.c, limit_mt: a bucket that is full at first, as nft's.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "limit",
		Options: []*iptables.OptionSpec{
			{Name: "--limit", Kind: rateKind},
			{Name: "--limit-burst", Kind: burstKind},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			return withDefault(e, options, "--limit", rate(limitScale*3600/3))
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			avg, burst := limitOf(options)
			if credits := uint64(avg) * burst; burst == 0 || credits > maxCredits {
				return &iptables.Problem{Pos: r.Pos, Ext: "limit", Msg: "the kernel cannot count this slow a rate with this burst", Hint: "lower the burst"}
			}
			return nil
		},
		Listing: listed("limit: avg", "*", "--limit", "burst *", "--limit-burst"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		avg, burst := limitOf(m.Options)
		n, unit := avg.perUnit()
		return &Test{Stateful: true, Stmts: []nft.Stmt{&nft.Plain{Op: &bytecode.Limit{
			Rate: n, Unit: limitUnits[unit].seconds, Burst: uint32(burst)}}}}
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		avg, burst := limitOf(m.Options)
		n, unit := avg.perUnit()
		return packet.Limited("", n, limitUnits[unit].seconds, uint32(burst), false)
	},
})

// maxCredits is what avg*burst may be: user2credits in xt_limit.c multiplies it, and limit_mt_check refuses what wraps.
const maxCredits = math.MaxUint32

func limitOf(options []iptables.Option) (avg rate, burst uint64) {
	burst = defaultBurst
	for _, o := range options {
		switch o.Spec.Name {
		case "--limit":
			avg = o.Value.(rate)
		case "--limit-burst":
			burst = o.Value.(uint64)
		}
	}
	return avg, burst
}
