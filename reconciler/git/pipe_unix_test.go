// SPDX-License-Identifier: Apache-2.0

//go:build unix

package git_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
)

// TestPipeDoesNotBlock: opening a pipe that nobody writes to would wait for ever.
func TestPipeDoesNotBlock(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	fsys, err := git.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(fsys, "pipe"); err == nil || !strings.Contains(err.Error(), "neither file nor folder") {
		t.Errorf("got %v", err)
	}
}
