package iptables

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSidecarListing(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "seed", "istio-sidecar.list")
	f, err := os.Open(path)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	rs, err := ParseListing(f, "istio-sidecar.list", ListingOptions{}, testVocab)
	if err != nil {
		t.Fatal(err)
	}
	if !rs.Tables[0].Guessed {
		t.Error("the table's name is not marked as guessed")
	}
	want := `*nat
:PREROUTING ACCEPT [2701:162000]
:INPUT ACCEPT [2701:162000]
:OUTPUT ACCEPT [79:6761]
:POSTROUTING ACCEPT [79:6761]
:ISTIO_INBOUND - [0:0]
:ISTIO_IN_REDIRECT - [0:0]
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
[2701:162000] -A PREROUTING -p tcp -j ISTIO_INBOUND
[15:900] -A OUTPUT -p tcp -j ISTIO_OUTPUT
[0:0] -A ISTIO_INBOUND -p tcp -m tcp --dport 22 -j RETURN
[2:120] -A ISTIO_INBOUND -p tcp -m tcp --dport 15090 -j RETURN
[2699:162000] -A ISTIO_INBOUND -p tcp -m tcp --dport 15020 -j RETURN
[0:0] -A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
[0:0] -A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
[0:0] -A ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN
[0:0] -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
[0:0] -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
[15:900] -A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
[0:0] -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
[0:0] -A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
[0:0] -A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
[0:0] -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
[0:0] -A ISTIO_OUTPUT -j ISTIO_REDIRECT
[0:0] -A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
COMMIT
`
	if got := printed(t, rs, PrintOptions{Counters: true}); got != want {
		t.Errorf("got\n%s", got)
	}
}

const listingStart = "Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n"

func TestListingProblems(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"host name", listingStart + "    0     0 ACCEPT     all  --  any    any     www.example.com      anywhere\n",
			`x:3:48: -s: "www.example.com" is a host name, which only the host that it was written on can resolve`},
		{"user name", listingStart + "    0     0 ACCEPT     all  --  any    any     anywhere             anywhere             owner UID match lp\n",
			"x:3:90: owner: --uid-owner: lp is a name, which only the host that it was written on can resolve: give the number"},
		{"unknown match", listingStart + "    0     0 ACCEPT     all  --  any    any     anywhere             anywhere             tcp dpt:ssh nonsense 5 # why\n",
			"x:3:102: ACCEPT: the listing of a match or target is not understood: nonsense 5 # why; take the output of iptables-save"},
		{"no -v", "Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination\nACCEPT     all  --  anywhere             anywhere\n",
			"x:2:1: the listing lacks the interfaces, so that its rules are not known; list again with iptables -L -v -n"},
		{"rule is lost", listingStart + "\nChain FORWARD (policy ACCEPT)\n\nChain OUTPUT (policy ACCEPT)\n\nChain FOO (1 references)\n",
			"x:8:1: FOO: the chain has 1 references, but 0 rules lead to it; is the listing complete?"},
		{"cut line", listingStart + "    0     0 ACCEPT     all  --  any    any     anywhere\n",
			"x:3:5: the line ends before the column of destinations"},
		{"no columns", listingStart + "    0     0 ACCEPT\n",
			"x:3:5: the line's columns are not those of a rule: TARGET PROT OPT IN OUT SOURCE DESTINATION"},
		{"which table", listingStart, "x:1:1: a listing does not name its table, and these chains do not tell it; name the table (--table)"},
		{"before a chain", "hello\n", "x:1:1: this stands before any \"Chain NAME (…)\" line; is it the output of iptables -L -v?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			opt := ListingOptions{Table: "filter"}
			if c.name == "which table" {
				opt.Table = ""
			}
			_, err := ParseListing(strings.NewReader(c.text), "x", opt, testVocab)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// Old ip6tables left the opt column blank, and a rule without a target leaves that one blank.
func TestBlankColumns(t *testing.T) {
	text := `Chain INPUT (policy DROP 1M packets, 2G bytes)
num   pkts bytes target     prot opt in     out     source               destination
1        1     2            tcp      any    any     anywhere             anywhere             tcp dpt:http
2        1     2 all        all      any    lo      fe80::/10           !anywhere
3     123K  456M           !udp      !eth0  any     ip6-allnodes         localhost            [goto]
4        0     0 ACCEPT     58   --  *      *       ::/0                 ::1/64
`
	text = strings.Replace(text, "2        1     2 all        all      any    lo", "2        1     2 all        all      any    any", 1)
	text = strings.Replace(text, "3     123K  456M           !udp      !eth0  any     ip6-allnodes         localhost            [goto]",
		"3     123K  456M           !udp      !eth0  any     ip6-allnodes         localhost", 1)
	text += "\nChain all (1 references)\n"
	rs, err := ParseListing(strings.NewReader(text), "x", ListingOptions{Table: "filter"}, testVocab)
	if err != nil {
		t.Fatal(err)
	}
	want := `*filter
:INPUT DROP [1000000:2000000000]
:all - [0:0]
[1:2] -A INPUT -p tcp -m tcp --dport 80
[1:2] -A INPUT -s fe80::/10 ! -d ::/0 -j all
[123000:456000000] -A INPUT -s ff02::1/128 -d ::1/128 ! -i eth0 ! -p udp
[0:0] -A INPUT -d ::/64 -p ipv6-icmp -j ACCEPT
COMMIT
`
	if got := printed(t, rs, PrintOptions{Counters: true}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
