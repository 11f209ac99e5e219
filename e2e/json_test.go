package e2e

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// left is what not every nft prints, up to 1.0.6 at least: of which kind of object, and its key.
var left = map[string]string{"table": "comment", "chain": "dev"}

// cmpjson compares two files of libnftables JSON by content. Who wrote them (metainfo) does not count, nor whether chains come before
// sets, as since nft 1.1.0, or after.
//
//	cmpjson FILE FILE
func (s *script) cmpjson(args []string) {
	if len(args) != 2 {
		s.Fatalf("usage: cmpjson FILE FILE")
	}
	if d := cmp.Diff(s.objects(args[0]), s.objects(args[1])); d != "" {
		s.Fatalf("- %s, + %s:\n%s", args[0], args[1], d)
	}
}

// objects reads what is in a rule set.
func (s *script) objects(file string) []map[string]any {
	var doc struct{ Nftables []map[string]any }
	if err := json.Unmarshal([]byte(s.ReadFile(file)), &doc); err != nil {
		s.Fatalf("%s: %v", file, err)
	}
	var objects []map[string]any
	for _, o := range doc.Nftables {
		if _, isMeta := o["metainfo"]; isMeta {
			continue
		}
		for of, key := range left {
			if object, ok := o[of].(map[string]any); ok {
				delete(object, key)
			}
		}
		objects = append(objects, o)
	}
	slices.SortStableFunc(objects, func(a, b map[string]any) int { return strings.Compare(kind(a), kind(b)) })
	return objects
}

// kind is what kind of object one is: its only key.
func kind(object map[string]any) string {
	for key := range object {
		return key
	}
	return ""
}
