// Package nft models nftables rule sets: tables, chains, sets, and rules made of statements over expressions.
//
// The model sits right above the kernel's programs ([rechain/nft/bytecode]): [Lower] turns it into them, [Raise] turns programs
// into the model, and Raise(Lower(m)) is m. Values are kept as the bytes that a register holds, so two rules are equal when the
// kernel runs the same program; names, prefixes, implied protocol matches and other niceties belong to the views
// [WriteText] and [WriteJSON], which print what nft(8) would.
//
// What Raise cannot say in statements becomes an [Opaque] statement that keeps its operations, so nothing is lost.
package nft
