// SPDX-License-Identifier: Apache-2.0

package record

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
)

// TestRuns: runs are written down, also twice, and taken out, also twice; when each began is by the clock of the store.
func TestRuns(t *testing.T) {
	l := lot.Hourly.At(time.Date(2026, 1, 1, 5, 0, 0, 0, time.UTC))
	one := Run{Cluster: "eu", Workload: "orders/clean", Lot: l, Attempt: "r1abcdefghijkl", Timeout: 30 * time.Minute}
	two := Run{Cluster: "us", Workload: "orders/clean", Lot: l, Attempt: "r2abcdefghijkl"}
	err := bucket.With(t.Context(), "file://"+t.TempDir()+"/", bucket.Options{}, func(f bucket.Folder) error {
		for _, r := range []Run{one, two, two} {
			if err := Start(t.Context(), f, r); err != nil {
				return err
			}
		}
		for _, key := range []string{"runs/notes.txt", "runs/eu/orders/clean/yesterday/r1-5.json", "runs/eu/orders/clean/" + l.ID() + "/r1-05.json", "runs/eu/orders/clean/" + l.ID() + "/r1.json"} {
			if err := f.Create(t.Context(), key, []byte("{}")); err != nil {
				return err
			}
		}
		for _, want := range [][]Run{{one, two}, {two}, {two}} {
			got, err := Runs(t.Context(), f)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Run{}, "Begun")); diff != "" || time.Since(got[0].Begun) > time.Hour {
				t.Errorf("began %s, -want +got:\n%s", got[0].Begun, diff)
			}
			if err := End(t.Context(), f, one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
