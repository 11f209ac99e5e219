package redirect

import (
	"fmt"
	"net/netip"
)

// Seen is what became of a trial.
type Seen struct {
	// Answered says that the connection was made, the datagram answered, or that the packet that wants no answer arrived; Refused
	// that a reset or an ICMP error came back. Neither: nothing came back.
	Answered, Refused bool
	// Arrived is the address that the packet had at its end; not valid when it did not get to one, as far as is known.
	Arrived netip.AddrPort
	// Listener is the port of the test's own listener that took it; 0 when none did.
	Listener uint16
	// Original is what connection tracking calls its destination (SO_ORIGINAL_DST); not valid when that is not known.
	Original netip.AddrPort
	// TProxy is the port of the TPROXY rule that took it; 0 when none did.
	TProxy uint16
	// Err says why it could not even be sent.
	Err error
}

// Judge says whether what was seen is what was promised, and in a few words what was seen.
func (t Trial) Judge(s Seen) (ok bool, what string) {
	f := t.seen(s)
	switch {
	case s.Err != nil:
		return false, "not sent: " + s.Err.Error()
	case t.Protocol == Invalid && s.Refused:
		return t.Want == Fate{}, "refused, as it gets to an unused port"
	case f == nil && s.Refused:
		return false, "refused"
	case f == nil && !s.Answered && t.Want.Dropped:
		return true, "dropped"
	case f == nil && !s.Answered:
		return false, "no answer"
	case f == nil:
		return false, "answered, but where it went is not known"
	}
	what = f.String()
	ok = *f == t.Want
	if f.Port != 0 {
		if s.Listener == 0 && t.Protocol == TCP {
			what += " by the listener that is there"
		}
		switch {
		case f.TProxy:
			what += ", destination " + s.Arrived.String()
			ok = ok && s.Arrived == t.To
		case s.Original.IsValid():
			what += ", original destination " + s.Original.String()
			ok = ok && s.Original == t.To
		}
	} else if s.Arrived != t.To {
		what = "arrived at " + s.Arrived.String()
		ok = false
	}
	if !s.Answered && !(t.Protocol == Orphan && f.Port != 0) { // the packet without a socket wants no answer
		what += ", but no answer came back"
		if s.Refused {
			what = "refused at " + s.Arrived.String()
		}
		ok = false
	}
	return ok, what
}

// seen is the fate that an observation shows; nil when it went nowhere that is known.
func (t Trial) seen(s Seen) *Fate {
	switch {
	case !s.Arrived.IsValid():
		return nil
	case s.TProxy != 0:
		return &Fate{Port: s.TProxy, TProxy: true}
	case s.Listener != 0 && s.Listener != s.Arrived.Port():
		return &Fate{Port: s.Listener, TProxy: true}
	case s.Arrived != t.To:
		return &Fate{Port: s.Arrived.Port()}
	}
	return &Fate{}
}

// Promise says what was promised, with the destination that the proxy is to see.
func (t Trial) Promise() string {
	if t.Want.Port != 0 && t.Protocol == TCP {
		return fmt.Sprintf("%s, destination %s", t.Want, t.To)
	}
	return t.Want.String()
}
