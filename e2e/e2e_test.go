package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// binDir is where the rechain of this test run is.
var binDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds rechain and runs the tests with it. Anybody may execute what it builds, since scripts do so as other users.
func run(m *testing.M) int {
	var err error
	if binDir, err = os.MkdirTemp("", "rechain-e2e"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binDir)
	if err := os.Chmod(binDir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := exec.Command("go", "build", "-trimpath", "-o", binDir, "rechain/cmd/rechain")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build rechain:", err)
		return 1
	}
	return m.Run()
}

// commands are those that scripts have beside testscript's own and the programs.
var commands = map[string]func(*script, []string){
	"needs":       (*script).needs,
	"supports":    (*script).supports,
	"exits":       (*script).exits,
	"commits":     (*script).commits,
	"wire":        (*script).wire,
	"listen":      (*script).listen,
	"connect":     (*script).connect,
	"say":         (*script).say,
	"connections": (*script).connections,
	"decides":     (*script).decides,
	"agree":       (*script).agree,
	"orphan":      (*script).orphan,
	"hammer":      (*script).hammer,
	"http":        (*script).http,
	"forward":     (*script).forward,
	"socks":       (*script).socks,
	"interrupt":   (*script).interrupt,
	"cmpjson":     (*script).cmpjson,
}

func TestScripts(t *testing.T) {
	cmds := map[string]func(*testscript.TestScript, bool, []string){}
	for name, f := range commands {
		cmds[name] = command(f)
	}
	for _, name := range programs {
		cmds[name] = command(func(s *script, args []string) { s.exitCode(0, append([]string{name}, args...)) })
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Cmds:                cmds,
		Condition:           condition,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			s := &script{t: env.T(), named: map[string]*space{}}
			env.Values[scriptKey{}] = s
			env.Setenv("PATH", binDir+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
			root, err := filepath.Abs("..")
			if err != nil {
				return err
			}
			env.Setenv("ROOT", root)
			env.Setenv("RECHAIN", filepath.Join(binDir, "rechain"))
			env.Setenv("SEED", filepath.Join(root, seed))
			env.Setenv("CORPUS", filepath.Join(root, corpus))
			return s.isolate(env)
		},
	})
}

// seed is the listing that rechain started from. It is not part of this repository.
const seed = "../shared/seed/istio-sidecar.list"

// corpus is where real dumps are. They are not part of this repository either.
const corpus = "../shared/corpus"

// condition knows what a script may ask for beside testscript's own conditions: [seed] and [corpus], whether $SEED and $CORPUS are there.
func condition(name string) (bool, error) {
	path, known := map[string]string{"seed": seed, "corpus": corpus}[name]
	if !known {
		return false, fmt.Errorf("there is no condition %q", name)
	}
	_, err := os.Stat(filepath.Join("..", path))
	return err == nil, nil
}

// script is what a running script's own commands work with.
type script struct {
	*testscript.TestScript // during a command
	t                      testscript.T
	pod                    *space
	named                  map[string]*space
	wires                  int
	hammers                []*hammer
}

type scriptKey struct{}

// command makes a function a command of testscript's. "!" has no meaning for them: exits says which failure is wanted.
func command(f func(*script, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf(`"!" does not say how to fail; use exits`)
		}
		s := ts.Value(scriptKey{}).(*script)
		s.TestScript = ts
		f(s, args)
	}
}

// need skips the script when it lacks something, or fails it where everything has to run.
func (s *script) need(ok bool, what string) {
	switch {
	case ok:
	case os.Getenv("RECHAIN_REQUIRE") == "1":
		s.t.Fatal("needs " + what)
	default:
		s.t.Skip("needs " + what)
	}
}
