// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is one of a page in Markdown: commands, and what they print.
var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```\n\n(?:```text\n(.*?)^```\n)?")

// TestTour runs what docs/tour.md shows, in one shell, and compares what is printed; "…" stands for anything.
func TestTour(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "tour.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const next = "\x00\n" // between what the blocks print
	var script strings.Builder
	var blocks [][]string
	for _, b := range block.FindAllStringSubmatch(strings.ReplaceAll(string(page), "/tmp/tour", dir), -1) {
		blocks = append(blocks, b)
		script.WriteString(b[1] + "printf '\\000\\n'\n")
	}
	if len(blocks) < 8 {
		t.Fatalf("found %d blocks only", len(blocks))
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-e")
	cmd.Stdin, cmd.Dir = strings.NewReader(script.String()), dir
	cmd.Env = append(os.Environ(), "CI=true", "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("the commands of the page fail: %v", err)
	}
	printed := strings.Split(string(out), next)
	for i, b := range blocks {
		if i >= len(printed) {
			t.Fatalf("nothing runs from here on:\n%s", b[1])
		}
		want := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(b[2]), "…", "(?s:.*)") + "$")
		if !want.MatchString(printed[i]) {
			t.Errorf("the page shows:\n%s\nof:\n%s\nand it prints:\n%s", b[2], b[1], printed[i])
		}
	}
}
