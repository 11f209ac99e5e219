package main

import (
	"errors"
	"net"
	"strings"

	"rechain/nft"
)

// isJSON says whether a text is a listing of "nft -j list ruleset", by how it begins.
func isJSON(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "{") }

// readJSON takes a listing, which is a whole rule set. Names of interfaces are those of this host, as nft takes them.
func (s *source) readJSON(name, text string) error {
	if s.ruleset != nil {
		return errors.New(name + ": is a second listing of nft; only one can be read")
	}
	var err error
	s.ruleset, err = nft.ReadJSON(text, nft.JSONReader{File: name, Ifindex: func(name string) uint32 {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return 0
		}
		return uint32(i.Index)
	}})
	return err
}
