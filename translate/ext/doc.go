// Package ext holds the extensions of iptables: one file for each match and target.
//
// A file registers a descriptor: the table of options from which parsing, printing and error messages come (see
// [iptables.Extension]), and Lower, which says the same in nftables. Nothing else needs to be edited to add one. The file's
// cases stand beside it in a .txtar of the same name, played by the one harness in package translate.
//
// A match lowers to a [Cond], not to statements, because nftables cannot negate what may be absent: a load without a datum ends
// the rule whatever the comparison (NFT_BREAK), while most xt_* matches go on to invert their answer. A condition says what is
// negated and whether the datum can be missing; package translate turns it into rules that are exact.
package ext
