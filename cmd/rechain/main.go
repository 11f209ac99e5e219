// Command rechain takes the iptables chain model to nftables: it programs transparent redirects, applies and shows rule sets, and
// runs no other program to do so.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
)

// Exit codes. 0 is yes, same, done.
const (
	exitNo     = 1 // different, drifted, refused
	exitUsage  = 2 // usage, or input that cannot be read
	exitKernel = 3 // the kernel or permissions said no; nothing is half done
)

// exitError is an error with the code to exit with. A nil err was already said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func no(err error) error         { return &exitError{exitNo, err} }
func usage(err error) error      { return &exitError{exitUsage, err} }
func kernelSays(err error) error { return &exitError{exitKernel, err} }

// garbage is how much may be thrown away before it is collected, in percent of what is in use: this is a short life, and nearly all
// that is made of a rule set is needed to the end of it.
const garbage = 400

func main() {
	debug.SetGCPercent(garbage)
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	if s := err.Error(); s != "" {
		fmt.Fprintln(os.Stderr, s)
	}
	var e *exitError
	if errors.As(err, &e) {
		return e.code
	}
	return exitUsage
}
