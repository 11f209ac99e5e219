package nft

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON is built of jsonObject, jsonArray, string, bool, integers and nil, and printed with the spacing and the order of members
// that nft's library (jansson) gives it, so that outputs can be compared as text.
type (
	jsonObject []jsonMember
	jsonMember struct {
		key   string
		value any
	}
	jsonArray []any
)

// metainfo names the program whose schema this is (libnftables-json(5)).
var metainfo = jsonObject{{"metainfo", jsonObject{
	{"version", "1.0.6"}, {"release_name", "Lester Gooch #5"}, {"json_schema_version", uint64(1)},
}}}

// with appends a member.
func (o jsonObject) with(key string, value any) jsonObject { return append(o, jsonMember{key, value}) }

// single wraps a value in an object of one member, as the schema does with every expression and statement.
func single(key string, value any) jsonObject { return jsonObject{{key, value}} }

func encodeJSON(v any) string {
	var b strings.Builder
	writeJSON(&b, v)
	return b.String()
}

func writeJSON(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case jsonObject:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSONString(b, m.key)
			b.WriteString(": ")
			writeJSON(b, m.value)
		}
		b.WriteByte('}')
	case jsonArray:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	case string:
		writeJSONString(b, v)
	default:
		fmt.Fprint(b, v)
	}
}

// writeJSONString escapes what JSON must (RFC 8259, section 7) and no more. Bytes that are not UTF-8 become U+FFFD.
func writeJSONString(b *strings.Builder, s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case short[r] != "":
			b.WriteString(short[r])
		case r < 0x20:
			b.WriteString(`\u` + strings.ToUpper(strconv.FormatInt(0x10000+int64(r), 16)[1:]))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// jsonList is the JSON of nodes.
func jsonList(nodes []node) jsonArray {
	list := make(jsonArray, len(nodes))
	for i, n := range nodes {
		list[i] = n.json()
	}
	return list
}

// oneOrMany is a string, or an array of several; nil for none.
func oneOrMany(names []string) any {
	switch len(names) {
	case 0:
		return nil
	case 1:
		return names[0]
	}
	return jsonStrings(names)
}

func jsonStrings(names []string) jsonArray {
	list := make(jsonArray, len(names))
	for i, s := range names {
		list[i] = s
	}
	return list
}

// orNull is an object, or null when it has no member.
func orNull(o jsonObject) any {
	if len(o) == 0 {
		return nil
	}
	return o
}
