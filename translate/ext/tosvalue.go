package ext

import (
	"fmt"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// tosMask is a value of the TOS field and the bits of it that count.
type tosMask struct{ Value, Mask uint8 }

// tosNames are those of RFC 1349 that iptables knows. They leave the two lower bits alone, which are for ECN now.
var tosNames = map[string]uint8{
	"minimize-delay": 0x10, "maximize-throughput": 0x08, "maximize-reliability": 0x04, "minimize-cost": 0x02, "normal-service": 0x00}

// tosKind is "value", "value/mask" or a name (tos_parse_symbolic in libxtables). Value: tosMask.
var tosKind = iptables.NewKind(
	func(w string, _ iptables.Family) (tosMask, error) {
		if w != "" && (w[0] < '0' || w[0] > '9') {
			return namedTOS(w)
		}
		v, m, masked := strings.Cut(w, "/")
		n, err := iptables.ParseUint(v, 0, 255)
		t := tosMask{uint8(n), 0xff}
		if err == nil && masked {
			n, err = iptables.ParseUint(m, 0, 255)
			t.Mask = uint8(n)
		}
		return t, err
	},
	func(t tosMask) string { return fmt.Sprintf("0x%02x/0x%02x", t.Value, t.Mask) })

func namedTOS(w string) (tosMask, error) {
	found, n := tosMask{}, 0
	for name, v := range tosNames {
		if strings.HasPrefix(name, strings.ToLower(w)) {
			found = tosMask{v, 0x3f}
			n++
		}
	}
	if n != 1 {
		return found, fmt.Errorf("%s is neither a number nor the name of a type of service", iptables.Quote(w))
	}
	return found, nil
}

// trafficClass spreads a mask or value of the TOS field over the first two bytes of the IP header: it is the second byte of struct
// iphdr, and the eight bits after the version of struct ipv6hdr.
func trafficClass(f iptables.Family, v uint8) []byte {
	if f == iptables.IPv6 {
		return []byte{v >> 4, v << 4}
	}
	return []byte{0, v}
}

// The two fields that the TOS field now is (RFC 3168): the differentiated services codepoint and ECN.
const (
	dscpBits = 0xfc
	ecnBits  = 0x03
)

// setTOS writes tos = tos & ^mask ^ xor, the fields that nft has a name for one by one. Where IPv4 keeps some bits of such a field, what
// is written depends on these: nft has no words for that which mend the checksum, so that it takes a chain.
func setTOS(c *Context, mask, xor uint8) []nft.Stmt {
	var out []nft.Stmt
	var parts []*nft.Chain
	for _, field := range []uint8{dscpBits, ecnBits} {
		switch m, x := mask&field, xor&field; {
		case m == field:
			out = append(out, writeTOS(c.Family, field, x))
			mask, xor = mask&^field, xor&^field
		case m|x != 0 && c.Family == iptables.IPv4:
			parts = append(parts, tosPart(c, field, m, x))
		}
	}
	switch {
	case len(parts) == 2:
		parts[0] = c.chainNamed(fmt.Sprintf("tos-and-%#02x-xor-%#02x", ^mask, xor), func(say func(...nft.Stmt)) {
			say(jumpTo(parts[0]))
			say(jumpTo(parts[1]))
		})
		fallthrough
	case len(parts) == 1:
		out = append(out, jumpTo(parts[0]))
	case mask|xor != 0:
		out = append(out, writeTOS(c.Family, mask, xor))
	}
	return out
}

// tosPart is a chain that changes some bits of a field of IPv4. It has a rule for each value of the others.
func tosPart(c *Context, field, mask, xor uint8) *nft.Chain {
	keep := field &^ mask
	return c.chainNamed(fmt.Sprintf("tos-%#02x-and-%#02x-xor-%#02x", field, keep, xor), func(say func(...nft.Stmt)) {
		for v := range 256 {
			if kept := uint8(v); kept&^keep == 0 {
				are := &nft.Match{Left: &nft.MaskXor{Of: &nft.Payload{Base: bytecode.NetworkHeader, Offset: 1, Len: 1}, Mask: []byte{keep}, Xor: []byte{0}}, Right: value([]byte{kept})}
				say(append(c.guard(), are, writeTOS(c.Family, field, kept^xor), &nft.Verdict{Code: bytecode.Return})...)
			}
		}
	})
}

func jumpTo(ch *nft.Chain) nft.Stmt { return &nft.Verdict{Code: bytecode.Jump, Chain: ch.Name} }

// writeTOS is one write. The checksum of struct iphdr stands at 10; IPv6 has none.
func writeTOS(f iptables.Family, mask, xor uint8) nft.Stmt {
	field := &nft.Payload{Base: bytecode.NetworkHeader, Len: 2}
	keep := trafficClass(f, mask)
	keep[0], keep[1] = ^keep[0], ^keep[1]
	set := &nft.Assign{Key: field, Value: &nft.MaskXor{Of: field, Mask: keep, Xor: trafficClass(f, xor)}}
	if f == iptables.IPv4 {
		set.ChecksumType, set.ChecksumOffset = checksumInet, 10
	}
	return set
}

// checksumInet is NFT_PAYLOAD_CSUM_INET.
const checksumInet = 1
