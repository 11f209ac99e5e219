package ext

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rechain/translate/iptables"
)

// dayset is a set of days numbered from 1 to n: bit 0 is the first.
type dayset struct {
	set uint32
	n   int
}

func (d dayset) all() uint32 { return 1<<d.n - 1 }

func (d dayset) others() dayset { return dayset{^d.set & d.all(), d.n} }

// next are the days after those.
func (d dayset) next() dayset { return dayset{(d.set<<1 | d.set>>(d.n-1)) & d.all(), d.n} }

func (d dayset) list() []int {
	var out []int
	for i := range d.n {
		if d.set&(1<<i) != 0 {
			out = append(out, i+1)
		}
	}
	return out
}

// dayList is a list of days up to n, by number or by name, of which two letters suffice. Value: [dayset].
func dayList(n int, names []string) iptables.Kind {
	return iptables.NewKind(
		func(w string, _ iptables.Family) (dayset, error) {
			d := dayset{n: n}
			for part := range strings.SplitSeq(w, ",") {
				day, err := strconv.Atoi(part)
				if err != nil && len(part) > 1 {
					day = 1 + slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(part, name[:2]) })
				}
				if day < 1 || day > n {
					return d, fmt.Errorf("%s is not a day", iptables.Quote(part))
				}
				d.set |= 1 << (day - 1)
			}
			return d, nil
		},
		func(d dayset) string {
			var words []string
			for _, day := range d.list() {
				if names == nil {
					words = append(words, strconv.Itoa(day))
				} else {
					words = append(words, names[day-1])
				}
			}
			return strings.Join(words, ",")
		})
}
