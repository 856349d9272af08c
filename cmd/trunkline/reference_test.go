// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// TestReferenceOfCommands holds docs/reference/commands.md to what --help prints; -update writes it again.
func TestReferenceOfCommands(t *testing.T) {
	var index, body strings.Builder
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	shells := []string{"bash", "zsh", "fish", "powershell"}
	eachCommand(root, func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" || slices.Contains(shells, c.Name()) { // scripts for shells explain themselves
			return
		}
		fmt.Fprintf(&index, "| [`%s`](#%s) | %s |\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), strings.ReplaceAll(c.Short, "|", `\|`))
		fmt.Fprintf(&body, "\n## %s\n\n```text\n%s\n```\n", c.CommandPath(), strings.TrimRight(helpOf(c), "\n"))
	})
	want := "# Commands\n\n<!-- Made by go test ./cmd/trunkline -run TestReferenceOfCommands -update. -->\n\n" +
		"What `--help` prints of each.\n\n| command | what it does |\n| --- | --- |\n" + index.String() + body.String()
	path := filepath.Join("..", "..", "docs", "reference", "commands.md")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not current: run `make golden` (-want +got):\n%s", path, diff)
	}
}

// TestGroupsOfCommands: a group that does nothing by itself would answer any mistake with its help, and success.
func TestGroupsOfCommands(t *testing.T) {
	eachCommand(newRoot(), func(c *cobra.Command) {
		if c.HasAvailableSubCommands() && c.HasParent() && !c.Runnable() {
			t.Errorf("%s has no RunE: have it name its commands", c.CommandPath())
		}
	})
}

// TestCommandsAreThereOnce: a command that is registered twice would be listed twice, and only the first of them be run.
func TestCommandsAreThereOnce(t *testing.T) {
	seen := map[string]bool{}
	eachCommand(newRoot(), func(c *cobra.Command) {
		if seen[c.CommandPath()] {
			t.Errorf("%s is registered twice", c.CommandPath())
		}
		seen[c.CommandPath()] = true
	})
}
