// Package meaning says what an nftables rule set does, in the language of package packet, after the kernel's nft_*.c: every load that has
// no datum breaks the rule off, whatever the comparison is; accept ends a base chain but not the hook.
//
// A register is followed bit by bit (see register), so that masks, shifts, byte orders and concatenations need no cases of
// their own: a comparison is of the fields whose bits are there, wherever they went in between.
package meaning
