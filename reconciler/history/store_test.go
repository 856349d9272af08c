// SPDX-License-Identifier: Apache-2.0

package history_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	full := history.Event{
		Time: noon.Add(123456 * time.Microsecond), Platform: "acme", Release: orders("prod"), Kind: history.Drift, Commit: "0123456789abcdef",
		By: "Zoë O'Neil", Why: `a "reason"; DROP TABLE trunkline_events --`, Message: "line one\nline two\t✓", Took: 1234567 * time.Microsecond,
		Applied: 4, Pruned: 1, Fields: []string{"spec.replicas", `metadata.labels["a, b"]`}, Object: "Deployment orders-prod/web",
	}
	onBoth(t, func(t *testing.T, d history.Database) {
		s := open(t, d)
		write(t, s, "a", history.Event{Time: noon, Kind: "of-a-newer-version"}, full)
		got := query(t, s, history.Filter{})
		for i := range got.Events {
			if got.Events[i].ID == 0 {
				t.Error("an event has no id")
			}
			got.Events[i].ID = 0
		}
		check(t, "All of an event is kept, and no more.", []history.Event{full, {Time: noon, Kind: "of-a-newer-version"}}, got.Events)

		again := open(t, d)
		check(t, "Who opens it later finds the same.", 2, len(query(t, again, history.Filter{}).Events))
	})
}

func TestFilters(t *testing.T) {
	at := func(minute int, kind history.Kind, id catalog.ReleaseID, platform, name string) history.Event {
		return history.Event{Time: noon.Add(time.Duration(minute) * time.Minute), Kind: kind, Release: id, Platform: platform, Message: name}
	}
	rates := catalog.ReleaseID{Project: "rates", Environment: "dev", Cluster: "two"}
	events := []history.Event{
		at(0, history.Accepted, catalog.ReleaseID{}, "acme", "commit"),
		at(1, history.Ran, orders("dev"), "acme", "orders dev"),
		at(2, history.Ran, orders("prod"), "acme", "orders prod"),
		at(3, history.Drift, rates, "acme", "rates drift"),
		at(4, history.Failed, rates, "other", "rates fails"),
		at(5, history.LotMade, rates, "other", "a lot"),
	}
	cases := map[string]struct {
		reason string
		filter history.Filter
		want   []string
	}{
		"All":         {"The newest come first; lots that were made are not among them.", history.Filter{}, []string{"rates fails", "rates drift", "orders prod", "orders dev", "commit"}},
		"Project":     {"A project's, in all environments.", history.Filter{Release: catalog.ReleaseID{Project: "orders"}}, []string{"orders prod", "orders dev"}},
		"Release":     {"All parts must fit.", history.Filter{Release: orders("dev")}, []string{"orders dev"}},
		"Environment": {"Parts stand for themselves.", history.Filter{Release: catalog.ReleaseID{Environment: "dev"}}, []string{"rates fails", "rates drift", "orders dev"}},
		"Cluster":     {"The cluster too.", history.Filter{Release: catalog.ReleaseID{Cluster: "two"}}, []string{"rates fails", "rates drift"}},
		"Platform":    {"A database may hold more than one.", history.Filter{Platform: "other"}, []string{"rates fails"}},
		"Kind":        {"One kind.", history.Filter{Kinds: []history.Kind{history.Drift}}, []string{"rates drift"}},
		"Kinds":       {"Or several.", history.Filter{Kinds: []history.Kind{history.Drift, history.Accepted}}, []string{"rates drift", "commit"}},
		"Lots":        {"They are asked for by their kind.", history.Filter{Kinds: []history.Kind{history.LotMade, history.Drift}}, []string{"a lot", "rates drift"}},
		"Since":       {"The bound itself counts.", history.Filter{Since: noon.Add(3 * time.Minute)}, []string{"rates fails", "rates drift"}},
		"Until":       {"The bound itself does not.", history.Filter{Until: noon.Add(time.Minute)}, []string{"commit"}},
		"Between":     {"Both.", history.Filter{Since: noon.Add(time.Minute), Until: noon.Add(2 * time.Minute)}, []string{"orders dev"}},
		"Limit":       {"The newest ones.", history.Filter{Limit: 2}, []string{"rates fails", "rates drift"}},
		"None":        {"Nothing is no error.", history.Filter{Release: catalog.ReleaseID{Project: "nobody"}}, []string{}},
		"Quotes":      {"Names are values.", history.Filter{Release: catalog.ReleaseID{Project: "x' OR '1'='1"}}, []string{}},
		"Before":      {"An event that is not there any more was the oldest.", history.Filter{Before: 4711}, []string{}},
	}
	onBoth(t, func(t *testing.T, d history.Database) {
		s := open(t, d)
		write(t, s, "a", events...)
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) { check(t, tc.reason, tc.want, messages(query(t, s, tc.filter))) })
		}
		for _, limit := range []int{-1, history.MaxLimit + 1} {
			if _, err := s.Query(t.Context(), history.Filter{Limit: limit}); err == nil {
				t.Errorf("%d events can be asked for", limit)
			}
		}
	})
}

func TestPages(t *testing.T) {
	onBoth(t, func(t *testing.T, d history.Database) {
		s := open(t, d)
		// A replica that was cut off writes later what happened earlier, some at the same moment.
		events := series(7)
		write(t, s, "a", events[3:]...)
		write(t, s, "b", events[:3]...)
		write(t, s, "c", events[2], events[4])
		var got []string
		pages := 0
		for before := int64(0); ; pages++ {
			p := query(t, s, history.Filter{Limit: 2, Before: before})
			got = append(got, messages(p)...)
			if before = p.Next; before == 0 {
				break
			}
		}
		check(t, "Pages follow each other without a gap, in the order of time.", []string{"6", "5", "4", "4", "3", "2", "2", "1", "0"}, got)
		check(t, "And end with the last one.", 4, pages)
		check(t, "A page that is just full is the last one too.", int64(0), query(t, s, history.Filter{Limit: 9}).Next)
	})
}

func TestAnEventIsWrittenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, d history.Database) {
		s := open(t, d)
		events := series(120) // more than go into one statement
		write(t, s, "a", events[:70]...)
		write(t, s, "a", events...)
		write(t, s, "b", events[0])
		check(t, "What was written is not written again; that of another recorder is another event.", 121,
			len(query(t, s, history.Filter{Limit: 1000}).Events))
	})
}

func TestABatchIsWrittenWhollyOrNotAtAll(t *testing.T) {
	s := open(t, postgresAt(t, pkg.Database(t)))
	events := series(60)
	events[59].Message = "\x00" // which PostgreSQL does not take
	if err := s.Write(t.Context(), history.Batch{Origin: "a", First: 1, Events: events}); err == nil {
		t.Fatal("PostgreSQL takes what it says that it does not")
	}
	check(t, "Nothing of it is there.", 0, len(query(t, s, history.Filter{}).Events))
}

func TestRetention(t *testing.T) {
	cases := map[string]struct {
		reason string
		keep   history.Retention
		now    time.Time
		want   []string
	}{
		"Age":     {"What is older than the age goes; the bound itself stays.", history.Retention{Age: 2 * time.Minute}, noon.Add(6 * time.Minute), []string{"6", "5", "4"}},
		"Events":  {"The newest are kept, though they were written first.", history.Retention{Events: 3}, noon, []string{"6", "5", "4"}},
		"One":     {"One can be kept.", history.Retention{Events: 1}, noon, []string{"6"}},
		"Both":    {"The stricter one counts.", history.Retention{Age: 5 * time.Minute, Events: 2}, noon.Add(6 * time.Minute), []string{"6", "5"}},
		"All":     {"A quarter of a year is kept by default.", history.Retention{}, noon.Add(history.DefaultAge), []string{"6", "5", "4", "3", "2", "1", "0"}},
		"Nothing": {"After it, nothing is.", history.Retention{}, noon.Add(history.DefaultAge + time.Hour), []string{}},
		"Exact":   {"As many as may be kept are.", history.Retention{Events: 7}, noon, []string{"6", "5", "4", "3", "2", "1", "0"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, d history.Database) {
				s := open(t, d)
				events := series(7)
				write(t, s, "a", events[3:]...)
				write(t, s, "b", events[:3]...)
				n, err := s.Prune(t.Context(), tc.keep, tc.now)
				if err != nil {
					t.Fatal(err)
				}
				check(t, tc.reason, tc.want, messages(query(t, s, history.Filter{})))
				check(t, "It says how many it deleted.", int64(7-len(tc.want)), n)
			})
		})
	}
}

// TestRetentionOfLots: lots that were made drive out each other, and nothing else; nor does anything else drive out them.
func TestRetentionOfLots(t *testing.T) {
	onBoth(t, func(t *testing.T, d history.Database) {
		s := open(t, d)
		lots := series(9)
		for i := range lots {
			lots[i].Kind = history.LotMade
		}
		write(t, s, "a", append(lots, series(4)...)...)
		if n, err := s.Prune(t.Context(), history.Retention{Events: 3}, noon); err != nil || n != 7 {
			t.Errorf("deleted %d, %v, want 7", n, err)
		}
		check(t, "The newest events stay.", []string{"3", "2", "1"}, messages(query(t, s, history.Filter{})))
		check(t, "The newest lots too.", []string{"8", "7", "6"}, messages(query(t, s, history.Filter{Kinds: []history.Kind{history.LotMade}})))
	})
}

// TestUsual: how long a run usually takes is the median of the newest ones that made a lot.
func TestUsual(t *testing.T) {
	onBoth(t, func(t *testing.T, d history.Database) {
		s := open(t, d)
		at := func(minute, seconds int, kind history.Kind, env, workload, platform string) history.Event {
			return history.Event{
				Time: noon.Add(time.Duration(minute) * time.Minute), Kind: kind, Release: orders(env), Object: workload, Platform: platform,
				Took: time.Duration(seconds) * time.Second,
			}
		}
		events := []history.Event{
			at(-90, 999, history.LotMade, "dev", "clean", "acme"), // before the time that is asked for
			at(1, 10, history.LotMade, "dev", "clean", "acme"), at(2, 500, history.LotMade, "dev", "clean", "acme"), at(3, 12, history.LotMade, "dev", "clean", "acme"),
			at(4, 1, history.LotFailed, "dev", "clean", "acme"),
			at(5, 1, history.LotMade, "dev", "clean", "other"),
			at(6, 30, history.LotMade, "dev", "land", "acme"), at(6, 20, history.LotMade, "dev", "land", "acme"),
		}
		for i := range 100 { // of many, the newest count
			events = append(events, at(i, 100-i, history.LotMade, "prod", "clean", "acme"))
		}
		write(t, s, "a", events...)
		got, err := s.Usual(t.Context(), "acme", noon.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		check(t, "The median of each.", []history.Usual{
			{Release: orders("dev"), Workload: "clean", Took: 12 * time.Second},
			{Release: orders("dev"), Workload: "land", Took: 20 * time.Second},
			{Release: orders("prod"), Workload: "clean", Took: 13 * time.Second},
		}, got)
	})
}

func TestRetentionInChunks(t *testing.T) {
	s := open(t, sqliteAt(t, filepath.Join(t.TempDir(), "history.db")))
	write(t, s, "a", series(2100)...)
	if n, err := s.Prune(t.Context(), history.Retention{Events: 10}, noon); err != nil || n != 2090 {
		t.Errorf("deleted %d, %v, want 2090", n, err)
	}
	write(t, s, "b", history.Event{Time: noon.Add(200 * time.Hour), Kind: history.Ran})
	if id := query(t, s, history.Filter{Limit: 1}).Events[0].ID; id != 2101 {
		t.Errorf("the next event got the id %d, want one that was never given", id)
	}
}

func TestTheFileIsNobodyElses(t *testing.T) {
	// Characters that mean something in a URL and in a pattern are those of a name here.
	dir := filepath.Join(t.TempDir(), "a b?c#d%41[e]*")
	file := filepath.Join(dir, "history.db")
	s := open(t, sqliteAt(t, file))
	write(t, s, "a", series(1)...)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = info.Mode().String()
	}
	check(t, "All files are where they should be, and nobody else can read them.",
		map[string]string{"history.db": "-rw-------", "history.db-shm": "-rw-------", "history.db-wal": "-rw-------"}, got)
}
