// SPDX-License-Identifier: Apache-2.0

// Package fulldisk gives tests a disk that is full: what is written to it fails as it does there, with ENOSPC, and not with an error
// that a fake makes up.
//
// It imports nothing of Trunkline.
package fulldisk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Disk is a small file system of its own.
type Disk struct {
	// Dir is where it is.
	Dir string
	t   *testing.T
}

// ballast is what takes up the room.
const ballast = "ballast"

// Fill takes up what room there is, but for about the given number of bytes.
func (d *Disk) Fill(leave int64) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.Dir, ballast), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	_, _ = rand.Read(block)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		d.t.Fatalf("filling the disk: %v", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(max(0, info.Size()-leave))
	}
	if err != nil {
		d.t.Fatalf("filling the disk: %v", err)
	}
}

// Free releases the space that was filled.
func (d *Disk) Free() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.Dir, ballast)); err != nil {
		d.t.Fatal(err)
	}
}

// argument has a test process know that it is the one with the disk.
func argument(size int64) string { return fmt.Sprintf("fulldisk=%d", size) }
