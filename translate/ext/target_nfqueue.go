package ext

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// NFT_QUEUE_FLAG_BYPASS and NFT_QUEUE_FLAG_CPU_FANOUT.
const (
	queueBypass = 1
	queueFanout = 2
)

// queueRange is "first:last". It cannot be all queues, as the number of queues has 16 bits.
var queueRange = iptables.NewKind(
	func(w string, f iptables.Family) (iptables.Range, error) {
		v, err := iptables.UintRange(0, 65535, ":").Parse([]string{w}, f)
		if err != nil {
			return iptables.Range{}, err
		}
		r := v.(iptables.Range)
		if r.Lo == r.Hi || r.Hi-r.Lo == 65535 {
			return r, fmt.Errorf("%s is not a range of 2 to 65535 queues: first:last", iptables.Quote(w))
		}
		return r, nil
	},
	func(r iptables.Range) string { return fmt.Sprintf("%d:%d", r.Lo, r.Hi) })

// xt_NFQUEUE.c, nfqueue_tg_v3.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "NFQUEUE",
		Options: []*iptables.OptionSpec{
			{Name: "--queue-balance", Kind: queueRange, Excludes: []string{"--queue-num"}},
			{Name: "--queue-num", Kind: iptables.Uint(0, 65535)},
			{Name: "--queue-bypass", Kind: iptables.Flag},
			{Name: "--queue-cpu-fanout", Kind: iptables.Flag},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			t := iptables.Target{Options: options}
			if _, ok := t.Get("--queue-balance"); ok {
				return options
			}
			return withDefault(e, options, "--queue-num", uint64(0))
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			t := iptables.Target{Options: options}
			_, balance := t.Get("--queue-balance")
			if o, fanout := t.Get("--queue-cpu-fanout"); fanout && !balance {
				return &iptables.Problem{Pos: o.Pos, Ext: "NFQUEUE", Msg: "--queue-cpu-fanout needs --queue-balance"}
			}
			return nil
		},
		Listing: listed("NFQUEUE", "balance *", "--queue-balance", "num *", "--queue-num", "bypass", "--queue-bypass",
			"cpu-fanout", "--queue-cpu-fanout"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		q := &nft.Queue{Total: 1}
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--queue-num":
				q.First = uint16(o.Value.(uint64))
			case "--queue-balance":
				r := o.Value.(iptables.Range)
				q.First, q.Total = uint16(r.Lo), uint16(r.Hi-r.Lo+1)
			case "--queue-bypass":
				q.Flags |= queueBypass
			case "--queue-cpu-fanout":
				q.Flags |= queueFanout
			}
		}
		a := stmts(q)
		a.Ends = true
		return a
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		var first, last uint16
		for _, o := range t.Options {
			switch v := o.Value.(type) {
			case uint64:
				first, last = uint16(v), uint16(v)
			case iptables.Range:
				first, last = uint16(v.Lo), uint16(v.Hi)
			}
		}
		return ends(packet.Queued(first, last, has(t, "--queue-bypass"), has(t, "--queue-cpu-fanout")))
	},
})
