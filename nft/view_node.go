package nft

import "rechain/nft/bytecode"

// node is a part of the tree that the views print. The leaves of the model that need no context ([Meta], [Fib], [Verdict] …) are
// nodes themselves.
type node interface {
	text(p *textPrinter)
	json() any
}

type (
	// literal is a constant in both spellings. JSON has numbers where text has them and strings for the rest.
	literal struct {
		txt string
		js  any
	}

	// payloadNode is a header field, or raw bits when field is nil. Bits may be fewer than the field's.
	payloadNode struct {
		base      bytecode.PayloadBase
		off, bits uint32
		proto     *protocol
		field     *field
		isKey     bool // compared with one value of the protocol above
	}

	// ctNode is conntrack data; family names the protocol of an address of the old kind.
	ctNode struct {
		*CT
		family string
	}

	// exthdrNode is a field of an extension header, or its presence; h and field are nil when the tables have none.
	exthdrNode struct {
		*Exthdr
		off, bits uint32
		h         *header
		field     *field
	}

	hashNode struct {
		*Hash
		of node
	}

	// binaryNode is an operation on bits.
	binaryNode struct {
		op   string // "&", "|", "^", "<<" or ">>"
		l, r node
	}

	prefixNode struct {
		of   node
		bits uint32
	}

	rangeNode struct{ from, to node }

	concatNode struct{ parts []node }

	// listNode is flags of which any will do: "established,related".
	listNode struct{ items []node }

	// setNode is the elements of a set; a line holds perLine of them, 0 as many as there are.
	setNode struct {
		elems   []node
		perLine int
	}

	// setRefNode names a set; a meter prints without "@".
	setRefNode struct {
		name  string
		meter bool
	}

	elemNode struct {
		key              node
		stmts            []node
		timeout, expires uint64 // milliseconds
		comment          string
	}

	mappingNode struct{ key, data node }

	// mapNode looks a key up in a map or, for verdicts, in a verdict map.
	mapNode struct {
		key, data node
		verdicts  bool
	}

	// wordNode is a keyword: "*".
	wordNode string
)

// precedence is that of nft's grammar: what binds weaker inside gets parentheses.
var precedence = map[string]int{"<<": 1, ">>": 1, "&": 2, "^": 3, "|": 4}

// isBinary reports whether a node is an operation on bits, after which "==" must be spelled out.
func isBinary(n node) bool {
	_, ok := n.(*binaryNode)
	return ok
}
