// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/snapshot"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// records is where what is to be remembered of a storm is.
const records = "s3://manifests/trunkline-lots/acme/dev/"

// calmly has a keeper keep the lots of a storm in which nothing goes wrong by itself, which writes snapshots of any number of lots.
func (w *storm) calmly(interval time.Duration, log *slog.Logger) (k *Keeper, stop func()) {
	w.t.Helper()
	k = New(Options{
		Accepted: w.accepted, Clusters: []Cluster{&front{w.cluster, &life{left: -1}}}, Interval: interval, Limits: DefaultLimits(),
		Stores: bucket.Options{Endpoint: w.s3.URL}, Log: log, Now: w.now, Ended: func(Ended) {},
	})
	k.snapshotFrom = 0
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	w.t.Cleanup(stop)
	return k, stop
}

func (w *storm) await(what string, ok func() bool) {
	w.t.Helper()
	for late := time.Now().Add(waitTimeout); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			w.t.Fatalf("waiting for %s:\n%s", what, w.state())
		}
	}
}

// records does something in the folder of what is to be remembered.
func (w *storm) records(do func(bucket.Folder) error) {
	w.t.Helper()
	if err := bucket.With(w.t.Context(), records, bucket.Options{Endpoint: w.s3.URL}, do); err != nil {
		w.t.Fatal(err)
	}
}

// surveyed is what the store has.
func (w *storm) surveyed() *survey.Stock {
	w.t.Helper()
	found := reader{bucket.Options{Endpoint: w.s3.URL}}.all(w.t.Context(), declare(w.catalog, "dev", ""), nil)
	if len(found.Failed) > 0 {
		w.t.Fatal(found.Failed)
	}
	return found.Lots
}

// lose deletes the manifest of a lot that counts.
func (w *storm) lose(dataset string, n int) {
	w.t.Helper()
	l := store.Of{Dataset: manifest.Dataset{Name: dataset, Version: "1"}}
	err := bucket.With(w.t.Context(), "s3://manifests/", bucket.Options{Endpoint: w.s3.URL}, func(f bucket.Folder) error {
		at := w.lotsOf()[n]
		return f.Delete(w.t.Context(), manifest.Key{Dataset: l.Dataset, Lot: at, State: manifest.Complete}.Path())
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// wholeListing reports whether a request lists a store as a whole.
func wholeListing(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/manifests") && r.URL.Query().Has("list-type") && r.URL.Query().Get("prefix") == manifest.Folder
}

// locked is a log that several write to.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// TestStartBySnapshot: by a snapshot runs are started before the stores have been listed. One that is old, that knows of nothing, or that
// lies has nothing made twice and nothing left out: whoever starts a run looks at the store. What needs to be known for sure waits for the
// listing.
func TestStartBySnapshot(t *testing.T) {
	const lots = 6
	nothing := func(w *storm, _ snapshot.Snapshot) *survey.Stock {
		var m survey.Maker
		m.Dataset("orders/raw@1", w.lotsOf()[0].Unit)
		m.Dataset("sales/clean@1", w.lotsOf()[0].Unit)
		return m.Stock()
	}
	for name, tc := range map[string]struct {
		reason string
		// says is what the snapshot is made to say; nil leaves it as it is.
		says func(*storm, snapshot.Snapshot) *survey.Stock
		// early is whether lots that were lost since are made before the stores are listed.
		early bool
	}{
		"from before": {"what was lost since is seen once it was listed", nil, false},
		"of nothing":  {"it says of no lot that it is there: all but those that were lost are found", nothing, true},
		"as it is": {"what is to be read is there, and is looked for, since no snapshot has an ETag", func(w *storm, s snapshot.Snapshot) *survey.Stock {
			var m survey.Maker
			for _, id := range s.Lots.Datasets() {
				m.Dataset(id, s.Lots.Unit(id))
				for at, f := range s.Lots.Lots(id) {
					if at != w.lotsOf()[map[string]int{"orders/raw@1": 0, "sales/clean@1": 1}[id]] {
						m.Add(survey.At{Series: id, Lot: at}, f)
					}
				}
			}
			return m.Stock()
		}, true},
		"of one store": {"of the other dataset nothing is known, so that it waits", func(w *storm, s snapshot.Snapshot) *survey.Stock {
			return nothing(w, s).Only(func(id string) bool { return id == "orders/raw@1" })
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newStorm(t, lots, 1)
			w.quiet = true
			_, stop := w.calmly(10*time.Millisecond, slog.New(slog.DiscardHandler))
			w.await("all lots", w.settled)
			stop()
			var s snapshot.Snapshot
			w.records(func(f bucket.Folder) (err error) {
				var ok bool
				if s, ok, err = snapshot.Read(t.Context(), f, "acme", "dev", w.now()); err == nil && !ok {
					t.Error("the keeper has written no snapshot")
				}
				return err
			})
			s.Lots = w.surveyed()
			if tc.says != nil {
				s.Lots = tc.says(w, s)
			}
			w.records(func(f bucket.Folder) error { return snapshot.Write(t.Context(), f, s) })
			w.lose("raw", 0)
			w.lose("clean", 1)
			w.cluster.mu.Lock()
			clear(w.cluster.jobs) // no name of a Job keeps anything from being run twice
			before := w.cluster.uid
			w.cluster.mu.Unlock()
			listing := make(chan struct{})
			w.s3.Fail(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if wholeListing(r) {
					<-listing
				}
				return false
			})
			release := sync.OnceFunc(func() { close(listing) })
			defer release()
			log := &locked{}
			k, _ := w.calmly(time.Hour, slog.New(slog.NewTextHandler(log, nil)))
			w.await("the snapshot", func() bool { return log.has("the lots are known by a snapshot until they have been listed") })
			if tc.early {
				w.await("the lots that were lost", w.settled)
			}
			for _, d := range k.Datasets() {
				if d.Known {
					t.Errorf("before it was listed, it is said of %s what there is: %+v", d.Dataset, d.Tally)
				}
			}
			if at := k.Listed(); len(at) > 0 {
				t.Errorf("before anything was listed, it was at %v", at)
			}
			release()
			w.await("all lots", w.settled)
			w.await("all to be known", func() bool {
				all := k.Datasets()
				return len(all) == 2 && all[0].Known && all[1].Known && all[0].There == lots && all[1].There == lots
			})
			w.check()
			w.cluster.mu.Lock()
			defer w.cluster.mu.Unlock()
			if n := w.cluster.uid - before; n < 2 || n > 3 { // the first attempt of one whose Job nobody knows of is lost
				t.Errorf("%d runs were started for the 2 lots that were lost", n)
			}
		})
	}
}

// TestOneListingAtTheStart: a start lists each store once, and reads what is to be remembered once.
func TestOneListingAtTheStart(t *testing.T) {
	w := newStorm(t, 4, 1)
	w.quiet = true
	var listings atomic.Int64
	w.s3.Fail(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if wholeListing(r) {
			listings.Add(1)
		}
		return false
	})
	_, stop := w.calmly(time.Hour, slog.New(slog.DiscardHandler))
	w.await("all lots", w.settled)
	stop()
	if n := listings.Load(); n != 1 {
		t.Errorf("the store was listed %d times", n)
	}
}

// TestDamagedSnapshot: without a snapshot that is of use, all is listed first, and it is said why.
func TestDamagedSnapshot(t *testing.T) {
	w := newStorm(t, 3, 1)
	w.quiet = true
	w.records(func(f bucket.Folder) error { return f.Replace(t.Context(), "snapshot/lots.v1.gz", []byte("lots")) })
	log := &locked{}
	_, stop := w.calmly(time.Hour, slog.New(slog.NewTextHandler(log, nil)))
	w.await("all lots", w.settled)
	w.await("why it is of no use", func() bool { return log.has("the snapshot of the lots is not used") && log.has("it is damaged") })
	stop()
}

// TestOutdated: a run is not started if what the store has of its lot is not what it was decided by.
func TestOutdated(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	key := survey.At{Series: "orders/raw@1", Lot: w.at(1)}
	mark := func(state plan.State, at time.Time) survey.Lot {
		return survey.Lot{Mark: plan.Mark{State: state, Written: at}}
	}
	for name, tc := range map[string]struct {
		decided, is survey.Lot
		changed     bool
	}{
		"nothing is there":           {survey.Lot{}, survey.Lot{}, false},
		"it was made since":          {survey.Lot{}, mark(plan.Complete, noon), true},
		"it was made again since":    {mark(plan.Complete, noon), mark(plan.Complete, noon.Add(1)), true},
		"it is the one to replace":   {mark(plan.Complete, noon), mark(plan.Complete, noon), false},
		"it was removed since":       {survey.Lot{}, mark(plan.Removed, noon), true},
		"it is gone since":           {mark(plan.Complete, noon), survey.Lot{}, true},
		"an attempt has failed":      {survey.Lot{}, mark(plan.Partial, noon), false},
		"it was removed, and is not": {mark(plan.Removed, noon), survey.Lot{}, true},
	} {
		arc, _ := s.graph.Arc("orders/land")
		k := work{
			state: s, declared: s.declared, graph: s.graph, target: s.targets["one"]["orders/land"], key: arcLot{"orders/land", w.at(1)},
			attempt: attempt{1, epoch(arc, w.at(1), in(map[survey.At]survey.Lot{key: tc.decided})), arc.Digest},
		}
		r, err := k.resolve()
		if err != nil {
			t.Fatal(err)
		}
		if changed, failed := k.outdated(r, in(map[survey.At]survey.Lot{key: tc.is})); changed != tc.changed || failed {
			t.Errorf("%s: changed %t, failed %t", name, changed, failed)
		}
		tc.is.Partial = map[string]time.Time{k.attempt.String(): noon}
		if _, failed := k.outdated(r, in(map[survey.At]survey.Lot{key: tc.is})); !failed {
			t.Errorf("%s: such an attempt has failed, and is made again", name)
		}
		if k.doubted = map[survey.At]string{key: "damaged"}; tc.changed {
			if changed, _ := k.outdated(r, in(map[survey.At]survey.Lot{key: tc.is})); changed {
				t.Errorf("%s: it is known that the manifest is damaged, and it is not made again", name)
			}
		}
	}
}

// TestWhatCameAfterTheSnapshot: manifests that count and are not those of the snapshot are read once the stores were listed, and no others are.
func TestWhatCameAfterTheSnapshot(t *testing.T) {
	w := newWorld(t)
	s := newState(declare(w.catalog.Load(), "dev", ""), DefaultLimits(), newFleet("one"))
	at := func(dataset string, n int) survey.At { return survey.At{Series: dataset, Lot: w.at(n)} }
	is := func(state plan.State, etag string) survey.Lot {
		return survey.Lot{Mark: plan.Mark{State: state, Written: w.now}, ETag: etag}
	}
	before := func(state plan.State, ago time.Duration) survey.Lot { // as a snapshot has it: without an ETag
		return survey.Lot{Mark: plan.Mark{State: state, Written: w.now.Add(-ago)}}
	}
	raw, clean := "orders/raw@1", "sales/clean@1"
	s.suppose(s.stockOf(t, map[survey.At]survey.Lot{
		at(raw, 0): before(plan.Complete, 0), at(raw, 1): before(plan.Complete, time.Second), at(raw, 2): before(plan.Removed, 0),
		at(raw, 3): before(plan.Complete, 0), at(raw, 7): before(plan.Complete, 0),
	}).Only(func(id string) bool { return id == raw }))
	s.own[at(raw, 5)] = is(plan.Complete, "own") // a run has made it since the start
	s.takes(s.stockOf(t, map[survey.At]survey.Lot{
		at(raw, 0):   is(plan.Complete, "a"),   // it is the same
		at(raw, 1):   is(plan.Complete, "B"),   // another one
		at(raw, 2):   is(plan.Empty, "c"),      // it was removed
		at(raw, 4):   is(plan.Complete, "e"),   // there was none
		at(raw, 5):   is(plan.Complete, "own"), // this daemon wrote it
		at(raw, 6):   is(plan.Partial, ""),     // it does not count
		at(raw, 7):   is(plan.Empty, "f"),      // another state, written in the same second
		at(clean, 0): is(plan.Complete, "x"),   // the snapshot has nothing of its dataset
	}))
	want := map[survey.At]string{at(raw, 1): "B", at(raw, 2): "c", at(raw, 4): "e", at(raw, 7): "f"}
	if diff := cmp.Diff(want, s.foreign.unread); diff != "" {
		t.Errorf("what is read: -want +got:\n%s", diff)
	}
	clear(s.foreign.unread)
	s.takes(s.stockOf(t, map[survey.At]survey.Lot{at(raw, 0): is(plan.Complete, "a"), at(raw, 1): is(plan.Complete, "B"), at(clean, 0): is(plan.Complete, "x")}))
	if len(s.foreign.unread) > 0 {
		t.Errorf("the next listing has read %v", s.foreign.unread)
	}
}
