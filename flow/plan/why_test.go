// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// hour is an hourly lot of the day that these tests are about.
func hour(n int) lot.Lot { return lot.Hourly.At(epoch.Add(time.Duration(n) * time.Hour)) }

// day is a daily one, counted from that day.
func day(n int) lot.Lot { return lot.Daily.At(epoch.AddDate(0, 0, n)) }

// chain is raw, from outside, of which clean is made by the hour, and of clean a daily sum. It is ten past noon.
func chain() *world {
	w := &world{
		series: map[string]plan.Series{
			"orders/raw@1":   {ID: "orders/raw@1", Unit: lot.Hourly, Since: epoch, External: true},
			"orders/clean@1": {ID: "orders/clean@1", Unit: lot.Hourly, Since: epoch},
			"rates/sum@1":    {ID: "rates/sum@1", Unit: lot.Daily, Since: epoch.AddDate(0, 0, -1)},
		},
		arcs: map[string]plan.Arc{
			"orders/clean": {ID: "orders/clean", Writes: []string{"orders/clean@1"}, Digest: "one", Reads: []plan.Read{
				{Role: "raw", Series: "orders/raw@1", Lots: 1, Trigger: true, Recompute: true},
			}},
			"rates/sum": {ID: "rates/sum", Writes: []string{"rates/sum@1"}, Reads: []plan.Read{
				{Role: "clean", Series: "orders/clean@1", Lots: 24, Trigger: true},
			}},
		},
		marks: map[key]plan.Mark{}, runs: map[key]plan.Run{}, replays: map[string]plan.Replay{},
		now: epoch.Add(36*time.Hour + 10*time.Minute), clock: epoch.Add(36 * time.Hour),
	}
	for n := range 36 {
		w.write("orders/raw@1", hour(n), plan.Complete)
	}
	for n := range 36 {
		w.write("orders/clean@1", hour(n), plan.Complete)
	}
	w.write("rates/sum@1", day(0), plan.Complete)
	return w
}

func (w *world) arc(id string, change func(*plan.Arc)) {
	a := w.arcs[id]
	change(&a)
	w.arcs[id] = a
}

func (w *world) plainGraph() *plan.Graph {
	return plan.NewGraph(slices.Collect(maps.Values(w.series)), slices.Collect(maps.Values(w.arcs)))
}

func (w *world) plain() *plan.Planner {
	seen := &plan.Seen{}
	for k, m := range w.marks {
		seen.Lot(k.id, k.lot, m)
	}
	for _, r := range w.runs {
		seen.Run(r)
	}
	for _, r := range w.replays {
		seen.Replay(r)
	}
	return plan.New(w.plainGraph(), seen, w.limits, w.now)
}

func TestWhy(t *testing.T) {
	missing := func(w *world) { w.write("orders/clean@1", hour(5), plan.None) }
	cases := map[string]struct {
		reason string
		change func(*world)
		id     string
		lot    lot.Lot
		want   []string
	}{
		"There":       {"nothing has to be done", nil, "orders/clean@1", hour(5), []string{"there"}},
		"ThereOfArc":  {"a workload's lot is that of what it writes", nil, "orders/clean", hour(5), []string{"there"}},
		"Empty":       {"a lot that holds nothing is there all the same", func(w *world) { w.write("orders/clean@1", hour(5), plan.Empty) }, "orders/clean@1", hour(5), []string{"there"}},
		"EmptyInput":  {"and is read", func(w *world) { missing(w); w.write("orders/raw@1", hour(5), plan.Empty) }, "orders/clean@1", hour(5), []string{"starts next"}},
		"Unknown":     {"nobody declares such a dataset", nil, "orders/other@1", hour(5), []string{"nobody declares it"}},
		"Unit":        {"nor lots of that unit", nil, "orders/clean@1", day(0), []string{"nobody declares it"}},
		"BeforeSince": {"nor earlier ones", nil, "orders/clean@1", hour(-1), []string{"nobody declares it"}},
		"NotDue":      {"its hour is not over", nil, "orders/clean@1", hour(36), []string{"not due until 2026-03-02T13:00:00Z"}},
		"NotDueInput": {"also of what comes from outside, whatever is written of it already", func(w *world) { w.write("orders/raw@1", hour(40), plan.Complete) }, "orders/raw@1", hour(40), []string{"not due until 2026-03-02T17:00:00Z"}},
		"Ready":       {"all is there and nothing holds it", missing, "orders/clean@1", hour(5), []string{"starts next"}},
		"External":    {"what comes from outside did not come", func(w *world) { w.write("orders/raw@1", hour(5), plan.None) }, "orders/raw@1", hour(5), []string{"it is written outside of the platform, and was not"}},
		"Waits":       {"for an input, which has a cause of its own", func(w *world) { missing(w); w.write("orders/raw@1", hour(5), plan.None) }, "orders/clean@1", hour(5), []string{"waits for orders/raw@1 20260301PT1H005", "it is written outside of the platform, and was not"}},
		"Partial":     {"a run that failed half-way leaves what does not count", func(w *world) { missing(w); w.write("orders/raw@1", hour(5), plan.Partial) }, "orders/clean@1", hour(5), []string{"waits for orders/raw@1 20260301PT1H005 (partial)", "it is written outside of the platform, and was not"}},
		"Removed":     {"what was taken away is not there", func(w *world) { missing(w); w.write("orders/raw@1", hour(5), plan.Removed) }, "orders/clean@1", hour(5), []string{"waits for orders/raw@1 20260301PT1H005 (removed)", "it is written outside of the platform, and was not"}},
		"Upstream": {"the first cause is two steps up", func(w *world) {
			missing(w)
			w.write("orders/raw@1", hour(5), plan.None)
			w.write("rates/sum@1", day(0), plan.None)
		}, "rates/sum@1", day(0), []string{"waits for orders/clean@1 20260301PT1H005", "waits for orders/raw@1 20260301PT1H005", "it is written outside of the platform, and was not"}},
		"Worst": {"of several causes the one that stays is named", func(w *world) {
			missing(w)
			w.write("orders/clean@1", hour(7), plan.None)
			w.write("orders/raw@1", hour(7), plan.None)
			w.write("rates/sum@1", day(0), plan.None)
		}, "rates/sum@1", day(0), []string{"waits for orders/clean@1 20260301PT1H005, orders/clean@1 20260301PT1H007", "waits for orders/raw@1 20260301PT1H007", "it is written outside of the platform, and was not"}},
		"Many": {"a long list is short", func(w *world) {
			for n := range 24 {
				w.write("orders/clean@1", hour(n), plan.None)
			}
			w.write("rates/sum@1", day(0), plan.None)
		}, "rates/sum@1", day(0), []string{"waits for orders/clean@1 20260301PT1H000, orders/clean@1 20260301PT1H001, orders/clean@1 20260301PT1H002 and 21 more", "starts next"}},
		"Computable": {"the day before would be made of hours that do not exist", nil, "rates/sum@1", day(-1), []string{"it needs what comes before the first lot: orders/clean@1 20260228PT1H000, orders/clean@1 20260228PT1H001, orders/clean@1 20260228PT1H002 and 21 more"}},
		"NoProducer": {"nobody writes it", func(w *world) { missing(w); delete(w.arcs, "orders/clean") }, "orders/clean@1", hour(5), []string{"no workload writes it"}},
		"NotInGraph": {"what is read is not declared at all", func(w *world) {
			missing(w)
			w.arc("orders/clean", func(a *plan.Arc) { a.Reads[0].Series = "other/raw@1" })
		}, "orders/clean@1", hour(5), []string{"waits for other/raw@1 20260301PT1H005", "nobody declares it"}},
		"Suspended": {"declared so", func(w *world) { missing(w); w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Suspended }) }, "orders/clean@1", hour(5), []string{"orders/clean is suspended"}},
		"Excluded":  {"declared so", func(w *world) { missing(w); w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Excluded }) }, "orders/clean@1", hour(5), []string{"orders/clean is excluded"}},
		"Disabled": {"by a person, who says why", func(w *world) {
			missing(w)
			w.limits.Holds = []plan.Hold{{Of: "orders/clean", By: "ann: it is wrong", Disabled: true}, {Of: "orders", By: "alice"}}
		}, "orders/clean@1", hour(5), []string{"orders/clean is disabled by ann: it is wrong"}},
		"DisabledFirst": {"and that goes away by itself later than what failed", func(w *world) {
			for _, n := range []int{5, 7} {
				w.write("orders/clean@1", hour(n), plan.None)
			}
			w.write("rates/sum@1", day(0), plan.None)
			w.runs[key{"orders/clean", hour(5)}] = plan.Run{Arc: "orders/clean", Lot: hour(5), Attempt: 1, Failed: w.now, Digest: "one"}
			w.limits.Holds = []plan.Hold{{Of: "orders/clean", By: "ann", Disabled: true}}
		}, "rates/sum@1", day(0), []string{"waits for orders/clean@1 20260301PT1H005, orders/clean@1 20260301PT1H007", "orders/clean is disabled by ann"}},
		"Scheduled": {"the clock starts it", func(w *world) { missing(w); w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Scheduled }) }, "orders/clean@1", hour(5), []string{"orders/clean runs by its schedule, and did not write it"}},
		"Steady":    {"a service writes what it writes", func(w *world) { missing(w); w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Steady }) }, "orders/clean@1", hour(5), []string{"orders/clean always runs, and did not write it"}},
		"Running": {"under way", func(w *world) {
			missing(w)
			w.runs[key{"orders/clean", hour(5)}] = plan.Run{Arc: "orders/clean", Lot: hour(5), Attempt: 2}
		}, "orders/clean@1", hour(5), []string{"running (attempt 2)"}},
		"Failed": {"the second failure is waited after for two minutes", func(w *world) {
			missing(w)
			w.runs[key{"orders/clean", hour(5)}] = plan.Run{Arc: "orders/clean", Lot: hour(5), Attempt: 2, Failed: w.now, Reason: "exit code 1", Digest: "one"}
		}, "orders/clean@1", hour(5), []string{"orders/clean failed (attempt 2): exit code 1; tried again at 2026-03-02T12:12:00Z"}},
		"FailedLong": {"and the ninetieth for an hour", func(w *world) {
			missing(w)
			w.runs[key{"orders/clean", hour(5)}] = plan.Run{Arc: "orders/clean", Lot: hour(5), Attempt: 90, Failed: w.now, Digest: "one"}
		}, "orders/clean@1", hour(5), []string{"orders/clean failed (attempt 90); tried again at 2026-03-02T13:10:00Z"}},
		"FailedOther": {"a workload that has changed does not wait", func(w *world) {
			missing(w)
			w.runs[key{"orders/clean", hour(5)}] = plan.Run{Arc: "orders/clean", Lot: hour(5), Attempt: 2, Failed: w.now, Digest: "zero"}
		}, "orders/clean@1", hour(5), []string{"starts next"}},
		"FailedBefore": {"what failed before the lot was made says nothing", func(w *world) {
			w.runs[key{"orders/clean", hour(5)}] = plan.Run{Arc: "orders/clean", Lot: hour(5), Attempt: 2, Failed: w.now, Digest: "one"}
		}, "orders/clean@1", hour(5), []string{"there"}},
		"Held": {"a freeze holds runs too", func(w *world) {
			missing(w)
			w.limits.Holds = []plan.Hold{{By: `the freeze "year end"`, Until: w.now.Add(time.Hour)}}
		}, "orders/clean@1", hour(5), []string{`orders/clean is held by the freeze "year end" until 2026-03-02T13:10:00Z`}},
		"HeldLongest": {"of several the one that ends last", func(w *world) {
			missing(w)
			w.limits.Holds = []plan.Hold{{By: "a freeze", Until: w.now.Add(time.Hour)}, {Of: "orders/clean", By: "alice"}, {Of: "rates", By: "bob"}}
		}, "orders/clean@1", hour(5), []string{"orders/clean is held by alice"}},
		"HeldOver": {"one that is over holds nothing", func(w *world) { missing(w); w.limits.Holds = []plan.Hold{{By: "a freeze", Until: w.now}} }, "orders/clean@1", hour(5), []string{"starts next"}},
		"LimitOfArc": {"as many as it may", func(w *world) {
			missing(w)
			w.limits.PerArc = 1
			w.runs[key{"orders/clean", hour(6)}] = plan.Run{Arc: "orders/clean", Lot: hour(6), Attempt: 1}
		}, "orders/clean@1", hour(5), []string{"waits for its turn: the limit of the workload is reached"}},
		"Limit": {"as many as there may be, also of those that nobody declares", func(w *world) {
			missing(w)
			w.limits.AtOnce = 1
			w.runs[key{"gone/gone", hour(6)}] = plan.Run{Arc: "gone/gone", Lot: hour(6), Attempt: 1}
		}, "orders/clean@1", hour(5), []string{"waits for its turn: the limit of the environment is reached"}},
		"LimitOfOld": {"a lot that is old leaves room for those that are not", func(w *world) {
			missing(w)
			w.write("orders/clean@1", hour(4), plan.None)
			w.limits.AtOnce, w.limits.Backfill = 4, 30
		}, "orders/clean@1", hour(5), []string{"waits for its turn: the limit of the backfill is reached"}},
		"NotKept": {"it would be removed at once", func(w *world) {
			missing(w)
			s := w.series["orders/clean@1"]
			s.Retention = 24 * time.Hour
			w.series["orders/clean@1"] = s
		}, "orders/clean@1", hour(5), []string{"it is so old that it would not be kept"}},
		"Kept": {"and is not made again once it was", func(w *world) {
			s := w.series["orders/clean@1"]
			s.Retention = 24 * time.Hour
			w.series["orders/clean@1"] = s
			w.write("orders/raw@1", hour(5), plan.Complete)
		}, "orders/clean@1", hour(5), []string{"there"}},
		"Late": {"an input was written again", func(w *world) { w.write("orders/raw@1", hour(5), plan.Complete) }, "orders/clean@1", hour(5), []string{"there, and to be made again (late): starts next"}},
		"Told": {"which the read does not recompute for", func(w *world) { w.write("orders/clean@1", hour(5), plan.Complete) }, "rates/sum@1", day(0), []string{"there; clean was written after it"}},
		"Unsettled": {"nothing is made of what is to be made again", func(w *world) {
			w.write("orders/raw@1", hour(5), plan.Complete)
			w.write("rates/sum@1", day(0), plan.None)
		}, "rates/sum@1", day(0), []string{"waits for orders/clean@1 20260301PT1H005 (to be made again)", "there, and to be made again (late): starts next"}},
		"Replay": {"a replay wants it", func(w *world) {
			w.replays["fix"] = plan.Replay{ID: "fix", Of: "orders/clean@1", From: epoch, Until: epoch.AddDate(0, 0, 1), Marked: w.clock.Add(time.Second)}
		}, "orders/clean@1", hour(5), []string{"there, and to be made again (replay fix): starts next"}},
		"ReplayUntil": {"up to what is not part of it", func(w *world) {
			w.replays["fix"] = plan.Replay{ID: "fix", Of: "orders/clean@1", From: epoch, Until: hour(5).Start, Marked: w.clock.Add(time.Second)}
		}, "orders/clean@1", hour(5), []string{"there"}},
		"ReplayDone": {"made after it was marked", func(w *world) {
			w.replays["fix"] = plan.Replay{ID: "fix", Of: "orders/clean@1", From: epoch, Until: epoch.AddDate(0, 0, 1), Marked: epoch}
		}, "orders/clean@1", hour(5), []string{"there"}},
		"Cascade": {"what is made of it is made again after it", func(w *world) {
			w.replays["fix"] = plan.Replay{ID: "fix", Of: "orders/clean", From: epoch, Until: epoch.Add(time.Hour), Marked: w.clock.Add(time.Minute), Cascade: true}
		}, "rates/sum@1", day(0), []string{"there, and to be made again (replay fix): waits for orders/clean@1 20260301PT1H000 (to be made again)", "there, and to be made again (replay fix): starts next"}},
		"NoCascade": {"and only if it says so", func(w *world) {
			w.replays["fix"] = plan.Replay{ID: "fix", Of: "orders/clean", From: epoch, Until: epoch.Add(time.Hour), Marked: w.clock.Add(time.Minute)}
		}, "rates/sum@1", day(0), []string{"there"}},
		"CascadeOut": {"also if nobody here makes what is replayed", func(w *world) {
			w.replays["fix"] = plan.Replay{ID: "fix", Of: "orders/raw@1", From: epoch, Until: epoch.Add(time.Hour), Marked: w.clock.Add(time.Minute), Cascade: true}
		}, "orders/clean@1", hour(0), []string{"there, and to be made again (replay fix): starts next"}},
		"Any": {"one of two inputs is enough", func(w *world) {
			missing(w)
			w.arc("orders/clean", func(a *plan.Arc) {
				a.Need = 1
				a.Reads = append(a.Reads, plan.Read{Role: "more", Series: "other/raw@1", Lots: 1, Trigger: true})
			})
		}, "orders/clean@1", hour(5), []string{"starts next"}},
		"AnyNone": {"none is not", func(w *world) {
			missing(w)
			w.write("orders/raw@1", hour(5), plan.None)
			w.arc("orders/clean", func(a *plan.Arc) {
				a.Need = 1
				a.Reads = append(a.Reads, plan.Read{Role: "sum", Series: "rates/sum@1", Lots: 1, Trigger: true})
			})
			w.write("rates/sum@1", day(0), plan.None)
		}, "orders/clean@1", hour(5), []string{"waits for 1 of its inputs: orders/raw@1 20260301PT1H005, rates/sum@1 20260301P1D000", "it is written outside of the platform, and was not"}},
		"NoTrigger": {"what does not trigger is not waited for", func(w *world) {
			missing(w)
			w.write("orders/raw@1", hour(5), plan.None)
			w.arc("orders/clean", func(a *plan.Arc) { a.Reads[0].Trigger = false })
		}, "orders/clean@1", hour(5), []string{"starts next"}},
		"Future": {"a day that is not over is not there, whoever has written it", func(w *world) {
			w.write("orders/clean@1", hour(30), plan.None)
			w.series["days/fx@1"] = plan.Series{ID: "days/fx@1", Unit: lot.Daily, Since: epoch, External: true}
			w.write("days/fx@1", day(1), plan.Complete)
			w.arc("orders/clean", func(a *plan.Arc) {
				a.Reads = append(a.Reads, plan.Read{Role: "fx", Series: "days/fx@1", Lots: 1, Trigger: true})
			})
		}, "orders/clean@1", hour(30), []string{"waits for days/fx@1 20260302P1D000 (before it has ended)", "not due until 2026-03-03T00:00:00Z"}},
		"TooMany": {"a series that begins in the year 1", func(w *world) {
			s := w.series["orders/clean@1"]
			s.Since = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
			s.Unit = lot.Twelfths
			w.series["orders/clean@1"] = s
		}, "orders/clean@1", lot.Twelfths.At(time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)), []string{"orders/clean has too many lots: only the newest 4194304 are looked after"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := chain()
			if tc.change != nil {
				tc.change(w)
			}
			var got []string
			for _, r := range w.plain().Cause(tc.id, tc.lot) {
				got = append(got, r.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
