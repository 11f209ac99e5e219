package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The sizes of dumps that are measured. nft takes half a minute for the large one, since it puts each list of ports into a set of
// its own.
const (
	large = 100_000
	small = 10_000
)

// dumps measures iptables dumps: translating them, loading them, and loading them again. The files are made in dir.
func dumps(rechain, dir string) ([]scenario, error) {
	file := func(name, text string) (string, error) {
		path := filepath.Join(dir, name)
		return path, os.WriteFile(path, []byte(text), 0o600)
	}
	all := mix(large)
	big, err := file("large.save", all)
	if err != nil {
		return nil, err
	}
	changed, err := file("changed.save", strings.Replace(all, "-j DROP", "-j ACCEPT", 1))
	if err != nil {
		return nil, err
	}
	little, err := file("small.save", mix(small))
	if err != nil {
		return nil, err
	}
	translation, err := exec.Command("iptables-restore-translate", "-f", little).Output()
	if err != nil {
		return nil, err
	}
	translated, err := file("small.nft", string(translation))
	if err != nil {
		return nil, err
	}
	one := func(program string, args ...string) []command { return []command{{program, args, nil}} }
	apply := func(path string) []command { return one(rechain, "apply", "-4", path) }
	return []scenario{
		{"translate 100,000 rules", []*contender{
			{name: "rechain translate", commands: one(rechain, "translate", big)},
			{name: "iptables-restore-translate", commands: one("iptables-restore-translate", "-f", big)},
		}},
		{"load 100,000 rules", []*contender{
			{name: "rechain apply", commands: apply(big)},
			{name: "iptables-legacy-restore", commands: one("iptables-legacy-restore", big)},
			{name: "iptables-nft-restore", commands: one("iptables-nft-restore", big)},
		}},
		{"load 10,000 rules", []*contender{
			{name: "rechain apply", commands: apply(little)},
			{name: "iptables-legacy-restore", commands: one("iptables-legacy-restore", little)},
			{name: "iptables-nft-restore", commands: one("iptables-nft-restore", little)},
			{name: "nft -f of iptables-restore-translate", commands: one("nft", "-f", translated)},
		}},
		{"load 100,000 rules again", []*contender{
			{name: "rechain apply, nothing changed", before: apply(big), commands: apply(big)},
			{name: "rechain apply, one rule changed", before: apply(big), commands: apply(changed)},
			{name: "iptables-legacy-restore", before: one("iptables-legacy-restore", big), commands: one("iptables-legacy-restore", changed)},
			{name: "iptables-nft-restore", before: one("iptables-nft-restore", big), commands: one("iptables-nft-restore", changed)},
		}},
	}, nil
}
