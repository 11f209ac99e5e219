package meaning

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// mending is which checksum a write to the packet mends (nft_payload_set_eval): of a kind, at an offset in the header that is
// written to, and whether that of the transport header is mended too, which covers the addresses.
type mending struct {
	kind, offset uint32
	transport    bool
}

// Kinds of mending are NFT_PAYLOAD_CSUM_*.
const (
	inetChecksum = 1
	sctpChecksum = 2
)

// transportChecksums are where transport headers have their checksum: struct tcphdr and the like.
var transportChecksums = map[uint8]mending{
	1: {inetChecksum, 2, false}, 58: {inetChecksum, 2, false}, 6: {inetChecksum, 16, false}, 17: {inetChecksum, 6, false},
	136: {inetChecksum, 6, false}, 33: {inetChecksum, 6, false}, 132: {sctpChecksum, 8, false},
}

// due is the mending that a write calls for.
func (r *ruleReader) due(p *nft.Payload) mending {
	const checksum4 = 10 // of struct iphdr
	first, behind := uint32(12), uint32(20)
	if r.ipv6 {
		first, behind = 8, 40
	}
	switch p.Base {
	case bytecode.NetworkHeader:
		m := mending{transport: p.Offset < behind && p.Offset+p.Len > first}
		if !r.ipv6 {
			m.kind, m.offset = inetChecksum, checksum4
		}
		return m
	case bytecode.TransportHeader:
		return transportChecksums[r.proto]
	}
	return mending{}
}

// mended is a note on a write that leaves a wrong checksum behind; nil where it does not. The kernel counts in pairs of bytes, and begins
// with the first that is written.
func (r *ruleReader) mended(a *nft.Assign, p *nft.Payload) []packet.Step {
	is := mending{a.ChecksumType, a.ChecksumOffset, a.ChecksumFlags&1 != 0}
	if is.kind == 0 {
		is.offset = 0
	}
	if is == r.due(p) && (is.kind != inetChecksum && !is.transport || p.Offset%2 == 0) {
		return nil
	}
	return []packet.Step{do(&packet.Note{Key: fmt.Sprintf("%s written with checksum %d at %d, transport %v", key(p), is.kind, is.offset, is.transport)})}
}
