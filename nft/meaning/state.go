package meaning

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// update changes a set. Statements in it hold by what the element remembers, and break the rule off where they do not (nft_dynset_eval).
func (r *ruleReader) update(u *nft.UpdateSet) []packet.Step {
	reg := r.load(u.Key)
	out := require(reg.needs)
	touch := &packet.Touch{Key: fmt.Sprintf("%v @%s { %s }", u.Op, u.Name, r.name(u.Key))}
	if u.Timeout != 0 {
		touch.Key += fmt.Sprintf(" for %d ms", u.Timeout)
	}
	out = append(out, &packet.Do{Effect: touch})
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

// bucket names what an element remembers: the set's name, and what there is one for each of.
func (r *ruleReader) bucket(u *nft.UpdateSet) string { return packet.Bucket(u.Name, r.name(u.Key)) }
