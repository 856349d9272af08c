// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestProfileIsWritten(t *testing.T) {
	dir := t.TempDir()
	finish, err := profile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := finish(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{cpuProfile, heapProfile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		if gzip := []byte{0x1f, 0x8b}; !bytes.HasPrefix(data, gzip) {
			t.Errorf("%s is no profile: it begins with % x", name, data[:min(len(data), 4)])
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others: %s", name, info.Mode())
		}
	}
}

func TestProfileNeedsItsFolder(t *testing.T) {
	if _, err := profile(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a folder that is not there must be an error before anything is served")
	}
}
