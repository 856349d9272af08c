// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/test/pgtest"
)

// kinds returns an empty database of each kind. The server is the test's own, since that of the package is in the hands of
// the tests from outside.
func kinds(t *testing.T) map[string]Database {
	t.Helper()
	lite, err := SQLite(filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Database{"SQLite": lite}
	if testing.Short() {
		return all
	}
	if all["Postgres"], err = Postgres(pgtest.Start(t).Database(t)); err != nil {
		t.Fatal(err)
	}
	return all
}

func connect(t *testing.T, d Database) *sql.DB {
	t.Helper()
	db, err := d.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func versions(ctx context.Context, t *testing.T, db *sql.DB) []int {
	t.Helper()
	rows, err := db.QueryContext(ctx, `SELECT version FROM trunkline_history ORDER BY version`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []int
	for rows.Next() {
		var v int
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMigrations(t *testing.T) {
	one := []string{`CREATE TABLE trial (id {{id}}, name TEXT NOT NULL)`, `INSERT INTO trial (name) VALUES ('one')`}
	two := []string{`ALTER TABLE trial ADD COLUMN size BIGINT NOT NULL DEFAULT 7`}
	broken := []string{`INSERT INTO trial (name) VALUES ('half')`, `ALTER TABLE nowhere ADD COLUMN x TEXT`}
	for name, d := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			ctx, db := t.Context(), connect(t, d)
			count := func() (n int) {
				t.Helper()
				if err := db.QueryRowContext(ctx, `SELECT count(*) FROM trial`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			if err := migrate(ctx, db, d, [][]string{one}); err != nil {
				t.Fatal(err)
			}
			if err := migrate(ctx, db, d, [][]string{one, broken}); err == nil || !strings.Contains(err.Error(), "bringing it to version 2") {
				t.Errorf("a broken migration ends with %v", err)
			}
			if n := count(); n != 1 {
				t.Errorf("a migration that failed left %d rows, want the one from before", n)
			}
			for range 2 {
				if err := migrate(ctx, db, d, [][]string{one, two}); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff([]int{1, 2}, versions(ctx, t, db)); diff != "" {
				t.Errorf("each version is reached once\n-want +got:\n%s", diff)
			}
			if n := count(); n != 1 {
				t.Errorf("the first migration ran again: %d rows", n)
			}
			err := migrate(ctx, db, d, [][]string{one})
			if diff := cmp.Diff(&NewerError{Where: d.String(), Version: 2, Known: 1}, err); diff != "" {
				t.Errorf("an older program refuses a newer database\n-want +got:\n%s", diff)
			}
		})
	}
}

func TestReplicasThatStartAtOnce(t *testing.T) {
	steps := [][]string{
		{`CREATE TABLE trial (id {{id}}, name TEXT NOT NULL)`},
		{`INSERT INTO trial (name) VALUES ('two')`},
		{`INSERT INTO trial (name) VALUES ('three')`},
	}
	for name, d := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			// What makes a new file of SQLite one that many can use does not wait for its turn. A file has one daemon, which
			// holds a lock on its folder; it is the migrations that take turns.
			if err := connect(t, d).PingContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for range 8 {
				db := connect(t, d)
				all.Go(func() {
					if err := migrate(t.Context(), db, d, steps); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			var n int
			db := connect(t, d)
			if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM trial`).Scan(&n); err != nil || n != 2 {
				t.Errorf("found %d rows, %v, want that every migration ran once", n, err)
			}
			if diff := cmp.Diff([]int{1, 2, 3}, versions(t.Context(), t, db)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestANewerDatabaseIsLeftAlone(t *testing.T) {
	for name, d := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.db.ExecContext(t.Context(), `INSERT INTO trunkline_history (version) VALUES (99)`); err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), d)
			var newer *NewerError
			if !errors.As(err, &newer) || newer.Version != 99 || newer.Known != len(migrations) {
				t.Fatalf("got %v, want that it is of version 99", err)
			}
			if faultOf(err) != passing {
				t.Error("a newer database is taken for a damaged one, and would be moved aside")
			}
			want := "is of version 99, and this trunkline knows up to 2: run the newer one, or name another database"
			if !strings.HasSuffix(err.Error(), want) {
				t.Errorf("got %q, want that it ends with %q", err, want)
			}
		})
	}
}

// TestEventsOfAnOlderProgram: what was recorded before it was said how someone signed on is there afterwards, and says nothing of it.
func TestEventsOfAnOlderProgram(t *testing.T) {
	for name, d := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			ctx, db := t.Context(), connect(t, d)
			if err := migrate(ctx, db, d, migrations[:1]); err != nil {
				t.Fatal(err)
			}
			const older = `INSERT INTO trunkline_events
				(origin, number, at, platform, project, environment, cluster, kind, commit_hash, who, why, message, took, applied, pruned, object, fields)
				VALUES ('old', 1, 1, 'acme', 'orders', 'dev', 'one', 'suspended', '', 'ann', 'incident', '', 0, 0, 0, '', '[]')`
			if _, err := db.ExecContext(ctx, older); err != nil {
				t.Fatal(err)
			}
			s, err := Open(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			now := Event{Time: time.UnixMicro(2), Kind: Suspended, By: "ann", SignOn: "session", Why: "again"}
			if err := s.Write(ctx, Batch{Origin: "new", First: 1, Events: []Event{now}}); err != nil {
				t.Fatal(err)
			}
			p, err := s.Query(ctx, Filter{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range p.Events {
				got = append(got, e.By+" ("+e.SignOn+"): "+e.Why)
			}
			if diff := cmp.Diff([]string{"ann (session): again", "ann (): incident"}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
