// Package route keeps the routing that a transparent proxy needs beside its rule set: a rule that sends marked packets to a table
// of their own, a route in that table which delivers everything locally, and an address on the loopback device.
//
//	ip rule add fwmark 0x539 lookup 133
//	ip route add local default dev lo table 133
//	ip -6 addr add ::6/128 dev lo nodad
//
// The kernel keeps with each of these a number that says which program made it. Ours is [Protocol]: what carries it is ours,
// whatever configuration made it, and is found and removed by it. What does what is wanted and does not carry it was there
// before; it is used as it is and left alone.
//
// Messages are built here, on github.com/mdlayher/netlink. github.com/jsimonetti/rtnetlink v2.0.2 would not do: listing rules
// fails as soon as one has an attribute that it does not know, such as FRA_DSCP, and it has no IFA_PROTO.
package route
