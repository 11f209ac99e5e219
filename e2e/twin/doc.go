// Package twin tests that rechain's native tables treat every packet as the iptables dump does that they were made from.
//
// A dump is loaded by iptables-legacy in one network namespace, and by the program rechain in another of the same shape
// (site_test.go). The same packets then go through both, and everything that can be seen of them must be the same: what leaves by
// which device, byte for byte; what the sender is told; at each hook, after all rules, the packet, its devices, mark, owner and class
// (observe_test.go); connections as they are made and change, with translation, state, mark, labels, helper and zone
// (conntrack_test.go); and what NFLOG says. What LOG says cannot be heard from there.
//
// Packets come from the boundaries that the dump itself has (the conditions files, solve_test.go, plan_test.go), as iptables-legacy-save
// prints them: nothing of rechain but the program is used, so that a misreading of a rule cannot hide itself. Each packet opens a
// conversation: it is answered, comes again, and an ICMP error tells about it (trial_test.go).
//
// What nobody can repeat is made so that it can, in the dump that both sides get: rates of limit and hashlimit are raised until they
// never bind, and random choice takes every third packet instead (dump_test.go). Rules that rechain refuses are left out on both
// sides, and named.
//
// A sample of each dump is sent in every test run, with half of its rules telling what they take. That the comparison finds what it
// should is shown in convict_test.go; what is known to differ, and why, is said by the cases of the extensions.
//
// What differs is tried again in new namespaces, as a busy machine may deliver a packet late: only what differs each time counts.
//
// RECHAIN_PROBES=N opens N conversations about each dump in place of a sample, and as many where all rules tell what they take;
// RECHAIN_SEED=N picks others.
package twin
