// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// TestRequests: how often a run asks the object store, by kind. These are the numbers of docs/performance.md: they grow only on purpose.
func TestRequests(t *testing.T) {
	c := newCounter(t)
	expect := func(what, want, got string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s asks (-want +got):\n%s", what, diff)
		}
	}
	is := func(want, got came) {
		t.Helper()
		if got != want {
			t.Fatalf("it came to %s, want %s", got, want)
		}
	}
	for n := range 24 {
		is(cameMade, c.run("raw", hourOf(n), 3, false))
		expect("a run that reads nothing", "2 LIST, 1 PUT", c.asked())
	}
	is(cameMade, c.run("clean", hourOf(0), 3, false))
	expect("a run that reads what this keeper has written", "3 LIST, 1 PUT", c.asked())
	is(cameMade, c.run("clean", hourOf(1), 0, false))
	expect("one that writes nothing", "3 LIST, 1 PUT", c.asked())

	c.restart()
	is(cameMade, c.run("clean", hourOf(2), 1, false))
	expect("a run that reads what nobody has read yet", "1 GET, 3 LIST, 1 PUT", c.asked())
	day := lot.Daily.At(hourOf(0).Start)
	is(cameFailed, c.run("daily", day, 0, true))
	expect("a join of 24 lots, of which one was read before, that fails and leaves nothing", "23 GET, 2 LIST", c.asked())
	c.now = c.now.Add(time.Hour)
	is(cameFailed, c.run("daily", day, 1, true))
	expect("the same once more, with something left", "3 LIST, 1 PUT", c.asked())
	c.now = c.now.Add(time.Hour)
	is(cameMade, c.run("daily", day, 1, false))
	expect("a join of 24 lots that were read, of which two attempts failed", "4 LIST, 1 PUT", c.asked())

	c.replay("orders/daily")
	is(cameMade, c.run("daily", day, 2, false))
	expect("a replay of the same", "1 DELETE, 1 GET, 5 LIST, 2 PUT", c.asked())
}

// TestFinishCrashes: whichever request is the last of a keeper that finishes a run, and whether it was done, the next one comes to the same
// end: one manifest counts, of all that the run wrote; and what was replaced is recorded. Before that, what counts is the old one or
// the new one, or nothing does.
func TestFinishCrashes(t *testing.T) {
	for name, tc := range map[string]struct {
		replay bool
		most   int64
		states []string
	}{
		"First":  {false, 4, []string{"complete"}},
		"Replay": {true, 8, []string{"complete", "removed"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounter(t)
			hour, over := 0, false
			if tc.replay {
				for n := range 20 {
					c.run("raw", hourOf(n), 1, false)
				}
				c.replay("orders/raw")
			}
			for at := int64(1); !over; at++ {
				for _, done := range []bool{false, true} {
					l := hourOf(hour)
					hour++
					todo, _ := c.begin("raw", l, 2, false)
					requests := c.crash(at, done)
					d, err := c.worker.finish(t.Context(), todo)
					over = requests.Load() < at
					c.count()
					if over != (err == nil) {
						t.Fatalf("crash at request %d: %v", at, err)
					}
					if counts := counting(c.entries("raw", l)); len(counts) > 1 {
						t.Errorf("crash at request %d, done %t: %d count", at, done, len(counts))
					}
					c.restart()
					c.s3.Advance(time.Minute)
					if !over {
						if d, err = c.worker.finish(t.Context(), todo); err != nil {
							t.Fatalf("crash at request %d, done %t: again: %v", at, done, err)
						}
					}
					c.state.done(d, c.now)
					var states []string
					for _, e := range c.entries("raw", l) {
						states = append(states, string(e.Key.State))
						m, err := c.worker.stores.read(t.Context(), "s3://manifests/", e.Key, "s3://lake/raw/")
						if e.Key.State == manifest.Complete && (err != nil || len(m.URIs) != 2 || !strings.Contains(m.URIs[0], todo.job.Tag)) {
							t.Errorf("crash at request %d, done %t: what counts is %v, %v", at, done, m.URIs, err)
						}
					}
					if diff := cmp.Diff(tc.states, states); diff != "" || d.came != cameMade {
						t.Errorf("crash at request %d, done %t: it is %s (%s), -want +got:\n%s", at, done, d.came, d.why, diff)
					}
				}
				if at > tc.most+1 {
					t.Fatalf("it takes more than %d requests", tc.most)
				}
			}
		})
	}
}

// TestMeanwhile: someone else writes a manifest of a lot while a run makes it. Theirs counts, whichever of the two places it has, and
// what the run wrote is not lost without a record.
func TestMeanwhile(t *testing.T) {
	c := newCounter(t)
	for n, tc := range []struct {
		state   manifest.State
		objects int
		want    []string
	}{
		{manifest.Complete, 2, []string{"complete"}},
		{manifest.Empty, 2, []string{"empty", "removed"}},
		{manifest.Complete, 0, []string{"complete", "removed"}},
	} {
		l := hourOf(n)
		todo, _ := c.begin("raw", l, tc.objects, false)
		key := manifest.Key{Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Lot: l, State: tc.state}
		theirs := manifest.Manifest{State: tc.state, LotID: l.ID(), URIType: manifest.Identifier}
		if tc.state == manifest.Complete {
			theirs.URIs = []string{"s3://lake/raw/theirs"}
		}
		err := store.With(t.Context(), "s3://manifests/", bucket.Options{Endpoint: c.s3.URL}, func(s *store.Store) error { return s.Write(t.Context(), key, theirs) })
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // again after a crash before it was noted
			d, err := c.worker.finish(t.Context(), todo)
			if err != nil || d.came != cameNeedless || !d.lots[survey.At{Series: "orders/raw@1", Lot: l}].State.There() {
				t.Errorf("%s by someone else: it is %s (%s), %v", tc.state, d.came, d.why, err)
			}
			var states []string
			for _, e := range c.entries("raw", l) {
				if s := string(e.Key.State); !slices.Contains(states, s) {
					states = append(states, s)
				}
			}
			if diff := cmp.Diff(tc.want, states); diff != "" {
				t.Errorf("%s by someone else: -want +got:\n%s", tc.state, diff)
			}
			c.s3.Advance(time.Minute)
		}
		if counts := counting(c.entries("raw", l)); len(counts) != 1 || counts[0].Key != key {
			t.Errorf("what counts is %v", counts)
		}
	}
}

// TestInputsSinceTheListing: an input that is not what it was known to be when a run is started is looked at again, and one that changes
// while the run runs has it count for nothing, whether it failed or not. Only what cannot be read is asked again.
func TestInputsSinceTheListing(t *testing.T) {
	c := newCounter(t)
	write := func(l lot.Lot, name string) {
		t.Helper()
		key := manifest.Key{Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Lot: l, State: manifest.Complete}
		m := manifest.Manifest{State: manifest.Complete, LotID: l.ID(), URIType: manifest.Identifier, URIs: []string{"s3://lake/raw/" + name}}
		err := bucket.With(t.Context(), "s3://manifests/", bucket.Options{Endpoint: c.s3.URL}, func(f bucket.Folder) error {
			if err := f.Delete(t.Context(), key.Path()); err != nil || name == "" {
				return err
			}
			return f.Create(t.Context(), key.Path(), m.Encode())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	reads := func(want string) {
		t.Helper()
		for _, v := range c.cluster.last.Variables {
			if v.Name == "TRUNKLINE_READ_RAW" && v.Value.With(nil) != want {
				t.Errorf("it reads %s, want %s", v.Value.With(nil), want)
			}
		}
	}
	for n := range 4 {
		c.run("raw", hourOf(n), 1, false)
	}
	c.restart()
	write(hourOf(0), "other")
	_, came := c.begin("clean", hourOf(0), 1, false)
	if reads("s3://lake/raw/other"); came != cameStarted {
		t.Errorf("one that was replaced since the listing: it is %s", came)
	}
	write(hourOf(1), "")
	if _, came := c.begin("clean", hourOf(1), 1, false); came != cameNot {
		t.Errorf("one that went since the listing: it is %s", came)
	}
	for n, failed := range []bool{false, true} {
		l := hourOf(2 + n)
		todo, _ := c.begin("clean", l, 1, failed)
		write(l, "other")
		d, err := c.worker.finish(t.Context(), todo)
		if err != nil || d.came != cameLost || d.lots[survey.At{Series: "orders/raw@1", Lot: l}].ETag == "" {
			t.Errorf("one that changes meanwhile, the run fails: %t: it is %s, %v", failed, d.came, err)
		}
		if counts := counting(c.entries("clean", l)); len(counts) > 0 {
			t.Errorf("what was made of what is not there any more counts: %v", counts)
		}
		c.state.done(d, c.now)
	}
}

// TestLingering: of a Job that was deleted while nobody looked, its pods tell: the lot is not made by another run before they have ended, and it is
// written down what they left. If they have ended too, the next Job of the same name writes to a folder of its own.
func TestLingering(t *testing.T) {
	c := newCounter(t)
	l := hourOf(0)
	before, _ := c.begin("raw", l, 1, false)
	delete(c.state.busy, before.key) // the keeper is killed, and the Job deleted
	c.state.ran(before.key, plan.Run{})
	c.restart()
	if came := c.run("raw", l, 2, false); came != cameMade {
		t.Fatalf("its pods have ended: it is %s", came)
	}
	if diff := cmp.Diff([]string{"complete", "partial"}, statesOf(c.entries("raw", l))); diff != "" {
		t.Errorf("its pods have ended: -want +got:\n%s", diff)
	}

	l = hourOf(1)
	before, _ = c.begin("raw", l, 1, false)
	delete(c.state.busy, before.key)
	c.state.ran(before.key, plan.Run{})
	c.restart()
	c.cluster.lingering = map[string]bool{c.cluster.last.Name: true}
	if _, came := c.begin("raw", l, 0, false); came != cameLost {
		t.Fatalf("its pods are at work: it is %s", came)
	}
	if diff := cmp.Diff([]string{"partial"}, statesOf(c.entries("raw", l))); diff != "" {
		t.Errorf("its pods are at work: -want +got:\n%s", diff)
	}
	if came := c.run("raw", l, 2, false); came != cameMade || !strings.HasPrefix(c.cluster.last.Attempt, "r2") {
		t.Errorf("after they have ended: it is %s by %s", came, c.cluster.last.Attempt)
	}
}
