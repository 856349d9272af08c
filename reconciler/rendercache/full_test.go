// SPDX-License-Identifier: Apache-2.0

package rendercache_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/rendercache"
	"trunkline.dev/trunkline/test/fulldisk"
)

// TestAFullDisk: a cache that has no room is none, and keeps nothing that is half written.
func TestAFullDisk(t *testing.T) {
	fulldisk.Run(t, 1<<20, func(t *testing.T, d *fulldisk.Disk) {
		p := place{
			filepath.Join(d.Dir, "renders"), filepath.Join(d.Dir, "key"), &bytes.Buffer{}, &clock{at: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)},
		}
		c := p.open(t, rendercache.Limits{})
		next := &counting{}
		one := func() {
			t.Helper()
			if _, _, err := rendercache.Wrap(next, c, "v1").RenderPacked(t.Context(), textTree(map[string]string{"a": "1"}), release("a", "a")); err != nil {
				t.Fatalf("a full disk is in the way of rendering: %v", err)
			}
		}
		d.Fill(0)
		one()
		one()
		if next.times != 2 || len(p.entries(t)) != 0 {
			t.Errorf("rendered %d times, kept %v", next.times, p.entries(t))
		}
		d.Free()
		one()
		one()
		if next.times != 3 || len(p.entries(t)) != 1 {
			t.Errorf("with room again, rendered %d times, kept %v", next.times, p.entries(t))
		}
	})
}
