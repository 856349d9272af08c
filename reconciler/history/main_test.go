// SPDX-License-Identifier: Apache-2.0

package history_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/test/pgtest"
)

var pkg pgtest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

// noon is when everything happens in these tests.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// databases are the kinds of database; what is tested on one is tested on both.
var databases = map[string]func(*testing.T) history.Database{
	"SQLite":   func(t *testing.T) history.Database { return sqliteAt(t, filepath.Join(t.TempDir(), "history.db")) },
	"Postgres": func(t *testing.T) history.Database { return postgresAt(t, pkg.Database(t)) },
}

// onBoth runs a test on an empty database of each kind.
func onBoth(t *testing.T, test func(*testing.T, history.Database)) {
	t.Helper()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

func sqliteAt(t *testing.T, file string) history.Database {
	t.Helper()
	d, err := history.SQLite(file)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func postgresAt(t *testing.T, dsn string) history.Database {
	t.Helper()
	d, err := history.Postgres(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t *testing.T, d history.Database) *history.Store {
	t.Helper()
	s, err := history.Open(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// write writes events as a recorder of a name would, beginning with number 1.
func write(t *testing.T, s *history.Store, origin string, events ...history.Event) {
	t.Helper()
	if err := s.Write(t.Context(), history.Batch{Origin: origin, First: 1, Events: events}); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, s *history.Store, f history.Filter) history.Page {
	t.Helper()
	p, err := s.Query(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// messages are what most tests tell events apart by.
func messages(p history.Page) []string {
	out := []string{}
	for _, e := range p.Events {
		out = append(out, e.Message)
	}
	return out
}

func check(t *testing.T, reason string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n-want +got:\n%s", reason, diff)
	}
}

func orders(env string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: "orders", Environment: env, Cluster: "one"}
}

// series returns n events, a minute apart, named by their number from 0; the first is the oldest.
func series(n int) []history.Event {
	var out []history.Event
	for i := range n {
		out = append(out, history.Event{Time: noon.Add(time.Duration(i) * time.Minute), Kind: history.Ran, Message: fmt.Sprint(i)})
	}
	return out
}
