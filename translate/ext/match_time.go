package ext

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

const (
	secondsPerDay = 24 * 60 * 60
	lastSecond    = secondsPerDay - 1
	noDateStop    = math.MaxInt32 // what iptables-save prints where no --datestop was given
)

var weekdayNames = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// xt_time.c, time_mt. Both engines look at the clock in UTC.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "time",
		Options: []*iptables.OptionSpec{
			{Name: "--timestart", Kind: timeOfDay},
			{Name: "--timestop", Kind: timeOfDay},
			{Name: "--monthdays", Kind: dayList(31, nil), Neg: true},
			{Name: "--weekdays", Kind: dayList(7, weekdayNames), Neg: true},
			{Name: "--datestart", Kind: dateKind},
			{Name: "--datestop", Kind: dateKind},
			{Name: "--kerneltz", Aliases: []string{"--localtz"}, Kind: iptables.Flag},
			{Name: "--contiguous", Kind: iptables.Flag},
			{Name: "--utc", Kind: iptables.Flag, Excludes: []string{"--kerneltz"}},
		},
		Canonical: canonicalTime,
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			m := iptables.Match{Options: options}
			start, stop := timesOf(&m)
			if o, ok := m.Get("--contiguous"); ok && start < stop {
				return &iptables.Problem{Pos: o.Pos, Ext: "time", Msg: "--contiguous needs a --timestart that is not before --timestop"}
			}
			return nil
		},
		Listing: listTime,
	},
	Limits:  Limits{Refused: "--kerneltz, --monthdays", Kernel: "5.4"},
	Meaning: timeMeaning,
	Lower:   lowerTime,
})

// timesOf are the times of day between which the rule holds, in seconds.
func timesOf(m *iptables.Match) (start, stop uint64) {
	stop = lastSecond
	if o, ok := m.Get("--timestart"); ok {
		start = o.Value.(uint64)
	}
	if o, ok := m.Get("--timestop"); ok {
		stop = o.Value.(uint64)
	}
	return start, stop
}

// canonicalTime says lists of days without "!", and adds or leaves out what iptables-save does.
func canonicalTime(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
	start, stop := timesOf(&iptables.Match{Options: options})
	whole := start == 0 && stop == lastSecond
	var out []iptables.Option
	for _, o := range options {
		switch o.Spec.Name {
		case "--timestart", "--timestop":
			if whole {
				continue
			}
		case "--monthdays", "--weekdays":
			days := o.Value.(dayset)
			if o.Neg {
				o.Value, o.Neg = days.others(), false
			}
			if o.Value.(dayset).set == days.all() {
				continue
			}
		case "--datestart":
			if o.Value.(uint64) == 0 {
				continue
			}
		case "--utc":
			continue
		}
		out = append(out, o)
	}
	if !whole {
		out = withDefault(e, withDefault(e, out, "--timestart", start), "--timestop", stop)
	}
	return withDefault(e, out, "--datestop", uint64(noDateStop))
}

func lowerTime(c *Context, m *iptables.Match) Cond {
	if o, ok := m.Get("--kerneltz"); ok {
		c.Refuse(o.Pos, "time", "say the time in UTC", "nftables looks at the time of day in UTC only")
	}
	if o, ok := m.Get("--monthdays"); ok {
		c.Refuse(o.Pos, "time", "use --weekdays or --datestart and --datestop", "nftables does not know the day of the month")
	}
	var all All
	if o, ok := m.Get("--datestart"); ok {
		all = append(all, date(bytecode.CmpGte, o.Value.(uint64)))
	}
	if o, ok := m.Get("--datestop"); ok && o.Value.(uint64) != noDateStop {
		all = append(all, date(bytecode.CmpLt, o.Value.(uint64)+1))
	}
	week := dayset{set: 1<<7 - 1, n: 7}
	if o, ok := m.Get("--weekdays"); ok {
		week = o.Value.(dayset)
	}
	start, stop := timesOf(m)
	if start < stop {
		return append(all, hours(start, stop), onDays(week))
	}
	if _, ok := m.Get("--contiguous"); ok {
		return append(all, Any{
			All{hours(0, stop), onDays(week.next())},
			All{hours(max(start, stop+1), lastSecond), onDays(week)},
		})
	}
	if start <= stop+1 { // all day
		return append(all, onDays(week))
	}
	return append(all, Not{hours(stop+1, start-1)}, onDays(week))
}

// date compares now with a date; meta time is nanoseconds since the epoch.
func date(op bytecode.CmpOp, seconds uint64) *Test {
	now := &nft.Byteorder{Of: &nft.Meta{Key: bytecode.MetaTimeNs}, ToNetwork: true, Len: 8, Size: 8}
	ns := binary.BigEndian.AppendUint64(nil, seconds*uint64(time.Second))
	return &Test{Stmts: []nft.Stmt{&nft.Match{Op: op, Left: now, Right: value(ns)}}}
}

// hours tests the second of the day.
func hours(start, stop uint64) Cond {
	if start > stop {
		return Any{}
	}
	now := &nft.Byteorder{Of: &nft.Meta{Key: bytecode.MetaTimeHour}, ToNetwork: true, Len: 4, Size: 4}
	t := numberIn(now, iptables.Range{Lo: start, Hi: stop}, lastSecond, func(v uint64) []byte { return net32(uint32(v)) })
	if t == nil {
		return All{}
	}
	return t
}

// onDays tests the day of the week, which nft counts from Sunday, 0.
func onDays(week dayset) Cond {
	today := &nft.Meta{Key: bytecode.MetaTimeDay}
	s := &nft.Set{Type: []nft.Datatype{nft.TypeTimeDay}, Flags: bytecode.SetAnonymous | bytecode.SetConstant}
	for _, d := range week.list() {
		s.Elements = append(s.Elements, nft.Element{Key: []byte{byte(d % 7)}})
	}
	slices.SortFunc(s.Elements, func(a, b nft.Element) int { return int(a.Key[0]) - int(b.Key[0]) })
	switch len(s.Elements) {
	case 0:
		return Any{}
	case 1:
		return present(today, s.Elements[0].Key)
	case 7:
		return All{}
	}
	return &Test{Stmts: []nft.Stmt{&nft.InSet{Key: today, Set: s}}, Inverse: []nft.Stmt{&nft.InSet{Key: today, Set: s, Not: true}}}
}

// timeOfDay is hh:mm or hh:mm:ss. Value: uint64, in seconds.
var timeOfDay = iptables.NewKind(
	func(w string, _ iptables.Family) (uint64, error) {
		parts := strings.Split(w, ":")
		if len(parts) < 2 || len(parts) > 3 {
			return 0, errors.New("is not a time: hh:mm or hh:mm:ss")
		}
		seconds := uint64(0)
		for i, most := range []int{23, 59, 59}[:len(parts)] {
			n, err := strconv.Atoi(parts[i])
			if err != nil || n < 0 || n > most {
				return 0, errors.New("is not a time: hh:mm or hh:mm:ss")
			}
			seconds = seconds*60 + uint64(n)
		}
		if len(parts) == 2 {
			seconds *= 60
		}
		return seconds, nil
	},
	func(v uint64) string { return fmt.Sprintf("%02d:%02d:%02d", v/3600, v/60%60, v%60) })

// dateKind is a date, as much of it as wanted. Value: uint64, in seconds since 1970.
var dateKind = iptables.NewKind(
	func(w string, _ iptables.Family) (uint64, error) {
		for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02", "2006-01", "2006"} {
			if t, err := time.Parse(layout, w); err == nil && t.Year() >= 1970 && t.Year() <= 2038 {
				return uint64(t.Unix()), nil
			}
		}
		return 0, errors.New("is not a date from 1970 to 2038: YYYY[-MM[-DD[Thh[:mm[:ss]]]]]")
	},
	func(v uint64) string { return time.Unix(int64(v), 0).UTC().Format("2006-01-02T15:04:05") })

var timeListing = listed("TIME", "from * to *", "--timestart $1 --timestop $2", "on #", "--monthdays", "on *", "--weekdays", "on #", "--monthdays",
	"starting from * *", "--datestart $1T$2", "until date * *", "--datestop $1T$2", "UTC", "--utc", "contiguous", "--contiguous")

// listTime reads "TIME from 22:00:00 to 06:00:00 on 1st,31st UTC". Without UTC, times are those of the kernel's zone.
func listTime(words []string) ([]string, int) {
	args, taken := timeListing(words)
	if taken == 0 {
		return nil, 0
	}
	for i, a := range args {
		if a == "--monthdays" {
			args[i+1] = strings.NewReplacer("st", "", "nd", "", "rd", "", "th", "").Replace(args[i+1])
		}
	}
	if !slices.Contains(args, "--utc") {
		args = append(args, "--kerneltz")
	}
	return args, taken
}

// timeMeaning is time_mt. The end of time that iptables fills in (2038) is none.
func timeMeaning(_ *Context, m *iptables.Match) packet.Pred {
	for _, name := range []string{"--kerneltz", "--monthdays"} {
		if _, ok := m.Get(name); ok {
			return opaqueMatch(m, false)
		}
	}
	seconds := func(lo, hi uint64) packet.Pred { // of the date
		second := uint64(time.Second)
		return packet.Between(packet.Time, packet.Num(lo*second), packet.Num(hi*second+second-1))
	}
	from, to := uint64(0), uint64(math.MaxUint64)/uint64(time.Second)-1
	if o, ok := m.Get("--datestart"); ok {
		from = o.Value.(uint64)
	}
	if o, ok := m.Get("--datestop"); ok && o.Value.(uint64) != noDateStop {
		to = o.Value.(uint64)
	}
	all := packet.All{seconds(from, to)}
	if from == 0 && to > noDateStop {
		all = nil
	} else if to > noDateStop {
		all = packet.All{packet.Between(packet.Time, packet.Num(from*uint64(time.Second)), packet.Ones(64))}
	}
	start, stop := timesOf(m)
	hour := func(lo, hi uint64) packet.Pred { return packet.Between(packet.Hour, packet.Num(lo), packet.Num(hi)) }
	late := packet.Pred(packet.Any{}) // that a day of the week is the one before
	switch _, contiguous := m.Get("--contiguous"); {
	case start < stop:
		all = append(all, hour(start, stop))
	default:
		all = append(all, packet.Any{hour(0, stop), hour(start, math.MaxUint32)})
		if contiguous {
			late = hour(0, stop)
		}
	}
	o, ok := m.Get("--weekdays")
	if !ok {
		return all
	}
	var days, next []packet.Value // 0 is Sunday, which iptables counts as 7
	for _, d := range o.Value.(dayset).list() {
		days, next = append(days, packet.Num(uint64(d%7))), append(next, packet.Num(uint64((d+1)%7)))
	}
	return append(all, packet.Any{
		packet.All{late, packet.OneOf(packet.Day, next...)},
		packet.All{packet.Not{P: late}, packet.OneOf(packet.Day, days...)},
	})
}
