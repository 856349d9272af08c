// SPDX-License-Identifier: Apache-2.0

package fulldisk_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"trunkline.dev/trunkline/test/fulldisk"
)

// TestRun: the disk is full when it is said to be, and has room again.
func TestRun(t *testing.T) {
	fulldisk.Run(t, 1<<20, func(t *testing.T, d *fulldisk.Disk) {
		file := filepath.Join(d.Dir, "file")
		write := func(n int) error { return os.WriteFile(file, make([]byte, n), 0o600) }
		if err := write(100_000); err != nil {
			t.Fatal(err)
		}
		d.Fill(0)
		if err := write(200_000); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("written to a full disk: %v", err)
		}
		d.Free()
		d.Fill(300_000)
		if err := write(200_000); err != nil {
			t.Errorf("with some room: %v", err)
		}
		if err := write(900_000); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("with too little: %v", err)
		}
		d.Free()
		if err := write(900_000); err != nil {
			t.Errorf("with room again: %v", err)
		}
	})
}
