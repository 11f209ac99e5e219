package ext

import (
	"fmt"
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// classKind is a traffic control class, MAJOR:MINOR in hexadecimal. Value: uint32.
var classKind = iptables.NewKind(
	func(w string, _ iptables.Family) (uint32, error) {
		major, minor, two := strings.Cut(w, ":")
		a, err1 := strconv.ParseUint(major, 16, 16)
		b, err2 := strconv.ParseUint(minor, 16, 16)
		if !two || err1 != nil || err2 != nil {
			return 0, fmt.Errorf("%s is not MAJOR:MINOR in hexadecimal", iptables.Quote(w))
		}
		return uint32(a<<16 | b), nil
	},
	func(v uint32) string { return fmt.Sprintf("%04x:%04x", v>>16, v&0xffff) })

// xt_CLASSIFY.c: the packet's priority, by which qdiscs choose a class.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:    "CLASSIFY",
		Options: []*iptables.OptionSpec{{Name: "--set-class", Kind: classKind, Required: true}},
		Check:   onlyFrom("FORWARD", "OUTPUT", "POSTROUTING"),
		Listing: listed("CLASSIFY set", "*", "--set-class"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		return stmts(&nft.Assign{Key: &nft.Meta{Key: bytecode.MetaPriority}, Value: value(host32(t.Options[0].Value.(uint32)))})
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		return do(packet.Assign(packet.Priority, packet.Num(uint64(t.Options[0].Value.(uint32)))))
	},
})
