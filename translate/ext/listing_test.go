package ext

import (
	"slices"
	"strings"
	"testing"

	"rechain/translate/iptables"
)

// The patterns of listings. What iptables prints is judged by TestListings in package translate.
func TestListed(t *testing.T) {
	read := listed("X match", "! a *", "--a", "b:!*/*", "--b $2 $1", "!flag", "--flag", `c "*"`, "--c", "d '*'", "--d", "e #", "--e", "!= *", "! --f")
	for _, c := range []struct {
		words, args string
		rest        int
	}{
		{"X match", "", 0},
		{"X", "", 1},
		{"Y match a 1", "", 4},
		{"X match a 1 b:2/3", "--a 1 --b 3 2", 0},
		{"X match ! a 1 b:!2/3 !flag", "! --a 1 ! --b 3 2 ! --flag", 0},
		{"X match flag b:2/3", "--flag", 1}, // in their order only
		{"X match a", "", 1},
		{"X match b:2/", "", 1},
		{`X match c "one  two" rest`, "--c one  two", 1},
		{`X match c "" rest`, "--c ", 1},
		{`X match c " d`, "", 3},
		{`X match d "a \"b\" \\" rest`, `--d a "b" \`, 1},
		{"X match d bare rest", "--d bare", 1},
		{`X match d "a"b rest`, "", 3},
		{"X match e 0x5 rest", "--e 0x5", 1},
		{"X match e rest", "", 2},
		{"X match != 7", "! --f 7", 0},
	} {
		words := strings.Split(c.words, " ")
		args, taken := read(words)
		if got := strings.Join(args, " "); got != c.args || len(words)-taken != c.rest {
			t.Errorf("%s: got %q and %d words left, want %q and %d", c.words, got, len(words)-taken, c.args, c.rest)
		}
	}
}

// TestNotListed has rules that their listings do not tell from others: none of them may be guessed.
func TestNotListed(t *testing.T) {
	const row = "    0     0 ACCEPT     6    --  *      *       0.0.0.0/0            0.0.0.0/0            "
	const head = "Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n"
	for _, c := range []struct{ line, want string }{
		{row + "limit: up to 1/sec burst 5 mode srcip", "hashlimit: a listing does not show --hashlimit-name, and so not which rules count together"},
		{row + "quota: 2000 bytes", "quota: a listing does not show whether the quota is inverted"},
		{row + "OS fingerprint match Linux", "osf: a listing does not show --ttl and --log"},
		{row + `STRING match  "|0d0a|" ALGO name bm`, "string: a listing does not show whether |0d0a| is text or bytes in hexadecimal"},
		{row + "/* x */ tcp dpt:22 /* y */", "comment: two comments look like one with the signs of a comment in it"},
		{strings.Replace(row, "ACCEPT", "LOG   ", 1) + `LOG flags 0 level 4 prefix "say "no"`, "LOG: a listing does not show where a prefix with quotes in it ends"},
		{row + "/* x */ y */", "ACCEPT: the listing of a match or target is not understood: y */"},
		{row + "tcp dpt:22 geoip 5", "ACCEPT: the listing of a match or target is not understood: geoip 5"},
	} {
		_, err := iptables.ParseListing(strings.NewReader(head+c.line+"\n"), "", iptables.ListingOptions{Table: "filter"}, Vocabulary)
		if err == nil || !strings.Contains(err.Error(), c.want+"; take the output of iptables-save") {
			t.Errorf("%s\ngot  %v\nwant %s", c.line, err, c.want)
		}
	}
}

// Every extension that prints something is read from a listing, but for those that no kernel here has, so that nothing judges it.
func TestListingsAreKnown(t *testing.T) {
	silent := []string{"CLUSTERIP", "LED", "TRACE", "ULOG", "ipvs", "unclean"}
	for v, m := range matches {
		if m.Listing == nil && !slices.Contains(silent, v.name) {
			t.Errorf("-m %s has no Listing", v.name)
		}
	}
	for v, target := range targets {
		if target.Listing == nil && !slices.Contains(silent, v.name) {
			t.Errorf("-j %s has no Listing", v.name)
		}
	}
}
