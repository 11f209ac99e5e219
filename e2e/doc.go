// Package e2e tests the program rechain from outside: as a user starts it, and by what packets then do.
//
// A test is a script in testdata (github.com/rogpeppe/go-internal/testscript). Each runs in a network namespace of its own, called
// the pod, which has nothing but a loopback device that is up; what a script starts runs there too. Named namespaces that a script
// adds ("ip netns add") are its own: no other script and nobody else sees them.
//
// Beside testscript's commands, a script may use the programs of the table programs by their names, and these:
//
//	needs PROGRAM...        skips the script where a program is missing; "uids" stands for the right to act as any user,
//	                        "tun" for that to make TUN devices
//	supports PROGRAM ...    skips the script where the kernel lacks what the command needs
//	exits N PROGRAM ...     runs a program that must exit with code N; without it, it must be 0
//	commits N PROGRAM ...   runs a program during which the kernel must commit N changes of nftables
//	wire DEVICE NETNS       lays a wire (a veth pair) from the pod to a new namespace
//	listen, connect, say, connections, orphan, hammer    real packets, see the files of these names
//	decides FILE ARGUMENT...    the connections of a file, by rechain's rules and by Istio's own in iptables, see decides_test.go
//	agree N SEED FILE           the same under random configurations, see agree_test.go
//	http, forward, socks    servers and proxies, see proxy_test.go
//	interrupt N A -- B      kills B at random moments, see interrupt_test.go
//	cmpjson A B             compares two JSON files by content
//
// What judges is never rechain: it is the kernel (does a connection arrive, and where), nft, iptables-legacy and conntrack.
//
// A script that cannot run here is skipped with the reason. With RECHAIN_REQUIRE=1 that is a failure, unless the kernel is why.
package e2e
