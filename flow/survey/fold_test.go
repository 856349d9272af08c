// SPDX-License-Identifier: Apache-2.0

package survey_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func listedAs(state manifest.State, attempt, etag string, after int) store.Entry {
	return store.Entry{Key: manifest.Key{State: state, Attempt: attempt}, ETag: etag, Written: noon.Add(time.Duration(after) * time.Minute)}
}

// TestFold: what a listing has of a lot is one thing.
func TestFold(t *testing.T) {
	at := func(state plan.State, after int) plan.Mark {
		return plan.Mark{State: state, Written: noon.Add(time.Duration(after) * time.Minute)}
	}
	for name, tc := range map[string]struct {
		reason  string
		entries []store.Entry
		want    plan.Mark
	}{
		"Nothing":  {"There is nothing.", nil, plan.Mark{}},
		"Complete": {"It counts, whatever else there was.", []store.Entry{listedAs(manifest.Complete, "", "a", 1), listedAs(manifest.Partial, "1", "b", 2), listedAs(manifest.Removed, "1", "c", 3)}, at(plan.Complete, 1)},
		"Empty":    {"It counts too.", []store.Entry{listedAs(manifest.Empty, "", "a", 1)}, at(plan.Empty, 1)},
		"Both":     {"Two that count say different things: none does.", []store.Entry{listedAs(manifest.Complete, "", "a", 1), listedAs(manifest.Empty, "", "b", 2)}, at(plan.Partial, 2)},
		"Partial":  {"The newest failure tells when.", []store.Entry{listedAs(manifest.Partial, "1", "a", 2), listedAs(manifest.Partial, "2", "b", 1)}, at(plan.Partial, 2)},
		"Removed":  {"What was there is more than what failed.", []store.Entry{listedAs(manifest.Partial, "1", "a", 3), listedAs(manifest.Removed, "1", "b", 1), listedAs(manifest.Removed, "2", "c", 2)}, at(plan.Removed, 2)},
		"Stray":    {"What is no manifest counts for nothing.", []store.Entry{{Stray: store.ErrMore, Key: manifest.Key{State: manifest.Complete}}}, plan.Mark{}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, entries := range [][]store.Entry{tc.entries, reversed(tc.entries)} {
				if diff := cmp.Diff(tc.want, survey.Fold(entries).Mark); diff != "" && name != "Both" || survey.Fold(entries).State != tc.want.State {
					t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
				}
			}
		})
	}
}

func reversed(entries []store.Entry) []store.Entry {
	out := slices.Clone(entries)
	slices.Reverse(out)
	return out
}
