package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "rechain",
		Short: "transparent redirects and iptables rule sets, natively in nftables",
		Long: `rechain takes the iptables chain model to nftables, over netlink, without running any other program.

Exit codes: 0 yes, same or done; 1 no, different or refused; 2 usage or unreadable input; 3 the kernel or permissions
said no, and nothing was changed.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newRedirect(), newTranslate(), newApply(), newShow(), newCompare(), newLint(), newTrace(), newSupport())
	return root
}

// version is what the Go toolchain recorded of the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
