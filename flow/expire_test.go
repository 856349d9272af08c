// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// old has a lot of raw be there that ended some days ago, and returns where its object is.
func (w *world) old(days int) (l lot.Lot, object string) {
	w.t.Helper()
	l = lot.Hourly.At(w.now.AddDate(0, 0, -days))
	object = filepath.Join(w.dir, "lake/raw", l.ID())
	m := manifest.Manifest{State: manifest.Complete, LotID: l.ID(), URIType: manifest.Identifier, URIs: []string{"file://" + object}}
	for path, data := range map[string]string{object: "data", w.path("raw", l): string(m.Encode())} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	return l, object
}

// kept has raw be external, declared for nine days and kept for two.
func (w *world) kept(retention string) {
	w.t.Helper()
	since := w.now.Add(-hours * time.Hour).Format(time.RFC3339)
	w.declare(`path: "lake://raw/", lots: {unit: hourly, since: "`+since+`"}`,
		`path: "lake://raw/", external: true, retention: 2d, lots: {unit: hourly, since: "`+w.now.AddDate(0, 0, -9).Format(time.RFC3339)+`"}`,
		"writes: {main: raw@1}}]", "writes: {}}]", "/manifests/\"}", "/manifests/\", retention: {"+retention+"}}")
}

// TestRetention: the oldest lots that are not kept any more are removed with their data, no more in a day than may be, also after a restart.
func TestRetention(t *testing.T) {
	w := newWorld(t)
	w.kept("enforce: true, perDay: 2, external: true")
	var objects []string
	for days := 8; days > 2; days-- {
		_, object := w.old(days)
		objects = append(objects, object)
	}
	_, fresh := w.old(1)
	var logged atomic.Int32
	w.log = writerFunc(func(p []byte) (int, error) {
		logged.Add(int32(strings.Count(string(p), "a lot was removed that is not kept any more")))
		return len(p), nil
	})
	var told atomic.Pointer[Expired]
	w.expired = func(e Expired) { told.Store(&e) }
	stop := w.keep()
	w.await("two lots to be removed", func() bool { return len(w.lots("raw", manifest.Removed)) == 2 })
	w.await("that to be told", func() bool { return logged.Load() >= 2 })
	stop()
	oldest := lot.Hourly.At(w.now.AddDate(0, 0, -8))
	want := Expired{"dev", "orders/raw@1", 2, oldest, lot.Hourly.At(w.now.AddDate(0, 0, -7)), "older than the retention of 2 days"}
	if got := told.Load(); got == nil || *got != want {
		t.Errorf("told is %+v, want %+v", got, want)
	}
	for i, object := range append(objects, fresh) {
		if _, err := os.Stat(object); (err == nil) != (i >= 2) {
			t.Errorf("object %d: %v", i, err)
		}
	}
	if all := strings.Join(removals(t, w, "raw"), "\n"); strings.Count(all, `"comment":"older than the retention of 2 days"`) != 2 {
		t.Errorf("the records are %s", all)
	}
	s := planned(t, w)
	found := reader{}.all(t.Context(), s.declared, nil)
	if len(found.Failed) > 0 {
		t.Fatal(found.Failed)
	}
	s.takes(found.Lots)
	if all := s.planner.Expired(s.retain); len(all) != 4 {
		t.Errorf("%v are left that are to be removed", all)
	}
	if all := s.planner.Remove(s.retain); len(all) > 0 {
		t.Errorf("after a restart, %v are removed on the same day", all)
	}
}

// TestRetentionWaits: lots are removed only after a listing of all stores, where the environment says so, and one time after the other.
func TestRetentionWaits(t *testing.T) {
	w := newWorld(t)
	w.kept("enforce: true, external: true")
	l, _ := w.old(5)
	s := planned(t, w)
	s.saw(survey.At{Series: "orders/raw@1", Lot: l}, survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: w.now}, ETag: "a"})
	now := time.Now()
	none := func(why string) {
		t.Helper()
		if all, ok := s.expired(now); ok {
			t.Errorf("%s, and %v are removed", why, all)
		}
	}
	none("nothing was listed since")
	s.expiring.listed, s.retain.Enforce = true, false
	if all, ok := s.expired(now); !ok || len(all) > 0 {
		t.Errorf("nobody says that lots are removed, and %v are, %t", all, ok)
	}
	s.expiring.lots, s.expiring.listed = nil, true
	s.retain.Enforce, s.expiring.next = true, now.Add(time.Minute)
	none("it is too soon")
	s.expiring.next = now
	if all, ok := s.expired(now); !ok || len(all) != 1 || all[0].Lot != l {
		t.Errorf("removed are %v", all)
	}
	s.expiring.listed = true
	none("some are being removed")
	if at := (survey.At{Series: "orders/raw@1", Lot: l}); !s.expiring.lots[at] {
		t.Errorf("being removed are %v", s.expiring.lots)
	}
	clean, _ := s.graph.Arc("sales/clean")
	if !s.expires(clean, l) || s.expires(clean, l.Next()) || s.expires(plan.Arc{}, l) {
		t.Error("a lot is not started exactly if what it reads is being removed")
	}
}

// TestWhatPeopleRemovedIsFinished: data that a person had removed go also if the daemon ended meanwhile, and lots are not removed otherwise.
func TestWhatPeopleRemovedIsFinished(t *testing.T) {
	w := newWorld(t)
	w.kept("external: true")
	l, object := w.old(5)
	_, other := w.old(6)
	ctx, address := t.Context(), "file://"+w.dir+"/manifests/"
	record := ""
	err := store.With(ctx, address, bucket.Options{}, func(s *store.Store) error {
		for e, err := range s.List(ctx, store.Of{Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Lot: l}) {
			if err != nil {
				return err
			}
			record = fmt.Sprintf(`[{"path": %q, "written": %q, "etag": %q}]`, e.Path, e.Written.Format(time.RFC3339Nano), e.ETag)
			return s.Retire(ctx, e, "file://"+w.dir+"/lake/raw/", "removed by ann")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.dir, "manifests/trunkline-lots/acme/dev/expiring/orders/raw@1.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(record), 0o644)); err != nil {
		t.Fatal(err)
	}
	w.keep()
	gone := func(path string) bool { _, err := os.Stat(path); return errors.Is(err, os.ErrNotExist) }
	w.await("the data to go", func() bool { return gone(object) })
	w.await("the record to go", func() bool { return gone(file) })
	if gone(other) || gone(w.path("raw", lot.Hourly.At(w.now.AddDate(0, 0, -6)))) {
		t.Error("a lot is removed that nobody removed")
	}
}
