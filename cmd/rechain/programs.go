package main

import (
	"errors"
	"fmt"
	"io"

	"rechain/nft/meaning"
	"rechain/nft/packet"
	"rechain/translate"
	"rechain/translate/iptables"
)

// programs says what a source's rules do with packets of IPv4 and of IPv6, nil for a family that it says nothing of: an nft rule set says of
// both, dumps of those that they are of. A match's value that cannot be read is told to talk, and makes the match one of which only the
// text is known; anything else that cannot be read is an error.
func (s *source) programs(talk io.Writer) (v4, v6 *packet.Program, err error) {
	if s.ruleset != nil {
		return meaning.Of(s.ruleset, false), meaning.Of(s.ruleset, true), nil
	}
	if !s.unread.OfValues() {
		var others iptables.Problems
		for _, p := range s.unread {
			if !p.Value {
				others = append(others, p)
			}
		}
		return nil, nil, usage(errors.New(fold(remarks(others))))
	}
	if len(s.unread) > 0 {
		list := remarks(s.unread)
		for i := range list {
			list[i].text += "; taken for a match of which only the text is known"
		}
		fmt.Fprintln(talk, fold(list))
	}
	if s.v4 != nil {
		v4 = translate.Meaning(s.v4, s.sets)
	}
	if s.v6 != nil {
		v6 = translate.Meaning(s.v6, s.sets)
	}
	return v4, v6, nil
}
