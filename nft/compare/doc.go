// Package compare decides whether two programs treat every packet alike. The answer is a proof, or a packet that shows where not.
//
// # How
//
// Each base chain becomes one function from packets to outcomes, as a decision diagram with many terminals (see diagram): a rule is
// "if its conditions hold then its verdict, else go on", rules are put together by halves, and a chain that is jumped to is made once. Both
// programs share one diagram, in which equal functions are the same node. So "same" is a comparison of two numbers, and what differs is a
// predicate: one packet is taken from it, package trace says what either program does with that packet, all packets that the same two
// rules decide are taken away, and so on.
//
// Fields are not taken bit by bit: only what some rule tells apart is a variable (see coding).
//
// # What the answer rests on
//
// Predicates that nothing is known about are equal where their keys are. Ones with a memory are asked in order: the first evaluation of a
// key on a packet's way is the same event on both sides, so is the second. What rules remember for later packets is compared by itself.
// Packets are those that the kernel can have at a hook, with a whole transport header.
//
// # What people get
//
// [Make] compares whole rule sets, and says it in words or as JSON: differences in the order in which they matter, each with a packet, the
// packets like it, the rules that decide, and the change of the rules behind it. Changes are found rule by rule between rule sets of one
// kind ([Structural]), and tried one by one ([Structure.Attribute]): so moves that mean nothing are told from those that do. Where rules
// changed, a finding is all that the same changed rule decides; else all that the same two rules decide.
//
// The JSON object has "result" (same, different, undecided), "functions" (each hook of each family), "findings", "more", "state" and "log" (packets
// for which only that differs), "opaque", "structural" and "notes"; its names are those of jsonReport, and stay.
package compare
