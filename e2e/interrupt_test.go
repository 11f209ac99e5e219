package e2e

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

// interrupt runs command A, then kills command B (SIGKILL) at a random moment of its life, N times over. Each time the rule set must
// be what A left or what B makes of it, and nothing else. It prints how often it was which.
//
//	interrupt N A... -- B...
func (s *script) interrupt(args []string) {
	n, err := strconv.Atoi(args[0])
	split := slices.Index(args, "--")
	if err != nil || split < 2 {
		s.Fatalf("usage: interrupt N COMMAND... -- COMMAND...")
	}
	a, b := args[1:split], args[split+1:]
	s.exitCode(0, a)
	before := s.rules()
	start := time.Now()
	s.exitCode(0, b)
	life := time.Since(start)
	after := s.rules()
	if before == after {
		s.Fatalf("the second command changes nothing")
	}
	var kept, made int
	for range n {
		s.exitCode(0, a)
		s.kill(b, rand.N(life*5/4))
		switch s.rules() {
		case before:
			kept++
		case after:
			made++
		default:
			s.Fatalf("neither the one rule set nor the other:\n%s", s.rules())
		}
	}
	fmt.Fprintf(s.Stdout(), "before: %d, after: %d\n", kept, made)
}

// kill starts a command and kills it after some time.
func (s *script) kill(command []string, after time.Duration) {
	cmd := exec.Command(s.lookPath(command[0]), command[1:]...)
	s.Check(cmd.Start())
	time.Sleep(after)
	cmd.Process.Kill()
	cmd.Wait()
}

// rules lists the pod's rules, without what is counted.
func (s *script) rules() string {
	out, err := exec.Command(s.lookPath("nft"), "-s", "list", "ruleset").CombinedOutput()
	if err != nil {
		s.Fatalf("nft list ruleset: %v\n%s", err, out)
	}
	return string(out)
}
