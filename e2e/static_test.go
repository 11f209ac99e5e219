package e2e

import (
	"debug/elf"
	"path/filepath"
	"testing"
)

// TestStatic looks for what a program that needs other files at run time has.
func TestStatic(t *testing.T) {
	f, err := elf.Open(filepath.Join(binDir, "rechain"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary has a %s segment", p.Type)
		}
	}
}
