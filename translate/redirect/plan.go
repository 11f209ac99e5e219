package redirect

import (
	"net/netip"
	"strconv"
	"time"

	"rechain/translate/iptables"
)

// Plan is what a configuration means on a machine: all values checked and none open. IPv4 is always captured.
type Plan struct {
	ProxyPort   uint16
	CapturePort uint16
	TunnelPort  uint16
	UIDs, GIDs  []uint32 // of the proxy; neither is empty

	TProxy     bool   // inbound by TPROXY, else by REDIRECT
	Mark       uint32 // of packets that TPROXY captures
	RouteTable uint32 // for packets with Mark

	AllInbound     bool        // capture all ports but InboundExclude, else InboundPorts
	InboundPorts   []PortRange // empty and not AllInbound: nothing is captured inbound
	InboundExclude []PortRange // without effect unless AllInbound

	AllOutbound          bool           // capture all destinations, else Outbound
	Outbound             []netip.Prefix // IPv4 and IPv6, host bits as given
	OutboundExclude      []netip.Prefix
	OutboundPorts        []PortRange
	OutboundPortsExclude []PortRange

	AllGroups     bool    // capture what all groups send but GroupsExclude, else only Groups
	Groups        []Group // empty and not AllGroups: nobody's
	GroupsExclude []Group // without effect unless AllGroups

	ExcludeInterfaces []string
	VirtualInterfaces []string
	Loopback          netip.Prefix // IPv4

	RedirectDNS   bool
	CaptureAllDNS bool         // without effect unless RedirectDNS
	DNSServers    []netip.Addr // only where RedirectDNS asks for them, which is not with CaptureAllDNS
	DropInvalid   bool

	IPv6        bool
	TablePrefix string

	ProbePort    uint16
	ProbeTimeout time.Duration

	// Notes are what the user should hear of although nothing is wrong, such as an option that has no effect beside another.
	Notes iptables.Problems
}

// PortRange is the ports From to To; one port when they are equal.
type PortRange struct{ From, To uint16 }

// String prints the range as iptables takes it: "80" or "8000:9000".
func (p PortRange) String() string {
	from := strconv.Itoa(int(p.From))
	if p.From == p.To {
		return from
	}
	return from + ":" + strconv.Itoa(int(p.To))
}

// Group is a group as it was given, by name or number, and its number.
type Group struct {
	Given string
	GID   uint32
}

// CapturesInbound reports whether any inbound port is captured.
func (p *Plan) CapturesInbound() bool { return p.AllInbound || len(p.InboundPorts) > 0 }
