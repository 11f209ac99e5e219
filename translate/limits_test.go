//go:build linux

package translate

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rechain/translate/ext"
)

// What descriptors say of their limits is what the cases show, which iptables and the kernel judge: an extension with a case that is
// refused or lossy says so, and one that says so has such a case.
func TestLimits(t *testing.T) {
	shown := map[string]map[string]bool{"refused": {}, "lossy": {}}
	files, err := filepath.Glob("ext/*.txtar")
	must(t, err)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		must(t, err)
		for _, f := range archive.Files {
			c, err := parseCase(f)
			must(t, err)
			for block, lines := range c.blocks {
				if names := shown[strings.TrimSuffix(block, " ip6")]; names != nil {
					for _, line := range lines {
						name, _, _ := strings.Cut(line, ": ")
						names[name] = true
					}
				}
			}
		}
	}
	said := map[string]map[string]string{"refused": {}, "lossy": {}}
	for _, e := range ext.Support() { // where the families differ, each has an entry
		said["refused"][e.Name] += e.Refused
		said["lossy"][e.Name] += e.Lossy
	}
	for kind, names := range said {
		for name, says := range names {
			if shown[kind][name] != (says != "") {
				t.Errorf("%s: has a case that is %s: %t; says: %q", name, kind, shown[kind][name], says)
			}
		}
	}
}
