// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages of this program",
		Long: `Man writes a page for the program and for each of its commands, in the format of man, into a folder.

Packages of Trunkline bring these pages along; this is for a program that was built from source.`,
		Example: `  # For one's own account
  trunkline man --dir ~/.local/share/man/man1
  man trunkline-serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if folder == "" {
				return usagef("say where the pages go: --dir FOLDER")
			}
			if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // pages are no secret
				return err
			}
			root := cmd.Root()
			quiet(root)
			built := buildTime()
			header := &doc.GenManHeader{Section: "1", Source: "trunkline " + programVersion(), Manual: "Trunkline", Date: &built}
			if err := doc.GenManTree(root, header, folder); err != nil {
				return fmt.Errorf("writing the pages: %w", err)
			}
			pages, err := os.ReadDir(folder)
			if err != nil {
				return err
			}
			written := 0
			for _, p := range pages {
				if strings.HasPrefix(p.Name(), "trunkline") {
					written++
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s has the pages of %d commands\n", folder, written)
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "dir", "", "`folder` to write the pages to, which is created if needed")
	return cmd
}

// quiet has pages not say when and by what they were written: their date is that of the program.
func quiet(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	for _, c := range cmd.Commands() {
		quiet(c)
	}
}

// buildTime is the time of the commit that this program was built of, so that its pages are the same whenever they are written.
func buildTime() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if at, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				return at.UTC()
			}
		}
	}
	return time.Unix(0, 0).UTC()
}
