package probe

import (
	"errors"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// What marks the policy rules of a [Lab], so that one that was left behind is known for what it is. The protocol number is only a
// label (Linux 4.17); none of iproute2's rt_protos has this one. The priority puts the rules behind that for local addresses (0),
// before all that users make.
const (
	ruleProtocol = 0x72 // 'r'
	rulePriority = 1
)

// Attributes and actions of policy rules (linux/fib_rules.h).
const (
	fraSrc       = 2
	fraPriority  = 6
	fraTable     = 15
	fraProtocol  = 21
	frActToTable = 1
)

// policy is a policy rule: what comes from an address is routed by a table. From is not valid where the rule asks for something
// else or more.
type policy struct {
	from     netip.Addr
	table    uint32
	priority uint32
	protocol uint8
}

func (p policy) request(typ netlink.HeaderType, flags netlink.HeaderFlags) request {
	return request{typ, flags, routeHead(family(p.from), 0, uint8(p.from.BitLen()), 0, 0, frActToTable),
		func(e *netlink.AttributeEncoder) {
			e.Bytes(fraSrc, p.from.AsSlice())
			e.Uint32(fraPriority, p.priority)
			e.Uint32(fraTable, p.table)
			e.Uint8(fraProtocol, p.protocol)
		}}
}

func (r *rtnetlink) addRule(from netip.Addr, table uint32) error {
	_, err := r.do(policy{from, table, rulePriority, ruleProtocol}.request(unix.RTM_NEWRULE, create))
	return err
}

// eachRule gives all policy rules to f.
func (r *rtnetlink) eachRule(f func(policy)) error {
	for _, af := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := r.each(request{typ: unix.RTM_GETRULE, head: routeHead(af, 0, 0, 0, 0, 0)},
			func(_ []byte, attrs *netlink.AttributeDecoder) error {
				var p policy
				for attrs.Next() {
					switch attrs.Type() {
					case fraSrc:
						p.from, _ = netip.AddrFromSlice(attrs.Bytes())
					case fraTable:
						p.table = attrs.Uint32()
					case fraPriority:
						p.priority = attrs.Uint32()
					case fraProtocol:
						p.protocol = attrs.Uint8()
					}
				}
				f(p)
				return nil
			})
		if err != nil && !(af == unix.AF_INET6 && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT))) {
			return err
		}
	}
	return nil
}

// deleteRules removes the policy rules that any Lab made.
func (r *rtnetlink) deleteRules() error {
	var ours []policy
	err := r.eachRule(func(p policy) {
		if p.protocol == ruleProtocol && p.priority == rulePriority && p.from.IsValid() {
			ours = append(ours, p)
		}
	})
	for _, p := range ours {
		if _, e := r.do(p.request(unix.RTM_DELRULE, 0)); e != nil && !errors.Is(e, unix.ENOENT) {
			err = errors.Join(err, e)
		}
	}
	return err
}
