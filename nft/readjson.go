package nft

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// JSONReader says how [ReadJSON] takes what only a host knows. The zero value knows nothing but the loopback device.
type JSONReader struct {
	// File is what origins and errors call the text.
	File string
	// Ifindex gives the index of an interface by its name, 0 if it does not know it.
	Ifindex func(name string) uint32
	// Cgroup gives the number of a version 2 control group by its path, 0 if it does not know it.
	Cgroup func(path string) uint64
}

// ReadJSON reads what "nft -j list ruleset" and [WriteJSON] print (libnftables-json(5)), and makes of it what nft 1.0.6 would: matches that
// a field implies are added, and comparisons of adjacent fields become one. Times of day are in UTC.
//
// What is not known is an error that says where it stands, like what the JSON does not tell: the contents of compat expressions, and the
// length of plain numbers in a set that no rule uses. All errors of a text are joined. Commands ("add", "flush" …) are errors.
func ReadJSON(text string, opt JSONReader) (*Ruleset, error) {
	items, err := opt.split(text)
	if err != nil {
		return nil, err
	}
	r := &jsonReader{JSONReader: opt, rs: &Ruleset{}}
	// Rules name chains and sets, elements name chains: what is named comes first.
	var errs []error
	for _, kinds := range [][]string{{"metainfo"}, {"table"}, {"chain", "set", "map", "flowtable"}, objectWords(), {"rule"}, {"element"}} {
		for i := range items {
			if it := &items[i]; !it.taken && it.is(kinds) {
				it.taken = true
				errs = append(errs, r.guarded(it, r.item))
			}
		}
	}
	for i := range items {
		if it := &items[i]; !it.taken {
			errs = append(errs, r.guarded(it, func(it *jsonItem) { it.node.fail("is not known; only listings are read, not commands") }))
		}
	}
	errs = append(errs, r.settleSets())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r.rs, nil
}

// jsonItem is one of the listing's items with its place.
type jsonItem struct {
	node      *jsonNode
	kind      string
	body      *jsonNode
	line, col int
	taken     bool
}

func (it *jsonItem) is(kinds []string) bool {
	for _, k := range kinds {
		if k == it.kind {
			return true
		}
	}
	return false
}

// split reads the frame: an object whose only member "nftables" is an array of objects with one member each.
func (opt JSONReader) split(text string) ([]jsonItem, error) {
	d := json.NewDecoder(strings.NewReader(text))
	at := lineCounter{text: text, line: 1}
	fail := func(format string, args ...any) error {
		line, col := at.of(int(d.InputOffset()))
		return fmt.Errorf("%s:%d:%d: %s", opt.File, line, col, fmt.Sprintf(format, args...))
	}
	for _, want := range []any{json.Delim('{'), "nftables", json.Delim('[')} {
		if t, err := d.Token(); err != nil || t != want {
			return nil, fail("is not a listing of nft: it begins with {\"nftables\": [")
		}
	}
	var items []jsonItem
	for i := 0; d.More(); i++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, fail("%v", err)
		}
		it := jsonItem{node: &jsonNode{step: fmt.Sprintf("nftables[%d]", i)}}
		it.line, it.col = at.of(int(d.InputOffset()) - len(raw) + 1)
		inner := json.NewDecoder(bytes.NewReader(raw))
		inner.UseNumber()
		if err := inner.Decode(&it.node.value); err != nil {
			return nil, fail("%v", err)
		}
		it.kind, it.body, _ = it.node.single()
		items = append(items, it)
	}
	for _, want := range []any{json.Delim(']'), json.Delim('}')} {
		if t, err := d.Token(); err != nil || t != want {
			return nil, fail("ends too early, or has more than one member")
		}
	}
	if strings.TrimSpace(text[d.InputOffset():]) != "" {
		return nil, fail("has text behind its end")
	}
	return items, nil
}

// lineCounter turns offsets, which only grow, into lines and columns.
type lineCounter struct {
	text        string
	done, start int
	line        int
}

func (c *lineCounter) of(offset int) (line, col int) {
	for ; c.done < offset; c.done++ {
		if c.text[c.done] == '\n' {
			c.line, c.start = c.line+1, c.done+1
		}
	}
	return c.line, offset - c.start
}

// jsonReader collects the rule set.
type jsonReader struct {
	JSONReader
	rs *Ruleset
	at *jsonItem // that is being read
	// sets are declarations of which rules have yet to tell something.
	sets []*jsonSet
}

func (r *jsonReader) guarded(it *jsonItem, read func(*jsonItem)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(*jsonError)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("%s:%d:%d: %w", r.File, it.line, it.col, e)
		}
	}()
	r.at = it
	read(it)
	return nil
}

func (r *jsonReader) item(it *jsonItem) {
	switch it.kind {
	case "metainfo":
	case "table":
		r.table(it.body.members())
	case "chain":
		r.chain(it.body.members())
	case "set", "map":
		r.set(it.body.members(), it.kind == "map")
	case "flowtable":
		r.flowtable(it.body.members())
	case "rule":
		r.rule(it.body.members())
	case "element":
		r.element(it.body.members())
	default:
		r.object(it.kind, it.body.members())
	}
}

func (r *jsonReader) origin() Origin {
	return Origin{File: r.File, Line: r.at.line, Col: r.at.col, Key: r.at.node.step}
}
