// Package translate turns iptables rule sets into nftables rule sets that treat every packet alike.
//
// It is the one bridge between the two models: [rechain/translate/iptables] and [rechain/nft]; what each match and target means
// in nftables is in [rechain/translate/ext]. It looks at nothing but its input.
//
// Each iptables table becomes one nft table, chains keep their names. What a single nft rule cannot say exactly (a negated match
// whose datum may be missing, alternatives) becomes a helper chain, or splits the chain: see compile.go. What cannot be said at
// all is a [Problem] in the report, never a lost rule.
//
// A packet may lack what a rule looks at. A later fragment has no transport header, and no rule sees one where the kernel puts
// fragments together first: see tracking.go. A packet that is cut off in its header is dropped by iptables in any rule that looks
// there, and by a translation only with [Options.DropMalformed]: see malformed.go.
//
// The tests hold what is here against programs and the kernel. If RECHAIN_IPTABLES_TESTS names the folder extensions/ of iptables'
// source, they do so against iptables' own tests too (TestUpstream); if ../shared/corpus has dumps, against these (TestRoundTrip).
package translate
