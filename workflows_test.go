// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pinned is an action by its full commit, with the version that it had as a comment: a tag can be moved by whoever takes
// over the action's repository.
var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)

// TestActionsArePinned holds workflows to actions by commit.
func TestActionsArePinned(t *testing.T) {
	files, err := filepath.Glob(".github/workflows/*.y*ml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no workflows: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if use, ok := strings.CutPrefix(strings.TrimLeft(strings.TrimSpace(line), "- "), "uses: "); ok && !pinned.MatchString(use) {
				t.Errorf("%s: %q: write owner/action@COMMIT # vX.Y.Z, with the 40 digits of the commit", file, use)
			}
		}
		if !strings.Contains(string(data), "\npermissions:\n  contents: read\n") {
			t.Errorf("%s: does not begin with permissions that only read", file)
		}
	}
}

// TestMakeTargets holds what docs, scripts and workflows say to run to the targets that there are.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, m[1])
	}
	// In prose "make" is a verb; a target stands in quotes, or is what a line of a script or workflow runs.
	said := regexp.MustCompile("(?m)(?:^|[`\"]|^quietly |run: )make ([a-z][a-z-]*)")
	for _, file := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ".ci/run", ".github/workflows/ci.yaml", ".github/workflows/nightly.yaml", ".github/workflows/release.yml", "docs/performance.md", "docs/install.md"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said.FindAllStringSubmatch(string(data), -1) {
			if !slices.Contains(targets, m[1]) {
				t.Errorf("%s: says \"make %s\", and there is no such target", file, m[1])
			}
		}
	}
}
