// SPDX-License-Identifier: Apache-2.0

package survey_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// world is a platform whose projects keep the manifests of their lots in a folder of each.
type world struct {
	t    *testing.T
	root string
	cat  *catalog.Catalog
}

func newWorld(t *testing.T) *world {
	root := t.TempDir()
	dataset := func(name, unit string) string {
		return fmt.Sprintf(`{name: %s, version: "1", lots: {unit: %s, since: 2026-01-01T00:00:00Z}, path: "lake://%s/", external: true}`, name, unit, name)
	}
	project := func(name string, datasets ...string) *fstest.MapFile {
		return &fstest.MapFile{Data: fmt.Appendf(nil, "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: %s}\nspec: {owner: team, environments: [dev], datasets: [%s]}\n",
			name, strings.Join(datasets, ", "))}
	}
	file := func(kind, name, spec string) *fstest.MapFile {
		return &fstest.MapFile{Data: fmt.Appendf(nil, "apiVersion: trunkline.dev/v1alpha1\nkind: %s\nmetadata: {name: %s}\n%s", kind, name, spec)}
	}
	cat, problems, err := catalog.Load(fstest.MapFS{
		"trunkline.yaml": file("Platform", "acme", ""), "cluster.yaml": file("Cluster", "test", ""),
		"dev.yaml":         file("Environment", "dev", fmt.Sprintf(`spec: {clusters: [test], stores: {lake: "file://%s/lake"}, lots: {manifests: "file://%s/lots/<project>/"}}`, root, root)),
		"orders/app.yaml":  project("orders", dataset("raw", "daily"), dataset("clean", "daily")),
		"revenue/app.yaml": project("revenue", dataset("sum", "hourly"), `{name: whole, version: "1", path: "lake://whole/", external: true}`),
	}, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	return &world{t, root, cat}
}

// put writes a manifest at a time; what it says does not matter, since nobody reads it.
func (w *world) put(at time.Time, project, path string) {
	w.t.Helper()
	file := filepath.Join(w.root, "lots", project, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("{}"), 0o600), os.Chtimes(file, at, at)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) open(ctx context.Context, location string) (survey.Store, error) {
	return store.Open(ctx, location, bucket.Options{})
}

func (w *world) survey(open survey.Opener, datasets ...string) (survey.Found, map[string]string, error) {
	found, err := survey.Of(w.t.Context(), w.cat, "dev", datasets, open)
	strays := map[string]string{}
	for _, s := range found.Strays {
		strays[strings.TrimPrefix(s.Path, "file://"+w.root+"/lots/")] = s.Why.Error()
	}
	return found, strays, err
}

func day(n int) lot.Lot { return lot.Daily.At(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)) }

// TestSurvey: each lot has the state that counts, with when that was written; everything else is a stray. What is both complete and
// empty is neither.
func TestSurvey(t *testing.T) {
	w := newWorld(t)
	at := func(minute int) time.Time { return time.Date(2026, 2, 1, 0, minute, 0, 0, time.UTC) }
	for _, m := range []struct {
		minute        int
		project, path string
	}{
		{1, "orders", "datasets/name=raw/version=1/lot=20260101P1D000/state=complete/manifest.json"},
		{2, "orders", "datasets/name=raw/version=1/lot=20260102P1D000/state=empty/manifest.json"},
		{3, "orders", "datasets/name=raw/version=1/lot=20260103P1D000/state=partial/attempt=1/manifest.json"},
		{5, "orders", "datasets/name=raw/version=1/lot=20260103P1D000/state=partial/attempt=2/manifest.json"},
		{4, "orders", "datasets/name=raw/version=1/lot=20260103P1D000/state=partial/attempt=3/manifest.json"},
		{6, "orders", "datasets/name=raw/version=1/lot=20260104P1D000/state=removed/attempt=1/manifest.json"},
		{7, "orders", "datasets/name=raw/version=1/lot=20260104P1D000/state=complete/manifest.json"},
		{8, "orders", "datasets/name=raw/version=1/lot=20260105P1D000/state=empty/manifest.json"},
		{7, "orders", "datasets/name=raw/version=1/lot=20260105P1D000/state=complete/manifest.json"},
		{1, "orders", "datasets/name=raw/version=2/lot=20260101P1D000/state=complete/manifest.json"},
		{1, "orders", "datasets/name=raw/version=1/lot=20260101PT1H000/state=complete/manifest.json"},
		{1, "orders", "datasets/name=sum/version=1/lot=20260101PT1H000/state=complete/manifest.json"},
		{1, "orders", "datasets/notes.txt"},
		{1, "revenue", "datasets/name=whole/version=1/lot=20260101P1D000/state=complete/manifest.json"},
		{9, "revenue", "datasets/name=sum/version=1/lot=20260101PT1H000/state=complete/manifest.json"},
	} {
		w.put(at(m.minute), m.project, m.path)
	}
	found, strays, err := w.survey(w.open)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for n := 1; n <= 6; n++ {
		m := found.Seen().Mark("orders/raw@1", day(n))
		got[day(n).ID()] = fmt.Sprint(m.State, " ", m.Written.Minute())
	}
	got["sum"] = fmt.Sprint(found.Seen().Mark("revenue/sum@1", lot.Hourly.At(day(1).Start)).State)
	want := map[string]string{
		"20260101P1D000": "complete 1", "20260102P1D000": "empty 2", "20260103P1D000": "partial 5", "20260104P1D000": "complete 7",
		"20260105P1D000": "partial 8", "20260106P1D000": "none 0", "sum": "complete",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lots (-want +got):\n%s", diff)
	}
	wantStrays := map[string]string{
		"orders/datasets/name=raw/version=2/lot=20260101P1D000/state=complete/manifest.json":    "no project that is deployed here declares the dataset raw@2",
		"orders/datasets/name=raw/version=1/lot=20260101PT1H000/state=complete/manifest.json":   "20260101PT1H000 is no lot of orders/raw@1, whose lots are daily",
		"orders/datasets/name=sum/version=1/lot=20260101PT1H000/state=complete/manifest.json":   "no project that is deployed here declares the dataset sum@1",
		"revenue/datasets/name=whole/version=1/lot=20260101P1D000/state=complete/manifest.json": "no project that is deployed here declares the dataset whole@1",
	}
	for path, why := range strays {
		if strings.HasSuffix(path, "notes.txt") {
			delete(strays, path)
			if !strings.Contains(why, "is not the place of a manifest") {
				t.Errorf("a file that is none is a stray since %s", why)
			}
		}
	}
	if diff := cmp.Diff(wantStrays, strays); diff != "" {
		t.Errorf("strays (-want +got):\n%s", diff)
	}
}

// TestSurveyOfSome: what is not asked for is not listed.
func TestSurveyOfSome(t *testing.T) {
	w := newWorld(t)
	w.put(time.Now(), "orders", "datasets/name=raw/version=1/lot=20260101P1D000/state=complete/manifest.json")
	w.put(time.Now(), "orders", "datasets/name=clean/version=1/lot=20260101P1D000/state=complete/manifest.json")
	var opened []string
	found, _, err := w.survey(func(ctx context.Context, location string) (survey.Store, error) {
		opened = append(opened, strings.TrimPrefix(location, "file://"+w.root))
		return w.open(ctx, location)
	}, "orders/raw@1")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, id := range []string{"orders/raw@1", "orders/clean@1"} {
		got[id] = found.Seen().Mark(id, day(1)).State == plan.Complete
	}
	if diff := cmp.Diff(map[string]bool{"orders/raw@1": true, "orders/clean@1": false}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/lots/orders/"}, opened); diff != "" {
		t.Errorf("stores (-want +got):\n%s", diff)
	}
}

// TestUnknown: what could not be listed is not known, and the rest is.
func TestUnknown(t *testing.T) {
	down := errors.New("down")
	for name, open := range map[string]func(w *world) survey.Opener{
		"NotOpened": func(w *world) survey.Opener {
			return func(ctx context.Context, location string) (survey.Store, error) {
				if strings.Contains(location, "orders") {
					return nil, down
				}
				return w.open(ctx, location)
			}
		},
		"NotListed": func(w *world) survey.Opener {
			return func(ctx context.Context, location string) (survey.Store, error) {
				s, err := w.open(ctx, location)
				if strings.Contains(location, "orders") {
					return broken{s, down}, err
				}
				return s, err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put(time.Now(), "revenue", "datasets/name=sum/version=1/lot=20260101PT1H000/state=complete/manifest.json")
			found, _, err := w.survey(open(w))
			if !errors.Is(err, down) || !strings.Contains(fmt.Sprint(err), "/lots/orders/: down") {
				t.Errorf("the error is %v", err)
			}
			if diff := cmp.Diff([]string{"orders/clean@1", "orders/raw@1"}, found.Unknown); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if found.Seen().Mark("revenue/sum@1", lot.Hourly.At(day(1).Start)).State != plan.Complete {
				t.Error("what another store has is not known")
			}
			found, _, err = w.survey(open(w), "orders/raw@1", "revenue/sum@1")
			if err == nil || !slices.Equal(found.Unknown, []string{"orders/raw@1"}) {
				t.Errorf("of some, unknown are %v: %v", found.Unknown, err)
			}
		})
	}
}

// broken is a store that cannot be listed.
type broken struct {
	survey.Store
	err error
}

func (b broken) List(context.Context, store.Of) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) { yield(store.Entry{}, b.err) }
}
