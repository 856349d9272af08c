// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test. It is set once, before any test runs.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	binary = os.Getenv("DEVCLUSTER")
	if binary == "" {
		dir, err := os.MkdirTemp("", "devcluster-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "devcluster")
		fmt.Fprintln(os.Stderr, "building devcluster, which takes minutes the first time; set DEVCLUSTER to a built one to skip this")
		build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "..")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "building devcluster:", err)
			return 1
		}
	}
	// Tests run in the package's folder, but the path is used elsewhere too.
	abs, err := filepath.Abs(binary)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = abs
	return m.Run()
}
