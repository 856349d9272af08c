// SPDX-License-Identifier: Apache-2.0

package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/durable"
	"trunkline.dev/trunkline/test/fulldisk"
)

// TestAFullDisk: what has no room leaves the old content, and nothing half written beside it.
func TestAFullDisk(t *testing.T) {
	fulldisk.Run(t, 1<<20, func(t *testing.T, d *fulldisk.Disk) {
		dir := filepath.Join(d.Dir, "data")
		if err := durable.MakeFolder(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		file, pattern := filepath.Join(dir, "ref"), filepath.Join(dir, "tmp_*")
		if err := durable.Write(file, []byte("old"), pattern); err != nil {
			t.Fatal(err)
		}
		large := []byte(strings.Repeat("new", 50_000))
		for _, room := range []int64{0, 4096, 64 << 10} {
			d.Fill(room)
			if err := durable.Write(file, large, pattern); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("with %d bytes of room: %v", room, err)
			}
			if diff := cmp.Diff(map[string]string{"ref": "old"}, files(t, dir)); diff != "" {
				t.Errorf("with %d bytes of room (-want +got):\n%s", room, diff)
			}
			d.Free()
		}
		if err := durable.Write(file, large, pattern); err != nil {
			t.Errorf("with room again: %v", err)
		}
		if got, err := os.ReadFile(file); err != nil || len(got) != len(large) {
			t.Errorf("%d bytes are there: %v", len(got), err)
		}
	})
}
