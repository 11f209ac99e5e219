package ext

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"rechain/nft"
	"rechain/translate/iptables"
)

// sctpChunks are the types of chunks that iptables has names for, by number. Flags are the letters of its flags, from the highest bit of 8 down; there are
// no others. nft aborts where it is to list a type that it has no name for.
var sctpChunks = []sctpChunk{
	{"DATA", 0, "----IUBE", true},
	{"INIT", 1, "", true},
	{"INIT_ACK", 2, "", true},
	{"SACK", 3, "", true},
	{"HEARTBEAT", 4, "", true},
	{"HEARTBEAT_ACK", 5, "", true},
	{"ABORT", 6, "-------T", true},
	{"SHUTDOWN", 7, "", true},
	{"SHUTDOWN_ACK", 8, "", true},
	{"ERROR", 9, "", true},
	{"COOKIE_ECHO", 10, "", true},
	{"COOKIE_ACK", 11, "", true},
	{"ECN_ECNE", 12, "", true},
	{"ECN_CWR", 13, "", true},
	{"SHUTDOWN_COMPLETE", 14, "-------T", true},
	{"I_DATA", 64, "----IUBE", false},
	{"ASCONF_ACK", 128, "", true},
	{"RE_CONFIG", 130, "", false},
	{"PAD", 132, "", false},
	{"FORWARD_TSN", 192, "", true},
	{"ASCONF", 193, "", true},
	{"I_FORWARD_TSN", 194, "", false},
}

type sctpChunk struct {
	name   string
	number uint8
	flags  string
	listed bool
}

// chunkTest is a type of chunk, by its place in sctpChunks, and the flags that matter.
type chunkTest struct {
	at         int
	mask, want uint8
}

// chunkTypes is what --chunk-types asks.
type chunkTypes struct {
	quantity string      // any, all, only
	set      string      // ALL, NONE, or empty for the list
	list     []chunkTest // by number
}

// test tests for a chunk. nft looks at the flags of the first of its type.
func (t chunkTest) test() *Test {
	chunk := func(offset uint32) *nft.Exthdr {
		return &nft.Exthdr{Op: exthdrSCTP, Type: sctpChunks[t.at].number, Offset: offset, Len: 1}
	}
	if t.mask != 0 {
		return maybe(&nft.MaskXor{Of: chunk(1), Mask: []byte{t.mask}, Xor: []byte{0}}, []byte{t.want})
	}
	exists := chunk(0)
	exists.Flags = exthdrPresent
	return &Test{Stmts: present(exists, []byte{1}).Stmts, Inverse: present(exists, []byte{0}).Stmts}
}

// exthdrSCTP is NFT_EXTHDR_OP_SCTP.
const exthdrSCTP = 3

// lowerChunks is match_packet of xt_sctp.c. A packet without a single whole chunk it drops.
func lowerChunks(c *Context, o iptables.Option) Cond {
	types := o.Value.(chunkTypes)
	switch types.quantity + " " + types.set {
	case "any ALL", "only ALL", "all NONE":
		return All{}
	case "any NONE", "only NONE":
		return Any{}
	case "all ALL":
		c.Refuse(o.Pos, "sctp", "list the types", "nftables cannot look for all the 256 types of chunks")
		return All{}
	}
	if types.quantity == "only" {
		return noOthers(c, o.Pos, types.list)
	}
	var any Any
	var all All
	for _, t := range types.list {
		if !sctpChunks[t.at].listed {
			c.Refuse(o.Pos, "sctp", "look for the others alone", "nft has no name for chunks of type %s, and aborts where it has to list one",
				sctpChunks[t.at].name)
			return All{}
		}
		t.warn(c, o.Pos)
		any, all = append(any, t.test()), append(all, t.test())
	}
	if types.quantity == "any" {
		return any
	}
	return all
}

// noOthers tests that there are no chunks but of some types, as far as nft has names for the others.
func noOthers(c *Context, pos iptables.Pos, list []chunkTest) (all All) {
	c.Lossy(pos, "sctp", "say what must not be there: ! --chunk-types any …",
		"nftables does not see chunks of types that nft has no name for, such as I_DATA")
	for at, chunk := range sctpChunks {
		if !chunk.listed {
			continue
		}
		missing := Not{chunkTest{at: at}.test()}
		i := slices.IndexFunc(list, func(t chunkTest) bool { return t.at == at })
		switch {
		case i < 0:
			all = append(all, missing)
		case list[i].mask != 0:
			list[i].warn(c, pos)
			all = append(all, Any{missing, list[i].test()})
		}
	}
	return all
}

// warn says how flags are looked at.
func (t chunkTest) warn(c *Context, pos iptables.Pos) {
	if t.mask != 0 {
		c.Lossy(pos, "sctp", "", "where a packet has several chunks of type %s, nftables looks at the flags of the first alone",
			sctpChunks[t.at].name)
	}
}

// chunkTypesKind is "any", "all" or "only", and ALL, NONE or a list of types, each with flags behind a colon, in capitals for those that
// are set. Value: chunkTypes.
var chunkTypesKind iptables.Kind = chunkKind{}

type chunkKind struct{}

func (chunkKind) Args() int { return 2 }

func (chunkKind) Parse(words []string, _ iptables.Family) (any, error) {
	t := chunkTypes{quantity: strings.ToLower(words[0])}
	switch t.quantity {
	case "any", "all", "only":
	default:
		return nil, fmt.Errorf("%s is not any, all or only", iptables.Quote(words[0]))
	}
	if w := strings.ToUpper(words[1]); w == "ALL" || w == "NONE" {
		t.set = w
		return t, nil
	}
	given := map[int]chunkTest{}
	for part := range strings.SplitSeq(words[1], ",") {
		name, letters, _ := strings.Cut(part, ":")
		at := -1
		for i, c := range sctpChunks {
			if strings.EqualFold(c.name, name) {
				at = i
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("%s is not a type of chunk", iptables.Quote(name))
		}
		test := given[at]
		test.at = at
		for _, l := range letters {
			i := strings.IndexRune(sctpChunks[at].flags, unicode.ToUpper(l))
			if i < 0 || l == '-' {
				return nil, fmt.Errorf("%s is not a flag of %s", iptables.Quote(string(l)), sctpChunks[at].name)
			}
			test.mask |= 0x80 >> i
			if unicode.IsUpper(l) {
				test.want |= 0x80 >> i
			}
		}
		if sctpChunks[at].number != uint8(at) { // which iptables overlooks, since it takes the place in its table for the number
			test.mask, test.want = 0, 0
		}
		given[at] = test
	}
	for i := range sctpChunks {
		if test, ok := given[i]; ok {
			t.list = append(t.list, test)
		}
	}
	return t, nil
}

func (chunkKind) Format(value any) string {
	t := value.(chunkTypes)
	if t.set != "" {
		return t.quantity + " " + t.set
	}
	var parts []string
	for _, test := range t.list {
		s := sctpChunks[test.at].name
		if test.mask != 0 {
			s += ":"
		}
		for i, l := range sctpChunks[test.at].flags {
			switch bit := uint8(0x80 >> i); {
			case test.mask&bit == 0:
			case test.want&bit != 0:
				s += string(l)
			default:
				s += string(unicode.ToLower(l))
			}
		}
		parts = append(parts, s)
	}
	return t.quantity + " " + strings.Join(parts, ",")
}

var sctpListing = listed("sctp", "spt:!*", "--sport", "spts:!*", "--sport", "dpt:!*", "--dport", "dpts:!*", "--dport",
	"! any *", "--chunk-types any", "! all *", "--chunk-types all", "! only *", "--chunk-types only")

// listSCTP reads "sctp dpt:80 ! any 0x0000:Be,0x0003" too: with -n iptables prints types as numbers.
func listSCTP(words []string) ([]string, int) {
	args, taken := sctpListing(words)
	if i := slices.Index(args, "--chunk-types"); i >= 0 {
		chunks := strings.Split(args[i+2], ",")
		for k, chunk := range chunks {
			number, flags, flagged := strings.Cut(chunk, ":")
			n, err := strconv.ParseUint(number, 0, 8)
			at := slices.IndexFunc(sctpChunks, func(c sctpChunk) bool { return uint64(c.number) == n })
			if err != nil || at < 0 {
				continue
			}
			if chunks[k] = sctpChunks[at].name; flagged {
				chunks[k] += ":" + flags
			}
		}
		args[i+2] = strings.Join(chunks, ",")
	}
	return args, taken
}
