// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// landing has orders/raw be what arrives, in place of what a workload makes.
func landing(_ time.Time, tree fstest.MapFS) {
	file := tree["orders/project.yaml"]
	file.Data = []byte(strings.Replace(string(file.Data), "blueprint: container-job, command: [run]", "blueprint: boundary", 1))
}

// arrive writes a file of orders/raw at a time within a lot.
func (w *world) arrive(key string, n int) {
	w.t.Helper()
	file := filepath.Join(w.dir, "lake/raw", key)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(key), 0o644); err != nil {
		w.t.Fatal(err)
	}
	at := w.at(n).Start.Add(time.Minute)
	if err := os.Chtimes(file, at, at); err != nil {
		w.t.Fatal(err)
	}
}

// there are how many lots of raw are complete, are empty, and of clean are made.
func (w *world) there() string {
	return fmt.Sprint(len(w.lots("raw", manifest.Complete)), len(w.lots("raw", manifest.Empty)), len(w.lots("clean", manifest.Complete)))
}

// TestBoundary: files that lie in the path of a dataset become its lots, and those who read it run, once each.
func TestBoundary(t *testing.T) {
	w := newWorld(t, landing)
	w.arrive("a.csv", 1)
	w.arrive("x/b.csv", 1)
	w.arrive("c.csv", 4)
	w.keep()
	w.await("all lots", func() bool { return w.there() == fmt.Sprint(2, hours-2, hours) })
	data, err := os.ReadFile(w.path("raw", w.at(1)))
	if err != nil || strings.Count(string(data), "file://"+w.dir+"/lake/raw/") != 2 {
		t.Errorf("the manifest is %s, %v", data, err)
	}
	for run, n := range w.cluster.starts() {
		if n != 1 || !strings.HasPrefix(run, "sales/clean ") {
			t.Errorf("%s ran %d times", run, n)
		}
	}
}

// TestNotifications: with a notification it is looked at once, also for a manifest that someone wrote; whatever else one says changes
// nothing (hostile input 45).
func TestNotifications(t *testing.T) {
	w := newWorld(t, landing)
	w.keepEvery(24 * time.Hour) // by itself it does not look again
	w.await("all lots", func() bool { return w.there() == fmt.Sprint(0, hours, hours) })
	lake := "file://" + w.dir + "/lake/"
	for name, uris := range map[string][]string{
		"of a file that is not there": {lake + "raw/forged.csv"},
		"of another place":            {"s3://elsewhere/raw/a.csv", lake + "rawer/a.csv", ""},
		"a way up":                    {lake + "raw/../../../etc/passwd"},
	} {
		for range 1000 {
			w.keeper.Hint(uris)
		}
		if got, want := w.there(), fmt.Sprint(0, hours, hours); got != want {
			t.Errorf("after notifications %s there is %s, want %s", name, got, want)
		}
	}
	w.arrive("late.csv", 3)
	if n := w.keeper.Hint([]string{lake + "raw/late.csv", lake + "raw/late.csv", "s3://elsewhere/x"}); n != 2 {
		t.Errorf("%d objects are where something is looked at, want 2", n)
	}
	w.await("the late lot", func() bool { return w.there() == fmt.Sprint(1, hours-1, hours) })

	if err := os.Remove(w.path("clean", w.at(5))); err != nil {
		t.Fatal(err)
	}
	w.keeper.Hint([]string{"file://" + w.path("clean", w.at(5))})
	w.await("the lot that was lost", func() bool {
		return w.there() == fmt.Sprint(1, hours-1, hours) && w.cluster.starts()["sales/clean "+w.at(5).ID()] == 2
	})
}

// TestSuspendedBoundary: nothing is written for a boundary that is suspended, or left out.
func TestSuspendedBoundary(t *testing.T) {
	for _, field := range []string{"suspend", "exclude"} {
		w := newWorld(t, landing, func(_ time.Time, tree fstest.MapFS) {
			file := tree["orders/project.yaml"]
			file.Data = []byte(strings.Replace(string(file.Data), "blueprint: boundary", "blueprint: boundary, "+field+": true", 1))
		})
		if d := declare(w.catalog.Load(), "dev", ""); len(d.boundaries) != 0 {
			t.Errorf("with %s, %d boundaries are looked at", field, len(d.boundaries))
		}
	}
}

// TestDisabledBoundary: a boundary that someone has disabled writes nothing until it is enabled, and it is said why; a lot of it that is
// removed is made again.
func TestDisabledBoundary(t *testing.T) {
	w := newWorld(t, landing)
	w.arrive("a.csv", 1)
	said(t, "orders/land makes no lots until it is enabled; what runs just now goes on")(w.replica(50*time.Millisecond).Disable(t.Context(), "dev", "orders/raw@1", ann))
	w.keep()
	w.await("the reason", func() bool { return w.why("orders/raw@1", 1).Status == "disabled" })
	if err := w.keeper.ask(t.Context(), func(l *loop) error {
		if g := l.boundaries[l.states["dev"]]["orders/land"]; g == nil || !g.began.IsZero() {
			t.Errorf("it was looked at: %+v", g)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	said(t, "orders/land makes lots again; it was disabled by "+ann.String())(w.keeper.Enable(t.Context(), "dev", "orders/land", ann))
	all := func() bool { return w.there() == fmt.Sprint(1, hours-1, hours) }
	w.await("all lots", all)
	said(t, w.at(1).ID()+" of orders/raw@1 counts no longer; orders/land makes it again of what has arrived; disable that first if it is not to")(
		w.keeper.Remove(t.Context(), "dev", "orders/raw@1", w.at(1), ann))
	w.await("the lot that was removed", func() bool { return len(w.lots("raw", manifest.Removed)) == 1 && all() })
}

// TestLotsOfABoundary: what is known of its lots are those of its dataset, from where they begin up to now, as they were seen last.
func TestLotsOfABoundary(t *testing.T) {
	w := newWorld(t, landing)
	s := planned(t, w)
	g := s.boundaries["orders/land"]
	key := func(series string, n int) survey.At { return survey.At{Series: series, Lot: w.at(n)} }
	has := func(etag string) survey.Lot {
		return survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}, ETag: etag}
	}
	s.lists(t, map[survey.At]survey.Lot{
		key(g.Series, -1): has("before"), key(g.Series, 1): has("gone"), key(g.Series, 2): has("b"), key(g.Series, 3): has("old"),
		key(g.Series, hours): has("later"), key("sales/clean@1", 3): has("other"),
	})
	s.saw(key(g.Series, 1), survey.Lot{})
	s.saw(key(g.Series, 3), has("new"))
	s.saw(key(g.Series, 4), has("more"))
	v, want := s.view(), map[lot.Lot]survey.Lot{w.at(2): has("b"), w.at(3): has("new"), w.at(4): has("more")}
	if diff := cmp.Diff(want, v.of(g, w.now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestManifestsAreNoData: manifests that lie in the path of the dataset are never taken for data, or each would be a reason for another.
func TestManifestsAreNoData(t *testing.T) {
	w := newWorld(t, landing, func(_ time.Time, tree fstest.MapFS) {
		file := tree["trunkline.yaml"]
		file.Data = []byte(strings.Replace(string(file.Data), "/manifests/\"", "/lake/raw/m/\"", 1))
	})
	d := declare(w.catalog.Load(), "dev", "")
	if diff := cmp.Diff([]string{"m/datasets/", "m/trunkline-lots/acme/dev/"}, d.boundaries["orders/land"].Apart); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPace: notifications have it looked sooner, at once at best, and never all the time: also a flood of them costs no more than a part
// of the time.
func TestPace(t *testing.T) {
	const interval = time.Minute
	for _, tc := range []struct {
		reason string
		took   time.Duration
		// during and after say whether notifications come while it is looked, and after that.
		during, after bool
		want          time.Duration
	}{
		{"by itself, each interval", 0, false, false, interval},
		{"one that takes long keeps a distance by itself", 10 * time.Second, false, false, 190 * time.Second},
		{"after a notification, soon", 0, false, true, pauseAtLeast},
		{"also after one that came while it was looked", 0, true, false, pauseAtLeast},
		{"and not before what it takes has been paid for", 10 * time.Second, true, true, 40 * time.Second},
	} {
		var p pace
		began := noon
		p.begins(began)
		for range 1000 {
			if tc.during {
				p.hurry()
			}
		}
		now := began.Add(tc.took)
		p.ended(now, now.Add(interval))
		for range 1000 {
			if tc.after {
				p.hurry()
			}
		}
		if got := p.next.Sub(now); got != tc.want {
			t.Errorf("%s: %s after it, want %s", tc.reason, got, tc.want)
		}
	}
}

// TestHints: however many there are, they take no more room than there are places, and a bounded number of lots.
func TestHints(t *testing.T) {
	h := newHints()
	a, b := spot{"dev", "orders/land"}, spot{environment: "dev"}
	dataset := manifest.Dataset{Name: "raw", Version: "1"}
	h.about([]place{{prefix: "s3://lake/raw/", spot: a}, {"s3://lots/datasets/", b, map[manifest.Dataset]string{dataset: "orders/raw@1"}}})
	for i := range 10_000 {
		h.add([]string{fmt.Sprintf("s3://lake/raw/%d", i), "s3://other/x", "s3://lots/datasets/x", "s3://lots/datasets/name=ghost/version=1/lot=20260101P1D000/state=empty/manifest.json"})
	}
	l := lot.Hourly.At(noon)
	one := written{"dev", "s3://lots/", dataset, survey.At{Series: "orders/raw@1", Lot: l}}
	for range 10 {
		h.add([]string{"s3://lots/" + manifest.Key{Dataset: dataset, Lot: l, State: manifest.Complete}.Path()})
	}
	spots, lots := h.take()
	if diff := cmp.Diff(map[spot]bool{a: true}, spots); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(lots) != 1 || !lots[one] {
		t.Errorf("the lots are %v", lots)
	}
	for range 2 * maxWritten {
		h.add([]string{"s3://lots/" + manifest.Key{Dataset: dataset, Lot: l, State: manifest.Complete}.Path()})
		l = l.Next()
	}
	if spots, lots := h.take(); len(lots) != maxWritten || !spots[b] {
		t.Errorf("%d lots are noted, and all are listed: %t", len(lots), spots[b])
	}
	if spots, lots := h.take(); len(spots)+len(lots) != 0 || len(h.told) != 1 {
		t.Error("they are there twice")
	}
}
