package main

import (
	"bytes"
	"os"

	"rechain/nft/compare"
)

// writePage writes a report as one page to a file, "-" for standard output; "" for none.
func writePage(report *compare.Report, file string) error {
	if file == "" {
		return nil
	}
	var page bytes.Buffer
	if err := report.WriteHTML(&page); err != nil {
		return err
	}
	if file == "-" {
		_, err := os.Stdout.Write(page.Bytes())
		return err
	}
	return usageOr(os.WriteFile(file, page.Bytes(), 0o644))
}

// usageOr is an error of what people gave, if it is one.
func usageOr(err error) error {
	if err == nil {
		return nil
	}
	return usage(err)
}
