package probe

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Kind says what a flow consists of.
type Kind uint8

// The kinds.
const (
	// TCP opens a connection.
	TCP Kind = iota
	// UDP sends a datagram and waits for the answer.
	UDP
	// Orphan opens a connection that connection tracking is kept from seeing, and closes it: what the kernel sends from then on
	// belongs to no process. The first such packet, an acknowledgement, is the first that connection tracking sees, which takes
	// it for a new connection (nf_conntrack_tcp_loose). The flow is always between two addresses of the namespace.
	Orphan
	// Malformed sends a TCP segment without any flag, which connection tracking calls invalid (tcp_error and tcp_new in
	// nf_conntrack_proto_tcp.c) and an unused port answers with a reset (RFC 9293, 3.10.7.1). The flow always comes from outside.
	Malformed
)

// protocol is the number of the protocol in the IP header.
func (k Kind) protocol() uint8 {
	if k == UDP {
		return unix.IPPROTO_UDP
	}
	return unix.IPPROTO_TCP
}

// Owner is whom a socket belongs to: the ids that the rules' owner matches look at.
type Owner struct{ UID, GID uint32 }

// Flow is what to send.
type Flow struct {
	Kind Kind
	// Outside says that it comes from the far end of a wire, else from inside the namespace.
	Outside bool
	From    netip.Addr
	To      netip.AddrPort
	Owner   Owner
	// Wait is for how long it may remain without an answer.
	Wait time.Duration
}

// Listener is a throw-away server: for TCP one that accepts and closes, for UDP one that sends back what it got. Kind is TCP or UDP.
// The address may be that of all addresses (0.0.0.0 or ::). Listeners take connections that were meant for other addresses
// (IP_TRANSPARENT).
type Listener struct {
	Kind    Kind
	Outside bool
	At      netip.AddrPort
	Owner   Owner
}

// Outcome is what the sender of a flow saw.
type Outcome uint8

// The outcomes.
const (
	// Untried says that the flow could not be sent; Result.Err says why.
	Untried Outcome = iota
	// Answered says that the connection was made, or that the datagram was answered. For an Orphan, that its packet arrived.
	Answered
	// Refused says that the answer was a reset or an ICMP error.
	Refused
	// Silent says that no answer came.
	Silent
)

// Result is what became of a flow.
type Result struct {
	Outcome Outcome
	Err     error
	// From is what the flow was sent from, with the port.
	From netip.AddrPort

	// Arrived is the address and port that the packet had when it reached a socket's end of the network: as the listener saw
	// it, or else the trace. Zero: nowhere that is known.
	Arrived netip.AddrPort
	// Outside says that it arrived at the far end of a wire.
	Outside bool
	// Listener is the port that the throw-away listener listens on which took the flow; 0: none did.
	Listener uint16
	// Original is the destination that connection tracking remembers (SO_ORIGINAL_DST). Zero: not known.
	Original netip.AddrPort

	// Trace is the way of the first packet through the rules, without those of the probe itself.
	Trace []Hop
}
