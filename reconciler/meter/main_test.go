// SPDX-License-Identifier: Apache-2.0

package meter_test

import (
	"context"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/meter"
	"trunkline.dev/trunkline/test/pgtest"
)

var pkg pgtest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

// noon is when most happens in these tests.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// onBoth runs a test on an empty database of each kind.
func onBoth(t *testing.T, test func(*testing.T, func() *meter.Ledger)) {
	t.Helper()
	for name, database := range map[string]func(*testing.T) (history.Database, error){
		"SQLite": func(t *testing.T) (history.Database, error) {
			return history.SQLite(filepath.Join(t.TempDir(), "history.db"))
		},
		"Postgres": func(t *testing.T) (history.Database, error) { return history.Postgres(pkg.Database(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := database(t)
			if err != nil {
				t.Fatal(err)
			}
			// Each call is another replica, or the same one after a restart.
			test(t, func() *meter.Ledger { return open(t, d) })
		})
	}
}

func open(t *testing.T, d history.Database) *meter.Ledger {
	t.Helper()
	s, err := history.Open(t.Context(), d, meter.Tables())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return meter.NewLedger(s)
}

// inFile opens a ledger in a file for a check of rapid, which ends with it.
func inFile(t *rapid.T) (l *meter.Ledger, done func()) {
	dir, err := os.MkdirTemp("", "meter")
	if err != nil {
		t.Fatal(err)
	}
	d, err := history.SQLite(filepath.Join(dir, "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := history.Open(context.Background(), d, meter.Tables())
	if err != nil {
		t.Fatal(err)
	}
	return meter.NewLedger(s), func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
}

// pod is one of a workload that takes a core, for a euro an hour.
func pod(uid string, began time.Time, lasted time.Duration, certainty usage.Certainty) meter.Priced {
	return meter.Priced{
		Fact: usage.Fact{
			Cluster: "one", UID: uid, Kind: usage.Pod, Once: true, Certainty: certainty, Began: began, Until: began.Add(lasted),
			Place: usage.Place{Project: "orders", Environment: "prod", Owner: "team-orders", Workload: "load", Run: "load-" + uid},
			Cores: big.NewRat(1, 1), MiB: big.NewRat(1024, 1),
		},
		Tariff: usage.Tariff{Currency: "EUR", Steps: []usage.Step{{PerHour: big.NewRat(1, 1)}}},
	}
}

func write(t testing.TB, l *meter.Ledger, things ...meter.Priced) {
	t.Helper()
	trouble, err := l.Write(context.Background(), "acme", things)
	if err != nil || len(trouble) > 0 {
		t.Fatal(err, trouble)
	}
}

// all are the days of the tests.
func all(by ...usage.Dimension) usage.Filter {
	return usage.Filter{Platform: "acme", Since: noon.AddDate(-1, 0, 0), Until: noon.AddDate(1, 0, 0), By: by}
}

func query(t testing.TB, l *meter.Ledger, f usage.Filter) usage.Answer {
	t.Helper()
	a, err := l.Query(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// amounts are what rows say, by the parts that they are added up by.
func amounts(rows []usage.Row) map[string]int64 {
	out := map[string]int64{}
	for _, r := range rows {
		key := r.Day + "|" + r.Cluster + "|" + string(r.Kind) + "|" + r.Project + "|" + r.Environment + "|" + r.Workload + "|" + r.Run
		out[key] += r.Nano
	}
	return out
}

func check(t testing.TB, reason string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n-want +got:\n%s", reason, diff)
	}
}
