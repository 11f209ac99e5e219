// Package probe sends real traffic through the rules of a network namespace and reports what became of it.
//
// A [Lab] lays wires (veth pairs) from the namespace to one of its own, whose far end answers for every address. Through them a
// [Flow] may come in from outside, and may go out to any destination without reaching it. [Lab.Run] opens throw-away listeners,
// sends the flows, and returns a [Result] for each: where it arrived, what SO_ORIGINAL_DST said, and the rules that the kernel
// took it through, by nftables' own trace.
//
// A flow has the owner (user and group id) that it is told to have, and may be one that no socket owns; see [Kind].
//
// Live traffic is not touched: only sockets bound to a wire's address are routed into it. All that is added goes with
// [Lab.Close]; the wires, their addresses and the tracing table also go when the process is killed, because they hang on what it
// holds open. A policy rule does not: the next Lab removes it.
//
// The package knows nothing of what the rules are for.
package probe
