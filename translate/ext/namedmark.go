package ext

import (
	"math"

	"rechain/translate/iptables"
)

// zeroNamed is a number with a mask where 0 has a name that iptables prints instead: the first line of the files in /etc/iproute2
// that all hosts have alike.
func zeroNamed(name string) iptables.Kind {
	return iptables.NewKind(
		func(w string, f iptables.Family) (iptables.MarkMask, error) {
			if w == name {
				return iptables.MarkMask{Mask: math.MaxUint32}, nil
			}
			v, err := iptables.Mark.Parse([]string{w}, f)
			if err != nil {
				return iptables.MarkMask{}, err
			}
			return v.(iptables.MarkMask), nil
		},
		func(m iptables.MarkMask) string {
			if m.Value == 0 && m.Mask == math.MaxUint32 {
				return name
			}
			return iptables.Mark.Format(m)
		})
}
