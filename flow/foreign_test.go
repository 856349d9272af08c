// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// damage writes a manifest of a lot that is none.
func (w *world) damage(dataset string, l lot.Lot) { w.writes(dataset, l, []byte("{")) }

// writes writes the manifest of a lot as an object store does: nobody sees half of it, or none while another one is put in its place.
func (w *world) writes(dataset string, l lot.Lot, data []byte) {
	path, made := w.path(dataset, l), filepath.Join(w.t.TempDir(), "manifest.json")
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(made, data, 0o644))
	if err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		w.t.Error(err)
	}
}

// whole reports whether the manifest of a lot lists what a run wrote.
func (w *world) whole(dataset string, l lot.Lot) bool {
	data, err := os.ReadFile(w.path(dataset, l))
	return err == nil && strings.Contains(string(data), "attempt=")
}

// TestDamagedWhileItRuns: a manifest that is damaged and appears while a run makes its lot does not count as that of someone who was
// faster: the run's replaces it, also of a lot that nothing reads.
func TestDamagedWhileItRuns(t *testing.T) {
	for _, dataset := range []string{"raw", "clean"} {
		t.Run(dataset, func(t *testing.T) {
			w := newWorld(t)
			workload := map[string]string{"raw": "orders/land", "clean": "sales/clean"}[dataset]
			w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
				if o.Template.Workload == workload && o.Lot == w.at(3) {
					w.damage(dataset, o.Lot)
				}
				return false, false
			}
			w.keep()
			w.await("all lots", func() bool { return w.made() && w.whole(dataset, w.at(3)) })
			w.await("all to be noted", func() bool { return w.cluster.outcomes()[""] == 0 })
			if diff := cmp.Diff(map[string]int{"made": 2 * hours}, w.cluster.outcomes()); diff != "" {
				t.Errorf("what came of the runs: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff([]string{w.at(3).ID()}, w.lots(dataset, manifest.Removed)); diff != "" {
				t.Errorf("nothing says that there was another one: -want +got:\n%s", diff)
			}
		})
	}
}

// TestDamagedByOthers: a manifest that others damage while the lots are kept does not count, also if nothing reads it: the lot is made
// again. One that others write and that is whole is left alone.
func TestDamagedByOthers(t *testing.T) {
	w := newWorld(t)
	w.keep()
	w.await("all lots", w.made)
	w.await("all to be noted", func() bool { return w.cluster.outcomes()[""] == 0 && len(w.cluster.outcomes()) > 0 })
	w.damage("clean", w.at(2))
	other, err := os.ReadFile(w.path("clean", w.at(5)))
	if err != nil {
		t.Fatal(err)
	}
	w.writes("clean", w.at(5), append(other, '\n'))
	w.await("the lot to be made again", func() bool { return w.whole("clean", w.at(2)) })
	if !slices.Equal(w.lots("clean", manifest.Removed), []string{w.at(2).ID()}) {
		t.Errorf("removed are %v", w.lots("clean", manifest.Removed))
	}
	if got := w.cluster.starts()["sales/clean "+w.at(5).ID()]; got != 1 {
		t.Errorf("what others wrote is whole, and was made %d times", got)
	}
}

// TestDamagedAndWrittenAgain: a manifest that is damaged and that others have written again before a run is started because of it counts: nothing
// replaces it. It is read, as each one of others is that has appeared.
func TestDamagedAndWrittenAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		again bool
		want  came
	}{
		"it is damaged still":        {false, cameStarted},
		"there is another one since": {true, cameNeedless},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounter(t)
			at := survey.At{Series: "orders/raw@1", Lot: hourOf(0)}
			key := manifest.Key{Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Lot: at.Lot, State: manifest.Complete}
			write := func(data []byte) (etag string) {
				t.Helper()
				c.s3.Advance(time.Minute)
				err := bucket.With(t.Context(), "s3://manifests/", bucket.Options{Endpoint: c.s3.URL}, func(f bucket.Folder) error { return f.Replace(t.Context(), key.Path(), data) })
				if err != nil {
					t.Fatal(err)
				}
				return c.entries("raw", at.Lot)[0].ETag
			}
			c.run("raw", at.Lot, 1, false)
			damaged := write([]byte("{"))
			c.state.saw(at, survey.Fold(c.entries("raw", at.Lot)))
			c.state.doubt(map[survey.At]string{at: damaged})
			c.state.plan(c.now)
			whole := ""
			if tc.again {
				whole = write(manifest.Manifest{State: manifest.Complete, LotID: at.Lot.ID(), URIType: manifest.Identifier, URIs: []string{"s3://lake/raw/theirs"}}.Encode())
			}
			if _, came := c.begin("raw", at.Lot, 1, false); came != tc.want {
				t.Fatalf("it is %s, want %s", came, tc.want)
			}
			if f := c.state.lot(at); tc.again && (!f.State.There() || c.state.foreign.unread[at] != whole) {
				t.Errorf("what others wrote is %s, and to be read are %v", f.State, c.state.foreign.unread)
			}
		})
	}
}

// TestAppeared: what is read is what others wrote, and not what was there before, counts for nothing, or is written just now.
func TestAppeared(t *testing.T) {
	w := newWorld(t)
	s := newState(declare(w.catalog.Load(), "dev", ""), DefaultLimits(), newFleet("one"))
	s.graph = s.declared.graph
	at := func(n int) survey.At { return survey.At{Series: "sales/clean@1", Lot: w.at(n)} }
	is := func(state plan.State, etag string) survey.Lot {
		return survey.Lot{Mark: plan.Mark{State: state}, ETag: etag}
	}
	s.lists(t, map[survey.At]survey.Lot{at(0): is(plan.Complete, "a")}) // the first: it is believed
	s.busy[arcLot{"sales/clean", w.at(1)}] = true
	s.lists(t, map[survey.At]survey.Lot{
		at(0): is(plan.Complete, "a"), at(1): is(plan.Complete, "mine"), at(2): is(plan.Complete, "theirs"), at(3): is(plan.Partial, ""), at(4): is(plan.Empty, "theirs"),
	})
	want := map[survey.At]string{at(2): "theirs", at(4): "theirs"}
	if diff := cmp.Diff(want, s.foreign.unread); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAppearedBesideARun: a run that is not started, or that failed, since another manifest of its lot is there has listed that one and not
// read it. What it read, and what it wrote itself, are not read again.
func TestAppearedBesideARun(t *testing.T) {
	theirs := survey.Lot{Mark: plan.Mark{State: plan.Complete}, ETag: "theirs"}
	for came, read := range map[came]bool{cameNeedless: true, cameNot: true, cameFailed: true, cameMade: false} {
		w := newWorld(t)
		s := planned(t, w)
		clean, raw := survey.At{Series: "sales/clean@1", Lot: w.at(1)}, survey.At{Series: "orders/raw@1", Lot: w.at(1)}
		k := work{state: s, key: arcLot{"sales/clean", w.at(1)}}
		s.done(done{work: k, came: came, lots: map[survey.At]survey.Lot{clean: theirs, raw: theirs}}, w.now)
		want := map[survey.At]string(nil)
		if read {
			want = map[survey.At]string{clean: "theirs"}
		}
		if diff := cmp.Diff(want, s.foreign.unread); diff != "" {
			t.Errorf("what came is %v: -want +got:\n%s", came, diff)
		}
	}
}
