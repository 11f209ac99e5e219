package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace. nil is the one that the calling thread is in.
type Namespace struct {
	name string
	file *os.File
}

// namedDirs hold the namespaces that "ip netns add" names (NETNS_RUN_DIR in iproute2); /var/run is a link to /run, but not on
// every system.
var namedDirs = []string{"/run/netns", "/var/run/netns"}

// OpenNamespace opens a network namespace: by its name, as "ip netns" knows it; by the path of a namespace file, which holds a
// slash; or by the id of a process in it. A number that is also a name is taken for the name, as iproute2 does. For "" it
// returns nil, the current namespace, and touches nothing.
func OpenNamespace(spec string) (*Namespace, error) {
	if spec == "" {
		return nil, nil
	}
	file, err := openNamespaceFile(spec)
	if err != nil {
		return nil, err
	}
	if err := isNetworkNamespace(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", file.Name(), err)
	}
	return &Namespace{name: spec, file: file}, nil
}

func openNamespaceFile(spec string) (*os.File, error) {
	if strings.Contains(spec, "/") {
		return os.Open(spec)
	}
	for _, dir := range namedDirs {
		file, err := os.Open(filepath.Join(dir, spec))
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	pid, err := strconv.ParseUint(spec, 10, 31)
	if err != nil {
		return nil, fmt.Errorf("no network namespace %s in %s; \"ip netns list\" shows those that have a name: %w",
			spec, namedDirs[0], fs.ErrNotExist)
	}
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no process %d, and no network namespace of that name in %s: %w", pid, namedDirs[0], err)
	}
	return file, err
}

// isNetworkNamespace asks with ioctl NS_GET_NSTYPE (ioctl_nsfs(2), Linux 4.11).
func isNetworkNamespace(file *os.File) error {
	kind, err := unix.IoctlRetInt(int(file.Fd()), unix.NS_GET_NSTYPE)
	switch {
	case errors.Is(err, unix.ENOTTY):
		return errors.New("not a namespace file, or one whose mount is gone")
	case err != nil:
		return os.NewSyscallError("ioctl NS_GET_NSTYPE", err)
	case kind != unix.CLONE_NEWNET:
		return errors.New("a namespace, but not a network namespace")
	}
	return nil
}

// String is what the namespace was opened by, "" for the current one.
func (ns *Namespace) String() string {
	if ns == nil {
		return ""
	}
	return ns.name
}

// Close lets go of the namespace. What was opened inside it goes on working.
func (ns *Namespace) Close() error {
	if ns == nil {
		return nil
	}
	return ns.file.Close()
}

// Do runs f inside the namespace and returns its error. f runs on an operating system thread of its own: it must not start
// goroutines that need the namespace, and sockets and processes that it starts stay there. For the current namespace f is
// merely called.
func (ns *Namespace) Do(f func() error) error {
	if ns == nil {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		// A thread that is still locked when its goroutine ends is destroyed (runtime.LockOSThread). Only one that is
		// back in its own namespace is unlocked and used again.
		runtime.LockOSThread()
		home, homeErr := os.Open("/proc/thread-self/ns/net")
		if homeErr == nil {
			defer home.Close()
		}
		if err := enter(ns.file); err != nil {
			done <- fmt.Errorf("enter network namespace %s: %w", ns, err)
			return
		}
		err := f()
		if homeErr == nil && enter(home) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

func enter(file *os.File) error {
	err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("setns: %w; needs CAP_SYS_ADMIN here and in the namespace's user namespace", err)
	}
	return os.NewSyscallError("setns", err)
}
