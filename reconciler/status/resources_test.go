// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestSetResources: how resources are doing is said of releases that are on the board, and one that failed needs attention.
func TestSetResources(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	a := id("a", "dev", "one")
	b.SetResources(map[catalog.ReleaseID]status.Resources{a: {Made: 1, Failed: 1, Message: "the bucket b is there"}})
	b.SetRelease(a, func(r *status.Release) { r.Result, r.Health = status.Applied, status.Healthy })
	r, _ := b.Release(a)
	if r.Fine() || r.Resources == nil || r.Resources.String() != "resources: 1 failed: the bucket b is there" {
		t.Errorf("the release is %+v", r)
	}
	before := b.Snapshot().Revision
	b.SetResources(map[catalog.ReleaseID]status.Resources{a: {Made: 1, Failed: 1, Message: "the bucket b is there"}})
	if after := b.Snapshot().Revision; after != before {
		t.Errorf("nothing changed, and the revision is %d after %d", after, before)
	}
	b.SetResources(map[catalog.ReleaseID]status.Resources{a: {Made: 2}})
	if r, _ := b.Release(a); !r.Fine() || r.Resources.String() != "" {
		t.Errorf("the release is %+v", r)
	}
	b.SetResources(nil)
	r, _ = b.Release(a)
	if diff := cmp.Diff((*status.Resources)(nil), r.Resources); diff != "" {
		t.Error(diff)
	}
}

func TestResourcesInWords(t *testing.T) {
	for want, r := range map[string]status.Resources{
		"":                                   {Made: 3},
		"resources: 1 waiting":               {Waiting: 1},
		"resources: 2 waiting, 1 failed: no": {Waiting: 2, Failed: 1, Message: "no"},
	} {
		if got := r.String(); got != want {
			t.Errorf("%+v is %q, want %q", r, got, want)
		}
	}
}
