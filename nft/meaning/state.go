package meaning

import (
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// update changes a set. Statements in it hold by what the element remembers, and break the rule off where they do not (nft_dynset_eval).
func (r *ruleReader) update(u *nft.UpdateSet) []packet.Step {
	reg := r.load(u.Key)
	out := require(reg.needs)
	if !counts(u) {
		out = append(out, r.touch(u)...)
	}
	for _, s := range u.Stmts {
		p, ok := s.(*nft.Plain)
		if !ok {
			continue
		}
		switch v := p.Op.(type) {
		case *bytecode.Limit:
			out = append(out, require(packet.Negate(packet.Limited(r.bucket(u), v.Rate, v.Unit, burst(v), v.Type == 1), v.Over))...)
		case *bytecode.Quota:
			out = append(out, require(packet.Negate(packet.BelowQuota(r.bucket(u), v.Bytes), v.Flags&1 != 0))...)
		case *bytecode.Connlimit:
			r.tracks = true
			out = append(out, require(packet.Negate(packet.MoreConnections(v.Count, r.name(u.Key)), v.Flags&1 == 0))...)
		}
	}
	return out
}

// counts says whether the element is there for what it remembers. Then asking that is what changes.
func counts(u *nft.UpdateSet) bool {
	return slices.ContainsFunc(u.Stmts, func(s nft.Stmt) bool {
		p, ok := s.(*nft.Plain)
		if !ok {
			return false
		}
		switch p.Op.(type) {
		case *bytecode.Limit, *bytecode.Quota, *bytecode.Connlimit:
			return true
		}
		return false
	})
}

// touch is what an update changes. One that takes an element out and then puts it in only puts it in.
func (r *ruleReader) touch(u *nft.UpdateSet) []packet.Step {
	of := r.name(u.Key)
	s := r.find(u.Name, u.Set)
	name := u.Name
	if s != nil {
		name = memoryName(s)
	}
	x := packet.SetLacks(name, of)
	if u.Op == bytecode.DynsetDelete {
		r.removed = x
		return []packet.Step{do(x)}
	}
	stays := u.Timeout
	if stays == 0 && s != nil {
		stays = s.Timeout
	}
	holds := packet.SetHolds(name, of, stays)
	if r.removed != nil && r.removed.Key == x.Key {
		*r.removed = *holds
		r.removed = nil
		return nil
	}
	return []packet.Step{do(holds)}
}

// bucket names what an element remembers: the set's name, and what there is one for each of.
func (r *ruleReader) bucket(u *nft.UpdateSet) string { return packet.Bucket(u.Name, r.name(u.Key)) }
