// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// outcome is what became of a mutant.
type outcome string

// The outcomes.
const (
	dead     outcome = "killed"
	survived outcome = "SURVIVED"
	unusable outcome = "UNUSABLE"
)

type result struct {
	mutant  mutant
	outcome outcome
	// detail says why a mutant is unusable.
	detail string
}

// runMutant runs a mutant's tests against the mutated source.
func runMutant(ctx context.Context, root string, m mutant, timeout time.Duration) result {
	r := result{mutant: m, outcome: unusable}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		r.detail = err.Error()
		return r
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays behind is a few kilobytes in the temporary folder
	overlay, err := writeOverlay(root, dir, m)
	if err != nil {
		r.detail = err.Error()
		return r
	}
	r.outcome, r.detail = outcomeOf(goTest(ctx, root, m, overlay, timeout))
	return r
}

// writeOverlay writes the mutated source and the file that tells the compiler to take it.
func writeOverlay(root, dir string, m mutant) (string, error) {
	original, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	mutated, err := m.apply(string(source))
	if err != nil {
		return "", err
	}
	file, overlay := filepath.Join(dir, filepath.Base(original)), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, []byte(mutated), 0o600); err != nil { //nolint:gosec // the name is one of the repository's own, in a new folder
		return "", err
	}
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{original: file}})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, data, 0o600)
}

// goTest returns what go test prints, and its error. Caching is left on: a mutant that was killed is the same mutant
// tomorrow if nothing has changed.
func goTest(ctx context.Context, root string, m mutant, overlay string, timeout time.Duration) (string, error) {
	// vet would refuse some mutants, such as conditions that are always true, before a test has seen them.
	args := []string{"test", "-vet=off", "-failfast", "-overlay", overlay, "-timeout", timeout.String()}
	if !m.Cluster {
		args = append(args, "-short")
	}
	if m.Run != "" {
		args = append(args, "-run", m.Run)
	}
	// The tests end by themselves at the timeout; compiling for them has to be bounded as well.
	ctx, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	args = append(args, m.Test)
	if usesRapid(filepath.Join(root, filepath.FromSlash(m.Test))) {
		// What fails for a mutant must not be tried again without it; of the checks, -short does a fifth.
		args = append(args, "-args", "-rapid.nofailfile", "-rapid.checks=500")
	}
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = root
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	out, err := c.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}

// usesRapid reports whether the tests of a folder know rapid's flags.
func usesRapid(dir string) bool {
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return false
	}
	for _, name := range tests {
		if source, err := os.ReadFile(name); err == nil && strings.Contains(string(source), `"pgregory.net/rapid"`) {
			return true
		}
	}
	return false
}

// outcomeOf returns what the answer of go test means for a mutant. One that does not compile was not noticed by any test.
func outcomeOf(output string, err error) (outcome, string) {
	_, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil && strings.Contains(output, "[no test files]"), err == nil && strings.Contains(output, "[no tests to run]"):
		return unusable, "no test was run"
	case err == nil:
		return survived, ""
	case !failed:
		return unusable, fmt.Sprintf("running go test: %v", err)
	case strings.Contains(output, "[build failed]"), strings.Contains(output, "[setup failed]"), !strings.Contains(output, "FAIL"):
		return unusable, "it does not compile:\n" + lastLines(output, 12)
	default:
		return dead, ""
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
