package ipset

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"rechain/translate/iptables"
)

// createOption is an option of create.
type createOption struct {
	flag bool // it has no value
	// set takes the value and says whether it is one.
	set func(s *Set, value string) error
}

// number is an option with a number from min to max.
func number(field func(*Set) *uint32, min, max uint64) createOption {
	return createOption{set: func(s *Set, w string) error {
		n, err := iptables.ParseUint(w, min, max)
		*field(s) = uint32(n)
		return err
	}}
}

func flag(field func(*Set) *bool) createOption {
	return createOption{flag: true, set: func(s *Set, _ string) error { *field(s) = true; return nil }}
}

const maxUint32 = 1<<32 - 1

// maxTimeout is IPSET_MAX_TIMEOUT (linux/netfilter/ipset/ip_set_timeout.h): UINT_MAX ms in seconds.
const maxTimeout = maxUint32 / 1000

// maxComment is IPSET_MAX_COMMENT_SIZE (linux/netfilter/ipset/ip_set.h).
const maxComment = 255

var createOptions = map[string]createOption{
	"hashsize":   number(func(s *Set) *uint32 { return &s.HashSize }, 1, maxUint32),
	"maxelem":    number(func(s *Set) *uint32 { return &s.MaxElem }, 1, maxUint32),
	"bucketsize": number(func(s *Set) *uint32 { return &s.BucketSize }, 1, 255),
	"markmask":   number(func(s *Set) *uint32 { return &s.MarkMask }, 1, maxUint32),
	"size":       number(func(s *Set) *uint32 { return &s.Size }, 1, maxUint32),
	"initval":    number(func(s *Set) *uint32 { s.InitVal = new(uint32); return s.InitVal }, 0, maxUint32),
	"timeout":    number(func(s *Set) *uint32 { s.Timeout = new(uint32); return s.Timeout }, 0, maxTimeout),
	"counters":   flag(func(s *Set) *bool { return &s.Counters }),
	"comment":    flag(func(s *Set) *bool { return &s.Comment }),
	"skbinfo":    flag(func(s *Set) *bool { return &s.SKBInfo }),
	"forceadd":   flag(func(s *Set) *bool { return &s.ForceAdd }),
	"netmask": {set: func(s *Set, w string) error {
		n, err := iptables.ParseUint(w, 1, uint64(s.bits()))
		if s.Netmask = int(n); s.Netmask == s.bits() {
			s.Netmask = 0
		}
		return err
	}},
	"range": {set: func(s *Set, w string) (err error) {
		if s.Type.Name == "bitmap:port" {
			s.FirstPort, s.LastPort, err = portSpan(w)
			return err
		}
		s.First, s.Last, err = s.span(w)
		return err
	}},
	"family": {set: func(*Set, string) error { return nil }}, // was looked at first
}

// only says which types an option is for, by how their names begin; others are for all.
var only = map[string]string{
	"hashsize": "hash:", "maxelem": "hash:", "bucketsize": "hash:", "initval": "hash:", "forceadd": "hash:", "family": "hash:",
	"markmask": "hash:ip,mark", "range": "bitmap:", "size": "list:",
}

func (p *parser) create(ws []word, exist bool) {
	if err := checkName(ws[0].text); err != nil {
		p.problem(ws[0].col, "", "%s", err)
		return
	}
	if len(ws) < 2 {
		p.problem(ws[0].col, "", "set %s has no type", ws[0].text)
		return
	}
	name := ws[1].text
	if other, ok := typeNames[name]; ok {
		name = other
	}
	typ := Types[name]
	switch {
	case typ == nil:
		p.problem(ws[1].col, "", "%s is not a type of sets", iptables.Quote(ws[1].text))
		return
	case p.sets.Get(ws[0].text) != nil:
		if !exist {
			p.problem(ws[0].col, "", "there is a set %s already", iptables.Quote(ws[0].text))
		}
		return
	}
	s := &Set{Name: ws[0].text, Type: typ, Pos: p.pos(ws[0].col), index: map[string]*Entry{}}
	if !typ.NoFamily {
		s.Family = iptables.IPv4
	}
	switch {
	case typ.hash():
		s.HashSize, s.MaxElem, s.BucketSize = 1024, 1<<16, 12 // what ipset takes where nothing is said
	case !typ.bitmap():
		s.Size = 8
	}
	if slices.Contains(typ.Dims, Mark) {
		s.MarkMask = maxUint32
	}
	if p.createOptions(s, ws[2:]) {
		p.sets = append(p.sets, s)
	}
}

func (p *parser) createOptions(s *Set, ws []word) bool {
	for i, w := range ws {
		if w.text == "family" && i+1 < len(ws) && !s.Type.NoFamily {
			switch v := ws[i+1]; v.text {
			case "inet", "-4":
			case "inet6", "-6":
				s.Family = iptables.IPv6
			default:
				p.problem(v.col, "", "%s is not a family: inet or inet6", iptables.Quote(v.text))
				return false
			}
		}
	}
	ranged := false
	for i := 0; i < len(ws); i++ {
		w := ws[i]
		o, ok := createOptions[w.text]
		switch {
		case !ok:
			p.problem(w.col, "", "%s is not an option of create", iptables.Quote(w.text))
			return false
		case !strings.HasPrefix(s.Type.Name, only[w.text]), w.text == "family" && s.Type.NoFamily,
			w.text == "netmask" && !slices.Contains([]string{"hash:ip", "bitmap:ip", "hash:ip,port"}, s.Type.Name):
			p.problem(w.col, "", "%s is not for sets of type %s", w.text, s.Type.Name)
			return false
		}
		ranged = ranged || w.text == "range"
		value := ""
		if !o.flag {
			if i++; i == len(ws) {
				p.problem(w.col, "", "%s needs a value", w.text)
				return false
			}
			value = ws[i].text
		}
		if err := o.set(s, value); err != nil {
			p.problem(ws[i].col, "", "%s: %s", w.text, err)
			return false
		}
	}
	// mtype_create in ip_set_hash_gen.h: an even number, AHASH_MAX_SIZE at most.
	s.BucketSize = min(max(s.BucketSize, 2)+s.BucketSize%2, 12)
	if s.Type.bitmap() && !ranged {
		p.problem(int(s.Pos.Col), "", "a bitmap needs a range")
		return false
	}
	if s.Type.bitmap() && s.Netmask != 0 && !s.wholeNetworks() {
		p.problem(int(s.Pos.Col), "", "a bitmap of networks needs a range that is one larger network")
		return false
	}
	return true
}

// wholeNetworks widens a bitmap's range to the networks of its netmask, and says whether that is a larger network, as
// bitmap_ip_create wants it (net/netfilter/ipset/ip_set_bitmap_ip.c).
func (s *Set) wholeNetworks() bool {
	s.First = netip.PrefixFrom(s.First, s.Netmask).Masked().Addr()
	s.Last = lastOf(netip.PrefixFrom(s.Last, s.Netmask))
	for n := range s.Netmask {
		if p := netip.PrefixFrom(s.First, n); p.Masked() == p && lastOf(p) == s.Last {
			return true
		}
	}
	return false
}

// neighbour says where in a list an element goes: before or behind another.
type neighbour struct {
	name   string
	behind bool
}

// entryOptions reads what stands behind an element; values are the elements that it is for.
func (p *parser) entryOptions(s *Set, e *Entry, at *neighbour, values [][]Value, ws []word) bool {
	for i := 0; i < len(ws); i++ {
		w := ws[i]
		allowed, ok := map[string]bool{
			"nomatch": slices.Contains(s.Type.Dims, Net), "wildcard": slices.Contains(s.Type.Dims, Iface),
			"timeout": s.Timeout != nil, "packets": s.Counters, "bytes": s.Counters, "comment": s.Comment,
			"skbmark": s.SKBInfo, "skbprio": s.SKBInfo, "skbqueue": s.SKBInfo,
			"before": s.Type.Name == "list:set", "after": s.Type.Name == "list:set",
		}[w.text]
		switch {
		case !ok:
			p.problem(w.col, "", "%s is not an option of add", iptables.Quote(w.text))
			return false
		case !allowed:
			p.problem(w.col, "", "set %s was created without %s", s.Name, w.text)
			return false
		case w.text == "nomatch":
			e.NoMatch = true
			continue
		case w.text == "wildcard":
			for _, v := range values {
				v[slices.Index(s.Type.Dims, Iface)].Wildcard = true
			}
			continue
		}
		if i++; i == len(ws) {
			p.problem(w.col, "", "%s needs a value", w.text)
			return false
		}
		var n uint64
		var err error
		switch v := ws[i].text; w.text {
		case "timeout":
			n, err = iptables.ParseUint(v, 0, maxTimeout)
			e.Timeout = uint32(n)
		case "packets":
			e.Packets, err = iptables.ParseUint(v, 0, 1<<64-1)
		case "bytes":
			e.Bytes, err = iptables.ParseUint(v, 0, 1<<64-1)
		case "comment":
			if e.Comment = v; len(v) > maxComment || strings.Contains(v, `"`) {
				err = fmt.Errorf("is longer than %d bytes, or has a quote in it", maxComment)
			}
		case "before", "after":
			at.name, at.behind = v, w.text == "after"
			if !slices.ContainsFunc(s.Entries, func(o *Entry) bool { return o.Values[0].Name == v }) {
				err = fmt.Errorf("%s is not in the list", iptables.Quote(v))
			}
		default:
			e.SKB = append(e.SKB, w.text, v)
		}
		if err != nil {
			p.problem(ws[i].col, "", "%s: %s", w.text, err)
			return false
		}
	}
	return true
}
