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
	for _, e := range ext.Support() {
		for kind, says := range map[string]string{"refused": e.Refused, "lossy": e.Lossy} {
			if shown[kind][e.Name] != (says != "") {
				t.Errorf("%s: has a case that is %s: %t; says: %q", e.Name, kind, shown[kind][e.Name], says)
			}
		}
	}
}
