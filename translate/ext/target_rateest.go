package ext

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"rechain/translate/iptables"
)

// xt_RATEEST.c: estimates how many packets and bytes there are. 15 bytes is the name of struct xt_rateest_target_info less the NUL.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "RATEEST",
		Options: []*iptables.OptionSpec{
			{Name: "--rateest-name", Kind: iptables.Name(15), Required: true},
			{Name: "--rateest-interval", Kind: rateTime, Required: true},
			{Name: "--rateest-ewmalog", Kind: rateTime, Required: true},
		},
		Canonical: canonicalRateest,
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			for _, o := range options {
				if o.Value == rateTimeBad {
					return &iptables.Problem{Pos: o.Pos, Ext: "RATEEST", Msg: o.Spec.Name + " is out of range: the interval is at most 8 s, the time constant some of it"}
				}
			}
			return nil
		},
		Listing: listed("", "name *", "--rateest-name", "interval *", "--rateest-interval", "ewmalog *", "--rateest-ewmalog"),
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, t *iptables.Target) Action {
		c.Refuse(t.Pos, "RATEEST", "count in a named counter, and use limit where a rate decides", "nftables does not estimate rates")
		return Action{}
	},
})

// rateTimeBad is a time that cannot be said.
const rateTimeBad = uint32(0)

// rateTime is a number of seconds with a unit, printed as RATEEST_print_time does. Value: uint32, microseconds.
var rateTime = iptables.NewKind(
	func(w string, _ iptables.Family) (uint32, error) {
		number := strings.TrimRight(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		scale, ok := map[string]float64{"": 1, "s": 1e6, "sec": 1e6, "secs": 1e6, "ms": 1e3, "msec": 1e3, "msecs": 1e3, "us": 1, "usec": 1,
			"usecs": 1}[strings.ToLower(w[len(number):])]
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !ok || v < 0 || v*scale > math.MaxUint32 {
			return 0, fmt.Errorf("%s is not a time, such as 250ms", iptables.Quote(w))
		}
		return uint32(v * scale), nil
	},
	func(v uint32) string {
		switch {
		case v >= 1e6:
			return fmt.Sprintf("%.1fs", float64(v)/1e6)
		case v >= 1e3:
			return fmt.Sprintf("%.1fms", float64(v)/1e3)
		}
		return fmt.Sprintf("%dus", v)
	})

// canonicalRateest rounds the times as RATEEST_final_check does: the interval up to one of 250 ms and its doubles, the time constant
// down to a double of that.
func canonicalRateest(_ *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
	at := map[string]int{}
	for i, o := range options {
		at[o.Spec.Name] = i + 1
	}
	i, e := at["--rateest-interval"]-1, at["--rateest-ewmalog"]-1
	if i < 0 || e < 0 {
		return options
	}
	interval, constant := options[i].Value.(uint32), options[e].Value.(uint32)
	rounded := uint32(250_000)
	for rounded < interval {
		if rounded *= 2; rounded > 8_000_000 {
			options[i].Value = rateTimeBad
			return options
		}
	}
	log := 1
	for log < 32 && float64(interval)/-math.Log(1-1/float64(uint64(1)<<log)) <= float64(constant) {
		log++
	}
	log--
	options[i].Value, options[e].Value = rounded, rounded<<log
	if log == 0 || log >= 31 {
		options[e].Value = rateTimeBad
	}
	return options
}
