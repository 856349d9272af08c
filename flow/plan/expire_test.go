// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/plan"
)

func (w *world) keep(id string, d time.Duration) {
	s := w.series[id]
	s.Retention = d
	w.series[id] = s
}

// idsOf names lots that expired, with why they stay.
func idsOf(all []plan.Expired) (out []string) {
	for _, e := range all {
		id := e.Series + " " + e.Lot.Start.Format("02T15")
		if e.Stays != "" {
			id += ": " + e.Stays
		}
		out = append(out, id)
	}
	return out
}

// hoursOf names the first hours of a series.
func hoursOf(id string, n int) (out []string) {
	for i := range n {
		out = append(out, id+" "+hour(i).Start.Format("02T15"))
	}
	return out
}

// TestRemove is which lots are removed, and why others stay. It is ten past noon of the second day; what is kept for 33 hours, is so from
// three o'clock of the first on, and of that all that is made of it is there.
func TestRemove(t *testing.T) {
	const raw, clean, sum = "orders/raw@1", "orders/clean@1", "rates/sum@1"
	retain := plan.Retain{Enforce: true, PerDay: 1000}
	cases := map[string]struct {
		reason string
		change func(*world, *plan.Retain)
		want   []string
	}{
		"Oldest":  {"the oldest go first", func(*world, *plan.Retain) {}, []string{raw + " 01T00", raw + " 01T01", raw + " 01T02"}},
		"Off":     {"nobody says that lots are removed", func(_ *world, r *plan.Retain) { r.Enforce = false }, nil},
		"Kept":    {"what has ended just as long ago is kept no longer, and what ends later is", func(w *world, _ *plan.Retain) { w.now = hour(33).Start; w.keep(raw, 32*time.Hour) }, []string{raw + " 01T00"}},
		"Forever": {"without a retention all is kept", func(w *world, _ *plan.Retain) { w.keep(raw, 0) }, nil},
		"Stays":   {"some series stay", func(_ *world, r *plan.Retain) { r.Stays = map[string]string{raw: "external"} }, nil},
		"Before": {"what is before the first that is declared is nobody's", func(w *world, _ *plan.Retain) {
			s := w.series[raw]
			s.Since = hour(2).Start
			w.series[raw] = s
		}, []string{raw + " 01T02"}},
		"PerDay": {"no more in a day than may be", func(_ *world, r *plan.Retain) { r.PerDay = 2 }, []string{raw + " 01T00", raw + " 01T01"}},
		"Removed": {"what was removed lately counts, whoever did it", func(w *world, r *plan.Retain) {
			r.PerDay = 2
			w.clock = w.now.Add(-23 * time.Hour)
			w.write(raw, hour(0), plan.Removed)
		}, []string{raw + " 01T01"}},
		"Yesterday": {"what was removed more than a day ago does not", func(w *world, r *plan.Retain) {
			r.PerDay = 2
			w.clock = w.now.Add(-25 * time.Hour)
			w.write(raw, hour(0), plan.Removed)
		}, []string{raw + " 01T01", raw + " 01T02"}},
		"Full": {"as many were removed as may be", func(w *world, r *plan.Retain) {
			r.PerDay = 1
			w.write(raw, hour(0), plan.Removed)
			w.write(raw, hour(1), plan.Removed)
		}, nil},
		"Needed": {"what is made of it is not there yet", func(w *world, _ *plan.Retain) { w.write(clean, hour(1), plan.None) }, []string{raw + " 01T00", raw + " 01T02"}},
		"Suspended": {"also if that is suspended", func(w *world, _ *plan.Retain) {
			w.write(clean, hour(1), plan.None)
			w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Suspended })
		}, []string{raw + " 01T00", raw + " 01T02"}},
		"Excluded": {"what is left out makes nothing", func(w *world, _ *plan.Retain) {
			w.write(clean, hour(1), plan.None)
			w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Excluded })
		}, []string{raw + " 01T00", raw + " 01T01", raw + " 01T02"}},
		"Replayed": {"what is made of it is to be made once more", func(w *world, _ *plan.Retain) {
			w.replays["one"] = plan.Replay{ID: "one", Of: "orders/clean", From: hour(1).Start, Until: hour(2).Start, Marked: w.clock.Add(time.Hour)}
		}, []string{raw + " 01T00", raw + " 01T02"}},
		"Read": {"a run reads it", func(w *world, _ *plan.Retain) {
			w.runs[key{"orders/clean", hour(1)}] = plan.Run{Arc: "orders/clean", Lot: hour(1), Attempt: 1}
		}, []string{raw + " 01T00", raw + " 01T02"}},
		"NotEnded": {"it is read for a day that has not ended", func(w *world, _ *plan.Retain) {
			w.keep(raw, 0)
			w.keep(clean, 11*time.Hour)
		}, hoursOf(clean, 24)},
		"MadeAgain": {"it would be made again, since what is made with it is kept longer", func(w *world, _ *plan.Retain) {
			w.series["orders/by@1"] = plan.Series{ID: "orders/by@1", Unit: hour(0).Unit, Since: epoch}
			w.keep(raw, 0)
			w.keep(clean, 33*time.Hour)
			w.arc("orders/clean", func(a *plan.Arc) { a.Writes = append(a.Writes, "orders/by@1") })
			for n := range 36 {
				w.write("orders/by@1", hour(n), plan.Complete)
			}
		}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, r := chain(), retain
			w.keep(raw, 33*time.Hour)
			c.change(w, &r)
			if diff := cmp.Diff(c.want, idsOf(w.plain().Remove(r))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// TestExpiredSaysWhy: a lot that stays is told of, too.
func TestExpiredSaysWhy(t *testing.T) {
	w := chain()
	w.keep("orders/raw@1", 34*time.Hour)
	w.write("orders/clean@1", hour(1), plan.None)
	want := []string{"orders/raw@1 01T00", "orders/raw@1 01T01: orders/clean has not made 20260301PT1H001 of it"}
	if diff := cmp.Diff(want, idsOf(w.plain().Expired(plan.Retain{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTheBoundOfRemovalsHolds over any course: in no 24 hours are more lots removed than may be, each was old enough and is removed once,
// and in the end none is left that nothing is in the way of. In which order things are told changes nothing.
func TestTheBoundOfRemovalsHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		for id := range w.series {
			w.keep(id, time.Duration(rapid.IntRange(0, 3).Draw(t, "days"))*24*time.Hour)
		}
		r := plan.Retain{Enforce: true, PerDay: rapid.IntRange(1, 8).Draw(t, "per day")}
		for at, m := range w.marks {
			if m.State == plan.Removed {
				delete(w.marks, at)
			}
		}
		var removed []time.Time
		gone := map[key]bool{}
		step := func() int {
			all := w.planner(t).Remove(r)
			for i, e := range all {
				at, kept := key{e.Series, e.Lot}, w.series[e.Series].Retention
				if kept == 0 || e.Lot.End().Add(kept).After(w.now) || gone[at] || i > 0 && all[i-1].Lot.End().After(e.Lot.End()) {
					t.Fatalf("%s %s was removed at %s, kept for %s", e.Series, e.Lot, w.now, kept)
				}
				gone[at], w.marks[at] = true, plan.Mark{State: plan.Removed, Written: w.now}
				removed = append(removed, w.now)
			}
			lately := 0
			for _, at := range removed {
				if at.After(w.now.Add(-24 * time.Hour)) {
					lately++
				}
			}
			if lately > r.PerDay {
				t.Fatalf("%d were removed in 24 hours, and %d may be", lately, r.PerDay)
			}
			return len(all)
		}
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			if diff := cmp.Diff(idsOf(w.planner(t).Remove(r)), idsOf(w.planner(t).Remove(r))); diff != "" {
				t.Fatalf("in another order (-one +other):\n%s", diff)
			}
			step()
			w.now = w.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "hours")) * time.Hour)
		}
		for w.now = w.now.AddDate(0, 0, 1); step() > 0; w.now = w.now.AddDate(0, 0, 1) {
		}
		for _, e := range w.planner(t).Expired(r) {
			if e.Stays == "" {
				t.Fatalf("%s %s is left, and nothing is in its way", e.Series, e.Lot)
			}
		}
	})
}

// TestRetainOf is what an environment says, and which datasets never lose a lot.
func TestRetainOf(t *testing.T) {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	env := func(name, lake, more string) string {
		return "---\n" + head + "kind: Environment\nmetadata: {name: " + name + "}\nspec:\n  clusters: [one]\n  stores: {lake: \"" + lake + "\"}\n  lots: {manifests: \"s3://m/" + name + "/\"" + more + "}\n"
	}
	base := head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n"
	project := head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: [dev, prod]
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://db/raw/", external: true, lots: {unit: hourly, since: "2026-01-01T00:00:00Z"}, retention: 30d}
    - {name: clean, version: "1", path: "lake://db/clean/", lots: {unit: hourly, since: "2026-01-01T00:00:00Z"}, retention: 30d}
  workloads: [{name: clean, blueprint: container-job, command: [run], reads: {raw: raw@1}, writes: {main: clean@1}}]
`
	cases := map[string]struct {
		reason, dev, prod string
		want              plan.Retain
	}{
		"Default":  {"nothing is removed unless it is said", env("dev", "s3://dev/", ""), env("prod", "s3://prod/", ""), plan.Retain{PerDay: 1000, Stays: map[string]string{"orders/raw@1": "its dataset is external"}}},
		"Enforced": {"what is said", env("dev", "s3://dev/", ""), env("prod", "s3://prod/", ", retention: {enforce: true, perDay: 5, external: true}"), plan.Retain{Enforce: true, PerDay: 5, Stays: map[string]string{}}},
		"Table": {"a table of a catalog is not emptied from here", env("dev", "s3://dev/", ""), env("prod", "glue:///", ", retention: {enforce: true, external: true}"), plan.Retain{Enforce: true, PerDay: 1000, Stays: map[string]string{
			"orders/raw@1": "it is a table of a catalog, of which nothing is removed from here", "orders/clean@1": "it is a table of a catalog, of which nothing is removed from here",
		}}},
		"Shared": {"another environment has its data there", env("dev", "s3a://lake/", ""), env("prod", "s3://lake/", ", retention: {enforce: true, external: true}"), plan.Retain{Enforce: true, PerDay: 1000, Stays: map[string]string{
			"orders/raw@1": "its data lie where those of orders/raw@1 of dev do", "orders/clean@1": "its data lie where those of orders/clean@1 of dev do",
		}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cat, problems, err := catalog.Load(fstest.MapFS{"trunkline.yaml": {Data: []byte(base + c.dev + c.prod)}, "orders/project.yaml": {Data: []byte(project)}}, blueprints.FS)
			if err != nil || problems.Denied() {
				t.Fatalf("%v\n%s", err, problems)
			}
			if diff := cmp.Diff(c.want, plan.RetainOf(cat, "prod")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}
