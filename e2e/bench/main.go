// Command bench measures rechain beside its peers in one run and prints ratios first, since machines are noisy. It needs root and
// works in network namespaces of its own.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	rechain := flag.String("rechain", "bin/rechain", "the binary to measure")
	runs := flag.Int("runs", 60, "how often each redirect is programmed")
	dumpRuns := flag.Int("dump-runs", 3, "how often each dump is translated and loaded; 0 leaves them out")
	flag.Parse()
	if err := bench(*rechain, *runs, *dumpRuns); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// sidecar is the configuration that is programmed: what Istio's injector gives to istio-iptables in a pod, for both families.
var sidecar = []string{"-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*",
	"-d", "15090,15021,15020", "--ipv6", "on"}

// changed is the same with one more port excluded.
var changed = append(slices.Clone(sidecar[:len(sidecar)-2]), "-d", "15090,15021,15020,9090", "--ipv6", "on")

func bench(rechain string, runs, dumpRuns int) error {
	apply := func(config []string) command {
		return command{rechain, append([]string{"redirect", "apply"}, config...), nil}
	}
	// nft gets the rules as Istio's backend writes them: into a table that is emptied first.
	nft := func(config []string) (command, error) {
		rules, err := exec.Command(rechain, append([]string{"redirect", "plan", "--output", "nft"}, config...)...).Output()
		if err != nil {
			return command{}, fmt.Errorf("plan: %w", err)
		}
		const emptied = "add table inet rechain-nat\nflush table inet rechain-nat\n"
		return command{"nft", []string{"-f", "-"}, append([]byte(emptied), rules...)}, nil
	}
	load, err := nft(sidecar)
	if err != nil {
		return err
	}
	loadChanged, err := nft(changed)
	if err != nil {
		return err
	}
	scenarios := []scenario{
		{"the first time", []*contender{
			{name: "rechain redirect apply", commands: []command{apply(sidecar)}},
			{name: "nft -f of the same rules", commands: []command{load}},
			{name: "three processes, as Istio's nftables backend", commands: []command{
				{"nft", []string{"--version"}, nil}, {"nft", []string{"--check", "-f", "-"}, load.input}, load}},
		}},
		{"again, nothing changed", []*contender{
			{name: "rechain redirect apply", before: []command{apply(sidecar)}, commands: []command{apply(sidecar)}},
			{name: "nft -f of the same rules", before: []command{load}, commands: []command{load}},
		}},
		{"again, one port changed", []*contender{
			{name: "rechain redirect apply", before: []command{apply(sidecar)}, commands: []command{apply(changed)}},
			{name: "nft -f of the same rules", before: []command{load}, commands: []command{loadChanged}},
		}},
	}
	fmt.Printf("%s\nTaking turns, in fresh network namespaces; ratios are to the first of each block\n", machine())
	if err := compete(scenarios, runs); err != nil {
		return err
	}
	if dumpRuns == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if scenarios, err = dumps(rechain, dir); err != nil {
		return err
	}
	return compete(scenarios, dumpRuns)
}

// compete runs scenarios and reports. Everybody takes a turn in each round, so that what else the machine does hits all alike.
func compete(scenarios []scenario, runs int) error {
	for range runs {
		for _, s := range scenarios {
			for _, c := range s.contenders {
				if err := c.run(); err != nil {
					return err
				}
			}
		}
	}
	report(scenarios, runs)
	return nil
}

// scenario is contenders that are measured against the first of them.
type scenario struct {
	name       string
	contenders []*contender
}

// command is a program with its arguments and input.
type command struct {
	program string
	args    []string
	input   []byte
}

// contender is what is measured: commands one after the other in a fresh network namespace.
type contender struct {
	name             string
	before, commands []command // before is not measured
	took             []time.Duration
	peak             int64 // the most memory that one of the processes had, in kilobytes
}

// run makes a namespace, and measures from the start of the first process to the end of the last.
func (c *contender) run() error {
	result := make(chan error)
	go func() {
		// The thread is in another namespace from here on and ends with the goroutine.
		runtime.LockOSThread()
		result <- c.inNamespace()
	}()
	return <-result
}

func (c *contender) inNamespace() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make a network namespace: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	for _, cmd := range c.before {
		if _, err := cmd.run(); err != nil {
			return err
		}
	}
	start := time.Now()
	for _, cmd := range c.commands {
		peak, err := cmd.run()
		if err != nil {
			return err
		}
		c.peak = max(c.peak, peak)
	}
	c.took = append(c.took, time.Since(start))
	return nil
}

// run returns the most memory that the process had, in kilobytes.
func (c command) run() (peak int64, err error) {
	cmd := exec.Command(c.program, c.args...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(c.input), &said
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s %s: %w\n%s", c.program, strings.Join(c.args, " "), err, &said)
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss, nil
}

// loopbackUp brings lo up (netdevice(7), SIOCSIFFLAGS).
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

func report(scenarios []scenario, runs int) {
	for _, s := range scenarios {
		fmt.Printf("\n%s, %d runs\n", s.name, runs)
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "ratio\tmedian\tfastest\tmemory\t ")
		first := median(s.contenders[0].took)
		for _, c := range s.contenders {
			m := median(c.took)
			fmt.Fprintf(w, "%.2f\t%.2f ms\t%.2f ms\t%d MB\t %s\n", float64(m)/float64(first), ms(m), ms(slices.Min(c.took)), c.peak/1024, c.name)
		}
		w.Flush()
	}
}

func median(ds []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[len(sorted)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// machine says what this is measured on.
func machine() string {
	var u unix.Utsname
	kernel := "unknown kernel"
	if unix.Uname(&u) == nil {
		kernel = "Linux " + unix.ByteSliceToString(u.Release[:])
	}
	version, err := exec.Command("nft", "--version").Output()
	if err != nil {
		version = []byte("no nft")
	}
	return fmt.Sprintf("%s, %d CPUs, %s, %s", kernel, runtime.NumCPU(), strings.TrimSpace(string(version)), runtime.Version())
}
