// SPDX-License-Identifier: Apache-2.0

package egress_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/egress"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func limits() egress.Limits {
	return egress.Limits{Queue: 4, AtOnce: 2, Pause: time.Second, Longest: time.Minute, GiveUp: time.Hour, Overlap: time.Second}
}

// fact is the nth of a dataset.
func fact(dataset, n int, at time.Time) egress.Fact {
	return egress.Fact{
		Type: egress.Available, Platform: "acme", Environment: "prod", Dataset: fmt.Sprintf("orders/d%d@1", dataset), Lot: lot.Hourly.At(start.Add(time.Duration(n) * time.Hour)),
		At: at, Mark: at.Format(time.RFC3339Nano),
	}
}

// target is what a target was told, and what is with the dead letters.
type target struct {
	told  map[string]int
	first []egress.Fact
	dead  map[string]bool
}

func (t *target) answer(s egress.Sending, a egress.Answer) {
	switch {
	case !a.Done:
	case s.Refused != "":
		t.dead[s.ID] = true
	default:
		if t.told[s.ID]++; t.told[s.ID] == 1 {
			t.first = append(t.first, s.Fact)
		}
	}
}

// TestNothingIsLost: whatever a target answers, and wherever the process is killed, each fact is delivered or with the dead letters in
// the end, and those of a dataset are delivered in their order.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := start
		var world []egress.Fact // what the store has: it is never lost
		saved := egress.Cursor{Until: start.Add(-time.Second)}
		box := egress.New(saved, limits())
		to := &target{told: map[string]int{}, dead: map[string]bool{}}
		var flying []egress.Sending
		launch := func() {
			sendings, _ := box.Next(now)
			flying = append(flying, sendings...)
		}
		land := func(a egress.Answer) {
			if len(flying) == 0 {
				return
			}
			i := rapid.IntRange(0, len(flying)-1).Draw(t, "which")
			to.answer(flying[i], a)
			box.Answered(flying[i].ID, a, now)
			flying = slices.Delete(flying, i, i+1)
		}
		survey := func(anyway bool) {
			if since, ok := box.Ask(anyway); ok {
				var facts []egress.Fact
				for _, f := range world {
					if f.At.After(since) {
						facts = append(facts, f)
					}
				}
				box.All(facts)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"happens": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond)
				f := fact(rapid.IntRange(0, 2).Draw(t, "dataset"), len(world), now)
				world = append(world, f)
				box.Tell([]egress.Fact{f})
			},
			"happens unseen": func(*rapid.T) { // and the listing that finds it is newer than the last one
				now = now.Add(time.Second)
				world = append(world, fact(0, len(world), now))
				survey(true)
			},
			"listed":    func(*rapid.T) { survey(false) },
			"launch":    func(*rapid.T) { launch() },
			"delivered": func(*rapid.T) { land(egress.Answer{Done: true}) },
			"failed":    func(*rapid.T) { land(egress.Answer{Failed: "503"}) },
			"later":     func(*rapid.T) { land(egress.Answer{Failed: "429", After: 7 * time.Second}) },
			"refused":   func(*rapid.T) { land(egress.Answer{Refused: "404"}) },
			"waits":     func(*rapid.T) { now = now.Add(20 * time.Second) },
			"saves": func(*rapid.T) {
				c, changed := box.Cursor()
				if !changed {
					return
				}
				data, err := json.Marshal(c)
				if err != nil {
					t.Fatal(err)
				}
				saved = egress.Cursor{}
				if err := json.Unmarshal(data, &saved); err != nil {
					t.Fatal(err)
				}
				box.Saved(c)
			},
			"killed": func(*rapid.T) { flying, box = nil, egress.New(saved, limits()) },
			"":       func(*rapid.T) {},
		})
		for range 20 + 4*len(world) { // it recovers
			survey(false)
			launch()
			for len(flying) > 0 {
				land(egress.Answer{Done: true})
			}
			now = now.Add(2 * time.Minute)
		}
		for _, f := range world {
			if id := f.ID(); to.told[id] == 0 && !to.dead[id] {
				t.Fatalf("%s at %s was lost; %d facts", f.Dataset, f.At, len(world))
			}
		}
		last := map[string]time.Time{}
		for _, f := range to.first {
			if to.dead[f.ID()] {
				continue // it was refused, and then the process was killed: who came next has tried it again
			}
			if f.At.Before(last[f.Dataset]) {
				t.Fatalf("%s at %s was told after one at %s", f.Dataset, f.At, last[f.Dataset])
			}
			last[f.Dataset] = f.At
		}
	})
}

// caughtUp is an outbox that misses nothing.
func caughtUp(t *testing.T, l egress.Limits) *egress.Outbox {
	t.Helper()
	box := egress.New(egress.Cursor{Until: start}, l)
	if _, ok := box.Ask(false); !ok {
		t.Fatal("a new outbox does not ask for what has happened")
	}
	box.All(nil)
	return box
}

func ids(sendings []egress.Sending) (out []string) {
	for _, s := range sendings {
		out = append(out, s.Fact.Dataset+" "+s.Fact.Lot.ID())
	}
	return out
}

// TestLanes: a dataset whose facts are not accepted delays no other, and its own are told in order, after a pause that grows.
func TestLanes(t *testing.T) {
	box := caughtUp(t, limits())
	now := start.Add(time.Minute)
	bad, next, good := fact(0, 0, now), fact(0, 1, now), fact(1, 0, now)
	box.Tell([]egress.Fact{bad, next, good})
	first, _ := box.Next(now)
	if diff := cmp.Diff([]string{"orders/d0@1 20260101PT1H000", "orders/d1@1 20260101PT1H000"}, ids(first)); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	box.Answered(good.ID(), egress.Answer{Done: true}, now)
	for failures, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		box.Answered(bad.ID(), egress.Answer{Failed: "503"}, now)
		sendings, again := box.Next(now)
		if len(sendings) > 0 || !again.Equal(now.Add(pause)) {
			t.Fatalf("after %d failures %v is sent, and again at %s, want in %s", failures+1, ids(sendings), again, pause)
		}
		now = again
		if sendings, _ = box.Next(now); len(sendings) != 1 || sendings[0].ID != bad.ID() {
			t.Fatalf("then %v is sent, want the one that failed", ids(sendings))
		}
	}
	box.Answered(bad.ID(), egress.Answer{Done: true}, now)
	if sendings, _ := box.Next(now); len(sendings) != 1 || sendings[0].ID != next.ID() {
		t.Errorf("then %v is sent, want the next of the dataset", ids(sendings))
	}
}

// TestEnds: what a target refuses, or does not accept for too long, goes to the dead letters, and only then it is settled.
func TestEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		answer egress.Answer
		after  time.Duration
		want   string
	}{
		"refused":  {"sending it again is of no use", egress.Answer{Refused: "it answered 404"}, 0, "it answered 404"},
		"given up": {"it has been tried for as long as the limit says", egress.Answer{Failed: "it answered 500"}, time.Hour, "it was tried for 1h0m0s: it answered 500"},
		"tried on": {"it may succeed", egress.Answer{Failed: "it answered 500"}, time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			box := caughtUp(t, limits())
			f := fact(0, 0, start.Add(time.Second))
			box.Tell([]egress.Fact{f})
			box.Next(start)
			now := start.Add(tc.after)
			box.Answered(f.ID(), tc.answer, now)
			got, _ := box.Next(now.Add(time.Second))
			if len(got) != 1 || got[0].Refused != tc.want {
				t.Fatalf("%s: next is %+v, want %q", tc.reason, got, tc.want)
			}
			if _, changed := box.Cursor(); changed {
				t.Error("it is settled before it is with the dead letters")
			}
			box.Answered(f.ID(), egress.Answer{Done: true}, now)
			if c, changed := box.Cursor(); !changed || len(c.Told) != 1 || box.Waiting() != 0 {
				t.Errorf("it is not settled: %+v, %d wait", c, box.Waiting())
			}
		})
	}
}

// TestPaused: a target that asks to be left alone is, as a whole, and not for ever.
func TestPaused(t *testing.T) {
	box := caughtUp(t, limits())
	a, b := fact(0, 0, start.Add(time.Second)), fact(1, 0, start.Add(time.Second))
	box.Tell([]egress.Fact{a})
	box.Next(start)
	box.Answered(a.ID(), egress.Answer{Failed: "429", After: 1000 * time.Hour}, start)
	box.Tell([]egress.Fact{b})
	if sendings, again := box.Next(start.Add(59 * time.Minute)); len(sendings) > 0 || !again.Equal(start.Add(time.Hour)) {
		t.Errorf("%v is sent, and again at %s", ids(sendings), again)
	}
	if sendings, _ := box.Next(start.Add(time.Hour)); len(sendings) != 2 {
		t.Errorf("after an hour, %v is sent", ids(sendings))
	}
}

// TestLetters: a dead letter that is sent once more is told although it was settled, and changes nothing of what is.
func TestLetters(t *testing.T) {
	f := fact(0, 0, start.Add(-24*time.Hour))
	box := egress.New(egress.Cursor{Until: start, Told: map[string]time.Time{f.ID(): start}}, limits())
	before, _ := box.Cursor()
	box.Again(f)
	box.Again(f)
	sendings, _ := box.Next(start)
	if len(sendings) != 1 || !sendings[0].Letter {
		t.Fatalf("sent is %+v", sendings)
	}
	box.Answered(f.ID(), egress.Answer{Done: true}, start)
	after, changed := box.Cursor()
	if !after.Until.Equal(before.Until) || changed || box.Waiting() != 0 {
		t.Errorf("the cursor is %+v, and was %+v", after, before)
	}
}

// TestCursorStaysBehind: the cursor does not pass what waits, however much of what happened later is told.
func TestCursorStaysBehind(t *testing.T) {
	box := caughtUp(t, limits())
	waits := fact(0, 0, start.Add(time.Minute))
	later := fact(1, 0, start.Add(time.Hour))
	box.Tell([]egress.Fact{waits, later})
	now := start.Add(2 * time.Hour)
	box.Next(now)
	box.Answered(waits.ID(), egress.Answer{Failed: "503"}, now)
	box.Answered(later.ID(), egress.Answer{Done: true}, now)
	if c, _ := box.Cursor(); !c.Until.Before(waits.At) || len(c.Told) != 1 {
		t.Errorf("the cursor is %+v", c)
	}
	box.Next(now.Add(time.Minute))
	box.Answered(waits.ID(), egress.Answer{Done: true}, now.Add(time.Minute))
	if c, _ := box.Cursor(); c.Until.Before(waits.At) || len(c.Told) != 1 {
		t.Errorf("once it is told, the cursor is %+v", c)
	}
}

// TestFarAhead: a manifest whose time lies ahead, as a clock that was wrong leaves it, does not have what happens until then be taken
// for told.
func TestFarAhead(t *testing.T) {
	box := caughtUp(t, limits())
	f := fact(0, 0, start.AddDate(80, 0, 0))
	box.Tell([]egress.Fact{f})
	now := start.Add(time.Hour)
	box.Next(now)
	box.Answered(f.ID(), egress.Answer{Done: true}, now)
	c, _ := box.Cursor()
	if c.Until.After(now) || len(c.Told) != 1 {
		t.Errorf("the cursor is %+v", c)
	}
}

func TestIDs(t *testing.T) {
	f := fact(0, 0, start)
	same := f
	same.Reason, same.Attempt, same.Workload = "it is told by another one", "r1", "orders/land"
	if f.ID() != same.ID() {
		t.Error("who finds out changes what happened")
	}
	seen := map[string]string{f.ID(): "the first"}
	for what, change := range map[string]func(*egress.Fact){
		"the type":        func(f *egress.Fact) { f.Type = egress.Removed },
		"the platform":    func(f *egress.Fact) { f.Platform = "other" },
		"the environment": func(f *egress.Fact) { f.Environment = "dev" },
		"the dataset":     func(f *egress.Fact) { f.Dataset = "orders/d0@2" },
		"the lot":         func(f *egress.Fact) { f.Lot = f.Lot.Next() },
		"the manifest":    func(f *egress.Fact) { f.Mark = "another" },
	} {
		other := f
		change(&other)
		if was, taken := seen[other.ID()]; taken {
			t.Errorf("%s changes nothing: it is %s", what, was)
		}
		seen[other.ID()] = what
	}
	data, err := json.Marshal(same)
	if err != nil {
		t.Fatal(err)
	}
	var back egress.Fact
	if err := json.Unmarshal(data, &back); err != nil || !cmp.Equal(same, back) {
		t.Errorf("%s is read as %+v, %v", data, back, err)
	}
}

func TestSubscriptions(t *testing.T) {
	clean := egress.Fact{Type: egress.Failed, Dataset: "orders/clean@2"}
	run := egress.Fact{Type: egress.RunMade, Workload: "sales/report", Reads: []egress.Series{{ID: "orders/clean@2"}}, Writes: []egress.Series{{ID: "sales/report@1"}}}
	for name, tc := range map[string]struct {
		sub  egress.Subscription
		fact egress.Fact
		want bool
	}{
		"all":                    {egress.Subscription{}, clean, true},
		"its project":            {egress.Subscription{Datasets: []string{"rates/*", "orders/*"}}, clean, true},
		"its version":            {egress.Subscription{Datasets: []string{"*@2"}}, clean, true},
		"in the middle":          {egress.Subscription{Datasets: []string{"o*/cl*@*"}}, clean, true},
		"another version":        {egress.Subscription{Datasets: []string{"orders/clean@1"}}, clean, false},
		"a part of its name":     {egress.Subscription{Datasets: []string{"orders/clean"}}, clean, false},
		"parts that overlap":     {egress.Subscription{Datasets: []string{"orders/clean*clean@2"}}, clean, false},
		"its type":               {egress.Subscription{Types: []egress.Type{egress.Available, egress.Failed}}, clean, true},
		"another type":           {egress.Subscription{Types: []egress.Type{egress.Available}}, clean, false},
		"a run that reads it":    {egress.Subscription{Datasets: []string{"orders/clean@2"}}, run, true},
		"a run that writes it":   {egress.Subscription{Datasets: []string{"sales/*"}, Types: []egress.Type{egress.Available}}, run, true},
		"a run of other dataset": {egress.Subscription{Datasets: []string{"rates/*"}}, run, false},
	} {
		if got := tc.sub.Selects(tc.fact); got != tc.want {
			t.Errorf("%s: got %t, want %t", name, got, tc.want)
		}
	}
}
