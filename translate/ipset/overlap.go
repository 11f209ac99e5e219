package ipset

import "slices"

// Overlapping are the entries that stand for some packets that another entry stands for too.
func (s *Set) Overlapping() map[*Entry]bool {
	found := map[*Entry]bool{}
	dim := slices.Index(s.Type.Dims, Net)
	if dim < 0 {
		return found
	}
	groups := map[string][]*Entry{}
	for _, e := range s.Entries {
		key := s.apart(e)
		groups[key] = append(groups[key], e)
	}
	for _, group := range groups {
		slices.SortFunc(group, func(a, b *Entry) int {
			x, y := a.Values[dim].Net, b.Values[dim].Net
			if c := x.Addr().Compare(y.Addr()); c != 0 {
				return c
			}
			return x.Bits() - y.Bits()
		})
		for i, e := range group {
			// Those in e's network stand right behind it.
			for _, o := range group[i+1:] {
				if !e.Values[dim].Net.Contains(o.Values[dim].Net.Addr()) {
					break
				}
				if s.meet(e, o) {
					found[e], found[o] = true, true
				}
			}
		}
	}
	return found
}

// apart is all of an entry but its networks: entries where it differs have nothing in common. A device keeps nothing apart, since
// the narrowest network hides others whatever its devices are.
func (s *Set) apart(e *Entry) string {
	values := slices.Clone(e.Values)
	for i, d := range s.Type.Dims {
		if d == Net || d == Iface {
			values[i] = Value{}
		}
	}
	return s.element(values)
}

func (s *Set) meet(a, b *Entry) bool {
	if slices.Contains(s.Type.Dims, Iface) {
		return a.Values[0].Net != b.Values[0].Net
	}
	for i, d := range s.Type.Dims {
		if d == Net && !a.Values[i].Net.Overlaps(b.Values[i].Net) {
			return false
		}
	}
	return true
}
