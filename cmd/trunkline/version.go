// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	var check bool
	var address string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program, and what is newer",
		Long: `Version prints the version of this program, and what it was built from.

With --check it asks the project's releases which ones are newer, and prints them with their
notes. Nothing else in Trunkline asks: neither the daemon nor another command does so by itself.
The request says which version asks, and nothing more.

Exit codes with --check: 0 it is the newest; 1 there are newer ones; 2 there is no answer.`,
		Example: `  # Is there anything newer, and what would change?
  trunkline version --check

  # The same, where the releases are mirrored
  trunkline version --check --releases-url https://mirror.example.com/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case check:
				return checkVersion(cmd.Context(), cmd.OutOrStdout(), programVersion(), cmp.Or(address, releasesURL))
			case cmd.Flags().Changed("releases-url"):
				return usagef("--releases-url is for --check: add it")
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText())
			return err
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "ask for what is newer, and print its notes")
	cmd.Flags().StringVar(&address, "releases-url", "", "`URL` of a list of releases, as GitHub's API has it; default: that of the project at GitHub")
	return cmd
}

// versionText says what this program was built from, as the Go toolchain recorded it.
func versionText() string {
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = " " + s.Value
			}
		}
	}
	return fmt.Sprintf("trunkline %s%s %s %s/%s", programVersion(), commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// programVersion is the version of this program's module.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "(unknown)"
}
