package translate

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"

	"rechain/nft"
	"rechain/nft/bytecode"
)

// A rule that asks for one of several values holds an anonymous set of them. Where many rules hold the same, they get one set with a
// name instead, as a person would write it. It is also the way to load many: for every anonymous set of a transaction, the kernel
// goes through all that the transaction did before (__nft_set_trans_bind), so that 10,000 of them take half a minute.

// sharedFrom is in how many rules the same set gets a name.
const sharedFrom = 10

// manySets is how many anonymous sets are so many that named ones load faster even if each is in one rule. The time of these grows
// with the square of their number too, since the kernel looks for a name in a list, but it is half as long with 2,000 sets, and a
// third with 10,000.
const manySets = 1000

// shareSets gives names to sets that rules of a table hold.
func shareSets(t *nft.Table) {
	uses := map[string]int{}
	total := 0
	eachHeld(t, func(_ *nft.Stmt, _ *nft.InSet, content []byte) {
		uses[string(content)]++
		total++
	})
	from := sharedFrom
	if total > manySets {
		from = 1
	}
	taken, names := map[string]bool{}, map[string]string{}
	for _, s := range t.Sets {
		taken[s.Name] = true
	}
	eachHeld(t, func(place *nft.Stmt, in *nft.InSet, content []byte) {
		if uses[string(content)] < from {
			return
		}
		name := names[string(content)]
		if name == "" {
			set := *in.Set
			set.Flags &^= bytecode.SetAnonymous | bytecode.SetConstant
			name = contentName(in.Set, content)
			for n := 2; taken[name]; n++ {
				name = contentName(in.Set, content) + "-" + strconv.Itoa(n)
			}
			set.Name, taken[name], names[string(content)] = name, true, name
			t.Sets = append(t.Sets, &set)
		}
		*place = &nft.InSet{Key: in.Key, Not: in.Not, Name: name} // the statement may be in other rules too
	})
}

// eachHeld calls f with each place where a rule holds a set of constants, and with bytes that are the same for sets that are. They
// are valid until f returns.
func eachHeld(t *nft.Table, f func(place *nft.Stmt, in *nft.InSet, content []byte)) {
	var b []byte
	for _, ch := range t.Chains {
		for _, r := range ch.Rules {
			for i, s := range r.Stmts {
				in, ok := s.(*nft.InSet)
				if !ok || in.Set == nil || in.Set.Flags&bytecode.SetConstant == 0 {
					continue
				}
				b = append(b[:0], byte(in.Set.Flags))
				for _, typ := range in.Set.Type {
					b = append(b, byte(typ))
				}
				for _, e := range in.Set.Elements {
					b = append(append(b, byte(len(e.Key))), e.Key...)
					b = append(append(b, byte(len(e.KeyEnd))), e.KeyEnd...)
				}
				f(&r.Stmts[i], in, b)
			}
		}
	}
}

// contentName names a set by what is in it, so that it keeps its name whatever changes around it: "ports-80-443", or a checksum
// instead of more than 4 values. The kernel compares names one by one, so they are short.
func contentName(s *nft.Set, content []byte) string {
	if !slices.Equal(s.Type, []nft.Datatype{nft.TypeInetService}) {
		return fmt.Sprintf("values-%08x", crc32.ChecksumIEEE(content))
	}
	if len(s.Elements) > 4 {
		return fmt.Sprintf("ports-%08x", crc32.ChecksumIEEE(content))
	}
	name := "ports"
	port := func(b []byte) string { return strconv.Itoa(int(b[0])<<8 | int(b[1])) }
	for _, e := range s.Elements {
		name += "-" + port(e.Key)
		if e.KeyEnd != nil {
			name += "_" + port(e.KeyEnd)
		}
	}
	return name
}
