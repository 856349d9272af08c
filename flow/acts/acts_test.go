// SPDX-License-Identifier: Apache-2.0

package acts_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// folders are those in which it is written down, by the kind of the store.
func folders(t *testing.T) map[string]bucket.Folder {
	t.Helper()
	out := map[string]bucket.Folder{}
	for name, address := range map[string]string{"disk": "file://" + t.TempDir() + "/records/", "s3": "s3://lots/records/"} {
		f, err := bucket.Open(t.Context(), address, bucket.Options{Endpoint: buckettest.New(t, "lots").URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		out[name] = f
	}
	return out
}

func read(t *testing.T, f bucket.Folder) acts.Written {
	t.Helper()
	w, err := acts.Read(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestDisable: a workload is disabled by who did it first, until someone enables it.
func TestDisable(t *testing.T) {
	for name, f := range folders(t) {
		t.Run(name, func(t *testing.T) {
			ann := acts.Disabled{Workload: "orders/clean", By: acts.By{By: "ann", Why: "the input is wrong", At: noon}}
			if _, err := acts.Enable(t.Context(), f, ann.Workload); !errors.Is(err, acts.ErrEnabled) {
				t.Errorf("enabling what is not disabled: %v", err)
			}
			if err := acts.Disable(t.Context(), f, ann); err != nil {
				t.Fatal(err)
			}
			if _, err := acts.Enable(t.Context(), f, "../disabled/orders/clean"); !errors.Is(err, acts.ErrEnabled) {
				t.Errorf("enabling what is no workload: %v", err)
			}
			bob := ann
			bob.By.By = "bob"
			err := acts.Disable(t.Context(), f, bob)
			if want := "orders/clean is disabled already, by ann since 2026-03-01T12:00:00Z: the input is wrong"; err == nil || err.Error() != want {
				t.Errorf("disabling it once more: got %v, want %s", err, want)
			}
			if diff := cmp.Diff(map[string]acts.Disabled{"orders/clean": ann}, read(t, f).Disabled); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			was, err := acts.Enable(t.Context(), f, ann.Workload)
			if diff := cmp.Diff(ann, was); diff != "" || err != nil {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
			if w := read(t, f); len(w.Disabled) > 0 {
				t.Errorf("it is still disabled: %+v", w)
			}
		})
	}
}

// TestRetries: what is asked for is there until it is done, and the same is asked for once.
func TestRetries(t *testing.T) {
	for name, f := range folders(t) {
		t.Run(name, func(t *testing.T) {
			r := acts.Retry{Workload: "orders/clean", From: noon, By: acts.By{By: "ann", At: noon}}
			at, err := acts.Ask(t.Context(), f, r)
			again, err2 := acts.Ask(t.Context(), f, r)
			if err != nil || err2 != nil || at != again {
				t.Fatalf("%s and %s, %v, %v", at, again, err, err2)
			}
			if diff := cmp.Diff(map[string]acts.Retry{at: r}, read(t, f).Retries); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := acts.Done(t.Context(), f, at); err != nil {
				t.Fatal(err)
			}
			if w := read(t, f); len(w.Retries) > 0 {
				t.Errorf("it is still asked for: %+v", w)
			}
		})
	}
}

// TestDamaged: a damaged record disables its workload, and asks for nothing.
func TestDamaged(t *testing.T) {
	for name, text := range map[string]string{"garbage": "{", "of another": `{"workload":"a/b"}`, "nothing": "", "too large": strings.Repeat(" ", 1<<17)} {
		for store, f := range folders(t) {
			t.Run(name+" in "+store, func(t *testing.T) {
				for _, key := range []string{"disabled/orders/clean.json", "disabled/orders/readme.txt", "retries/1.json"} {
					if err := f.Create(t.Context(), key, []byte(text)); err != nil {
						t.Fatal(err)
					}
				}
				w := read(t, f)
				if d := w.Disabled["orders/clean"]; d.Workload != "orders/clean" || d.Why != "its record is damaged" || len(w.Disabled) != 1 {
					t.Errorf("disabled are %+v", w.Disabled)
				}
				if name == "of another" {
					return // which is a request of its own
				}
				if diff := cmp.Diff([]string{"retries/1.json"}, w.Damaged); diff != "" || len(w.Retries) > 0 {
					t.Errorf("asked for is %+v, damaged: -want +got:\n%s", w.Retries, diff)
				}
			})
		}
	}
}

// TestOf is which lots are asked for.
func TestOf(t *testing.T) {
	for _, tc := range []struct {
		reason      string
		from, until time.Time
		workload    string
		want        bool
	}{
		{"all of it", time.Time{}, time.Time{}, "orders/clean", true},
		{"nothing of others", time.Time{}, time.Time{}, "orders/raw", false},
		{"the first belongs to it", noon, time.Time{}, "orders/clean", true},
		{"what is older does not", noon.Add(1), time.Time{}, "orders/clean", false},
		{"the end does not belong to it", time.Time{}, noon, "orders/clean", false},
		{"what is before the end does", time.Time{}, noon.Add(1), "orders/clean", true},
	} {
		if got := (acts.Retry{Workload: "orders/clean", From: tc.from, Until: tc.until}).Of(tc.workload, noon); got != tc.want {
			t.Errorf("%s: %t", tc.reason, got)
		}
	}
}
