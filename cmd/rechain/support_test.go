package main

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite SUPPORT.md")

// SUPPORT.md is what "rechain support -o markdown" prints. What it says is judged beside the cases, see TestLimits of package translate.
func TestSupportPage(t *testing.T) {
	const page = "../../SUPPORT.md"
	var b bytes.Buffer
	if err := writeSupportPage(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(page, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Error("SUPPORT.md is not current; make it so with: go test ./cmd/rechain -run TestSupportPage -update")
	}
}
