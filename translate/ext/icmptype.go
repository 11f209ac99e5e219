package ext

import (
	"fmt"
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// icmpType is an ICMP message type, and a code if HasCode. Any stands for all messages.
type icmpType struct {
	Type, Code uint8
	HasCode    bool
	Any        bool
}

// icmpKind reads "TYPE", "TYPE/CODE", "TYPE/0:255" for all codes, or a name, which may be cut short as long as it stays unique.
func icmpKind(names map[string]icmpType) iptables.Kind {
	return iptables.NewKind(
		func(w string, _ iptables.Family) (icmpType, error) { return parseICMP(w, names) },
		func(t icmpType) string {
			switch {
			case t.Any:
				return "any"
			case t.HasCode:
				return fmt.Sprintf("%d/%d", t.Type, t.Code)
			}
			return strconv.Itoa(int(t.Type))
		})
}

func parseICMP(w string, names map[string]icmpType) (icmpType, error) {
	if t, ok := names[strings.ToLower(w)]; ok {
		return t, nil
	}
	if w == "" || w[0] < '0' || w[0] > '9' {
		return named(w, names)
	}
	typ, code, coded := strings.Cut(w, "/")
	coded = coded && code != "0:255"
	n, err := iptables.ParseUint(typ, 0, 255)
	t := icmpType{Type: uint8(n), HasCode: coded}
	if strings.Contains(code, ":") && coded {
		return t, fmt.Errorf("%s has a range of codes, of which iptables-save would show only the first; write a rule for each code", w)
	}
	if err == nil && coded {
		n, err = iptables.ParseUint(code, 0, 255)
		t.Code = uint8(n)
	}
	return t, err
}

func named(w string, names map[string]icmpType) (icmpType, error) {
	var found []icmpType
	for name, t := range names {
		if w != "" && strings.HasPrefix(name, strings.ToLower(w)) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return icmpType{}, fmt.Errorf("%s is neither a number nor the name of an ICMP message", iptables.Quote(w))
	case 1:
		return found[0], nil
	}
	return icmpType{}, fmt.Errorf("%s is short for several names", iptables.Quote(w))
}

// ofType tests the first two bytes of an ICMP header (icmp_match and icmp6_match in xt_tcpudp.c). "Not both" is a lookup of the two
// together: nft would list a comparison of two bytes as "neither".
func ofType(t icmpType, datatypes ...nft.Datatype) Cond {
	switch {
	case t.Any:
		return All{}
	case !t.HasCode:
		return present(transport(0, 1), []byte{t.Type})
	}
	typ, code := present(transport(0, 1), []byte{t.Type}), present(transport(1, 1), []byte{t.Code})
	differs := &nft.InSet{
		Key: &nft.Concat{Parts: []nft.Expr{transport(0, 1), transport(1, 1)}}, Not: true,
		Set: &nft.Set{Type: datatypes, Flags: bytecode.SetAnonymous | bytecode.SetConstant,
			Elements: []nft.Element{{Key: []byte{t.Type, 0, 0, 0, t.Code, 0, 0, 0}}}},
	}
	return &Test{Stmts: append(typ.Stmts, code.Stmts...), Inverse: []nft.Stmt{differs}}
}

// listICMP reads "icmptype 3 code 1", "icmp !type 8" and "icmp echo-request".
func listICMP(name, option string) func([]string) ([]string, int) {
	coded := option + " $1/$2"
	return either(
		listed("", name+"type # code #", coded), listed("", name+"type # codes *", coded), listed("", name+"type #", option),
		listed("", name+" !type # code #", coded), listed("", name+" !type # codes *", coded), listed("", name+" !type #", option),
		listed("", name+" !*", option))
}
