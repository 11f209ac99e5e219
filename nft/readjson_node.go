package nft

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// jsonNode is a value that was read, and the way to it: "rule.expr[2].match.left".
type jsonNode struct {
	value any
	up    *jsonNode
	step  string
}

// jsonError says what is wrong with a value. It is the panic of reading one item.
type jsonError struct{ path, msg string }

func (e *jsonError) Error() string { return e.path + ": " + e.msg }

func (n *jsonNode) path() string {
	if n.up == nil {
		return n.step
	}
	return n.up.path() + n.step
}

// fail gives up the item.
func (n *jsonNode) fail(format string, args ...any) {
	panic(&jsonError{n.path(), fmt.Sprintf(format, args...)})
}

func (n *jsonNode) child(step string, value any) *jsonNode { return &jsonNode{value, n, step} }

// str is a string.
func (n *jsonNode) str() string {
	s, ok := n.value.(string)
	if !ok {
		n.fail("is %s, not a string", n.kind())
	}
	return s
}

// num is a number that fits into so many bits.
func (n *jsonNode) num(bits int) uint64 {
	v, ok := n.value.(json.Number)
	if !ok {
		n.fail("is %s, not a number", n.kind())
	}
	u, err := strconv.ParseUint(v.String(), 10, bits)
	if err != nil {
		n.fail("%s is no number of %d bits", v, bits)
	}
	return u
}

// signed is a number that may be negative.
func (n *jsonNode) signed() int32 {
	v, ok := n.value.(json.Number)
	i, err := strconv.ParseInt(v.String(), 10, 32)
	if !ok || err != nil {
		n.fail("is %s, not a number of 32 bits", n.kind())
	}
	return int32(i)
}

// wrapped is a number of 32 bits, which nft prints with a sign where it should not.
func (n *jsonNode) wrapped() uint32 {
	if v, ok := n.value.(json.Number); ok && strings.HasPrefix(v.String(), "-") {
		return uint32(n.signed())
	}
	return uint32(n.num(32))
}

func (n *jsonNode) yes() bool {
	b, ok := n.value.(bool)
	if !ok {
		n.fail("is %s, not true or false", n.kind())
	}
	return b
}

// list is an array.
func (n *jsonNode) list() []*jsonNode {
	a, ok := n.value.([]any)
	if !ok {
		n.fail("is %s, not an array", n.kind())
	}
	out := make([]*jsonNode, len(a))
	for i, v := range a {
		out[i] = n.child(fmt.Sprintf("[%d]", i), v)
	}
	return out
}

// items are an array's values, or a value that stands by itself, as nft prints one of several.
func (n *jsonNode) items() []*jsonNode {
	if _, ok := n.value.([]any); ok {
		return n.list()
	}
	return []*jsonNode{n}
}

func (n *jsonNode) pair() (a, b *jsonNode) {
	l := n.list()
	if len(l) != 2 {
		n.fail("has %d values, not 2", len(l))
	}
	return l[0], l[1]
}

func (n *jsonNode) isNull() bool { return n.value == nil }

// single takes apart an object of one member; ok says whether it is one.
func (n *jsonNode) single() (key string, value *jsonNode, ok bool) {
	o, _ := n.value.(map[string]any)
	if len(o) != 1 {
		return "", nil, false
	}
	for k, v := range o {
		key, value = k, n.child("."+k, v)
	}
	return key, value, true
}

// jsonMembers is an object of which each member has to be asked for.
type jsonMembers struct {
	*jsonNode
	left map[string]any
}

// members is an object; null is one without any.
func (n *jsonNode) members() *jsonMembers {
	o, ok := n.value.(map[string]any)
	if !ok && !n.isNull() {
		n.fail("is %s, not an object", n.kind())
	}
	return &jsonMembers{n, maps.Clone(o)}
}

// get is a member, or nil when there is none.
func (o *jsonMembers) get(key string) *jsonNode {
	v, ok := o.left[key]
	if !ok {
		return nil
	}
	delete(o.left, key)
	return o.child("."+key, v)
}

// need is a member that must be there.
func (o *jsonMembers) need(key string) *jsonNode {
	n := o.get(key)
	if n == nil {
		o.fail("lacks %q", key)
	}
	return n
}

// number is an optional number, 0 when it is absent.
func (o *jsonMembers) number(key string, bits int) uint64 {
	if n := o.get(key); n != nil {
		return n.num(bits)
	}
	return 0
}

// text is an optional string, "" when it is absent.
func (o *jsonMembers) text(key string) string {
	if n := o.get(key); n != nil {
		return n.str()
	}
	return ""
}

// flag is an optional truth.
func (o *jsonMembers) flag(key string) bool {
	n := o.get(key)
	return n != nil && n.yes()
}

// done fails if there is a member that nobody asked for.
func (o *jsonMembers) done() {
	for _, k := range slices.Sorted(maps.Keys(o.left)) {
		o.child("."+k, nil).fail("is not known")
	}
}

func (n *jsonNode) kind() string {
	switch v := n.value.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "an array"
	}
	return "an object"
}

// word is the place of a string in a list.
func (n *jsonNode) word(words ...string) int {
	i := slices.Index(words, n.str())
	if i < 0 {
		n.fail("%q is not known", n.str())
	}
	return i
}

// bits are flags by their names.
func (n *jsonNode) bits(names ...string) (flags uint32) {
	for _, w := range n.items() {
		flags |= 1 << w.word(names...)
	}
	return flags
}
