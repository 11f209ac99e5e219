package ext

import (
	"rechain/translate/iptables"
)

// NOTRACK is the older name of CT --notrack (xt_CT.c, notrack_tg).
var _ = registerTarget(&Target{
	Extension: iptables.Extension{Name: "NOTRACK", Check: onlyIn("raw"), Listing: listed("NOTRACK")},
	Lower: func(*Context, *iptables.Target) Action {
		return notrack()
	},
	Meaning: ctMeaning,
})
