// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// classes is how many classes of hostile input there are.
const classes = 48

var (
	hostileRow = regexp.MustCompile(`^\| *(\d*) *\| (.*) \|([^|]*)\|$`)
	quoted     = regexp.MustCompile("`([^`]+)`")
)

// TestHostileInputs holds docs/hostile-inputs.md to the tests that there are: every class is in it, has a test unless
// nothing of Trunkline can be reached by it, and every test that it names exists.
func TestHostileInputs(t *testing.T) {
	page, err := os.ReadFile("docs/hostile-inputs.md")
	if err != nil {
		t.Fatal(err)
	}
	known := testFunctions(t)
	var numbers []int
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		row := hostileRow.FindStringSubmatch(line)
		if row == nil || strings.HasPrefix(line, "| | input") || strings.HasPrefix(line, "| ---") {
			if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "| | input") && !strings.HasPrefix(line, "| ---") {
				t.Errorf("this line is no row: %s", line)
			}
			continue
		}
		if row[1] != "" {
			n, _ := strconv.Atoi(row[1])
			numbers = append(numbers, n)
		}
		tests := quoted.FindAllStringSubmatch(row[3], -1)
		if len(tests) == 0 && !strings.Contains(row[2], "not there yet") {
			t.Errorf("class %s has no test: %s", row[1], row[2])
		}
		for _, test := range tests {
			if strings.HasSuffix(test[1], ".txtar") {
				if _, err := os.Stat(test[1]); err != nil {
					t.Errorf("class %s: %v", row[1], err)
				}
			} else if !known[test[1]] {
				t.Errorf("class %s: there is no test %s", row[1], test[1])
			}
		}
	}
	want := make([]int, classes)
	for i := range want {
		want[i] = i + 1
	}
	if !slices.Equal(numbers, want) {
		t.Errorf("the classes are %v, want each from 1 to %d once and in order", numbers, classes)
	}
}

// testFunctions returns the tests and fuzz targets of all packages, as "folder.Function".
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	_, all := sources(t)
	known := map[string]bool{}
	for _, s := range all {
		if !s.test {
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(s.file))
		if dir == "." {
			dir = ""
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				known[dir+"."+f.Name.Name] = true
			}
		}
	}
	return known
}

// TestNoShell finds out that what the daemon is made of starts no program but itself, and git for a repository by path:
// there is no shell for the text of a tenant to get into. What people have run on their own machine is another matter.
func TestNoShell(t *testing.T) {
	// Tools and tests of the repository, which the daemon does not have in it.
	aside := []string{"hack", "test", "examples", "reconciler/git/gittest", "webhooks/github/githubtest"}
	starts := []string{
		"cmd/trunkline/lots_exec.go",                                                                     // "trunkline lots run --exec": the program of a workload, for who types that
		"cmd/trunkline/new_credentials.go",                                                               // "trunkline new --template https://…": the credential helpers of git, for who types that
		"doctor/probe/programs.go",                                                                       // "trunkline doctor": git, for who types that
		"flow/secrets/start.go",                                                                          // "lot secrets exec", in the pod of the workload: its own program, which the daemon does not have in it
		"reconciler/builders/process.go",                                                                 // the workers that run Kustomize
		"reconciler/child/child.go", "reconciler/child/child_other.go", "reconciler/child/child_unix.go", // which end what the others start
		"reconciler/git/local.go",       // git upload-pack, on the path that the daemon's own configuration names
		"reconciler/workdir/workdir.go", // git, for who types "trunkline bootstrap"
	}
	var found []string
	_, all := sources(t)
	for _, s := range all {
		file := filepath.ToSlash(s.file)
		if s.test || slices.ContainsFunc(aside, func(dir string) bool { return strings.HasPrefix(file, dir+"/") }) {
			continue
		}
		if slices.Contains(imports(s.ast), "os/exec") {
			found = append(found, file)
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, starts) {
		t.Errorf("these files can start programs: %v, want %v alone", found, starts)
	}
}
