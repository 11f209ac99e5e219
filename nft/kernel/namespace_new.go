package kernel

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// NewNamespace makes a network namespace, in which only lo is, which is down. It lasts until it is closed, or as long as something lives
// in it. It needs CAP_SYS_ADMIN.
func NewNamespace() (*Namespace, error) {
	type made struct {
		file *os.File
		err  error
	}
	done := make(chan made)
	go func() {
		file, err := unshare()
		done <- made{file, err}
	}()
	m := <-done
	if m.err != nil {
		return nil, m.err
	}
	return &Namespace{name: fmt.Sprintf("/proc/self/fd/%d", m.file.Fd()), file: m.file}, nil
}

// unshare makes a namespace on the thread that it runs on, and brings the thread home. One that does not get home stays locked, and ends with
// its goroutine.
func unshare() (*os.File, error) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer home.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("make a network namespace: %w; needs CAP_SYS_ADMIN", err)
	}
	file, err := os.Open("/proc/thread-self/ns/net")
	if enter(home) == nil {
		runtime.UnlockOSThread()
	}
	return file, err
}

// Fd is the descriptor of the namespace's file, which is open until Close.
func (ns *Namespace) Fd() uintptr { return ns.file.Fd() }
