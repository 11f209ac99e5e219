package nft_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// sameJSON compares item by item, but for what nft 1.0.6 has no JSON for: comments of tables and chains, devices of chains,
// merging sets, chains that rules hold themselves, and updates of maps, which it prints as text. A table's only flag makes it print garbage.
func (l *lab) sameJSON(name, theirs, ours string, wrong map[string]bool) {
	l.t.Helper()
	want, err := jsonItems(theirs)
	if err != nil && strings.Contains(theirs, `"flags": `) {
		l.t.Logf("%s: nft's JSON is broken: %v", name, err)
		return
	}
	got, err := jsonItems(ours)
	if err != nil {
		l.t.Fatalf("%s: our JSON is broken: %v", name, err)
	}
	got = slices.DeleteFunc(got, func(item any) bool { return strings.HasPrefix(chainOf(item), "__chain") })
	chainsFirst(want)
	if len(want) != len(got) {
		l.t.Errorf("%s: nft's JSON has %d items, ours %d", name, len(want), len(got))
		return
	}
	for i := range want {
		beyondSchema(want[i], got[i])
		if !wrong[handleOf(want[i])] && !reflect.DeepEqual(want[i], got[i]) {
			w, _ := json.Marshal(want[i])
			g, _ := json.Marshal(got[i])
			l.t.Errorf("%s: JSON %d\n nft %s\n  we %s", name, i, w, g)
		}
	}
}

// chainsFirst puts each table's chains behind it, which nft 1.0.6 does not.
func chainsFirst(items []any) {
	rank := func(item any) int {
		for key := range item.(map[string]any) {
			if r, ok := map[string]int{"metainfo": 0, "table": 0, "chain": 1, "rule": 3}[key]; ok {
				return r
			}
		}
		return 2
	}
	for start := 0; start < len(items); {
		end := start + 1
		for end < len(items) && rank(items[end]) != 0 {
			end++
		}
		slices.SortStableFunc(items[start:end], func(a, b any) int { return rank(a) - rank(b) })
		start = end
	}
}

// handleOf is the handle of a rule.
func handleOf(item any) string {
	top, _ := item.(map[string]any)
	rule, _ := top["rule"].(map[string]any)
	return fmt.Sprint(rule["handle"])
}

// chainOf is the chain that an item is or belongs to.
func chainOf(item any) string {
	top, _ := item.(map[string]any)
	chain, _ := top["chain"].(map[string]any)
	if name, ok := chain["name"].(string); ok {
		return name
	}
	rule, _ := top["rule"].(map[string]any)
	name, _ := rule["chain"].(string)
	return name
}

// beyondSchema takes out of ours what theirs has no word for.
func beyondSchema(theirs, ours any) {
	w, _ := theirs.(map[string]any)
	g, _ := ours.(map[string]any)
	for key := range g {
		wItem, _ := w[key].(map[string]any)
		gItem, _ := g[key].(map[string]any)
		if key == "table" || key == "chain" {
			delete(gItem, "comment")
			delete(gItem, "dev")
		}
		delete(gItem, "auto-merge")
		wStmts, _ := wItem["expr"].([]any)
		gStmts, _ := gItem["expr"].([]any)
		for i := range min(len(wStmts), len(gStmts)) {
			if _, isText := wStmts[i].(string); isText {
				wStmts[i], gStmts[i] = nil, nil
			}
		}
	}
}

func jsonItems(text string) ([]any, error) {
	var top struct{ Nftables []any }
	err := json.Unmarshal([]byte(moving.ReplaceAllString(text, "")), &top)
	return top.Nftables, err
}
