// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/test/pgtest"
)

var server pgtest.Package

func TestMain(m *testing.M) { server.Main(m) }

// shop is a database with orders, and a lake of which the variable DATABASE_URL leads there.
func shop(t *testing.T, statements ...string) *lake {
	t.Helper()
	s := pgtest.Start(t)
	dsn := s.Database(t)
	for _, statement := range append([]string{
		`CREATE TABLE orders (id bigint, at timestamptz, amount numeric, note text, extra jsonb, tags text[], paid boolean, raw bytea)`,
		`INSERT INTO orders VALUES
		 (9007199254740993, '2026-01-05 00:00:00Z', 10.50, 'a, "b"', '{"x": [1, 2]}', '{a,b}', true, '\x00ff'),
		 (2, '2026-01-05 23:59:59.999999+00', 'NaN', '', NULL, NULL, false, NULL),
		 (3, '2026-01-06 00:00:00Z', 1, E'two\nlines', 'null', '{}', NULL, NULL),
		 (4, '2026-01-06 02:00:00+02', 2, NULL, NULL, NULL, NULL, NULL)`,
	}, statements...) {
		s.Exec(t, dsn, statement)
	}
	l := newLake(t)
	l.env["DATABASE_URL"] = dsn
	return l
}

func database(sql string, more ...any) object {
	d := object{"url": "$(DATABASE_URL)", "sql": sql}
	for i := 0; i < len(more); i += 2 {
		d[more[i].(string)] = more[i+1]
	}
	return object{"database": d, "retries": 1}
}

// TestSelect: the rows of a lot are those of its interval, as the database writes their values.
func TestSelect(t *testing.T) {
	l := shop(t)
	const between = "SELECT * FROM orders WHERE at >= :start AND at < :end ORDER BY id DESC; -- those of :lot"
	const csv = `id,at,amount,note,extra,tags,paid,raw
9007199254740993,2026-01-05 00:00:00+00,10.50,"a, ""b""","{""x"": [1, 2]}","{a,b}",t,\x00ff
2,2026-01-05 23:59:59.999999+00,NaN,"",,,f,
`
	const lines = `{"id":9007199254740993,"at":"2026-01-05T00:00:00+00:00","amount":10.50,"note":"a, \"b\"","extra":{"x":[1,2]},"tags":["a","b"],"paid":true,"raw":"\\x00ff"}
{"id":2,"at":"2026-01-05T23:59:59.999999+00:00","amount":"NaN","note":"","extra":null,"tags":null,"paid":false,"raw":null}
`
	for i, c := range []struct {
		reason string
		lot    string
		params object
		want   map[string]string
	}{
		{"as CSV", monday, database(between), map[string]string{"part-20260105P1D000.csv": csv}},
		{"as JSON", monday, database(between, "format", "json"), map[string]string{"part-20260105P1D000.json": lines}},
		{
			"with parameters of several kinds", "20260106P1D000", database("SELECT :lot AS lot, CAST(:start AS date) AS day, (CAST(:end AS timestamp))::text, NULL AS nothing, E'two\\nlines'"),
			map[string]string{"part-20260106P1D000.csv": "lot,day,text,nothing,?column?\n20260106P1D000,2026-01-06,2026-01-07 00:00:00,,\"two\nlines\"\n"},
		},
		{"a column alone", monday, database("SELECT note FROM orders WHERE at >= :end ORDER BY id"), map[string]string{"part-20260105P1D000.csv": "note\n\"two\nlines\"\n\n"}},
		{"a lot of which there is nothing", "20260107P1D000", database(between), map[string]string{}},
	} {
		attempt := string(rune('1' + i))
		got, err := l.pull(c.lot, attempt, c.params)
		state := map[bool]manifest.State{true: manifest.Complete, false: manifest.Empty}[len(c.want) > 0]
		if diff := cmp.Diff(c.want, l.files(c.lot, attempt)); diff != "" || err != nil || got.State != state {
			t.Errorf("%s: it is %s, %v; -want +got:\n%s", c.reason, got.State, err, diff)
		}
	}
	if _, err := l.pull(monday, "z", database(between, "compression", "gzip")); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader([]byte(l.files(monday, "z")["part-20260105P1D000.csv.gz"])))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); string(text) != csv || err != nil {
		t.Errorf("compressed there is %q, %v", text, err)
	}
}

// TestSelectRefuses: nothing is written to the database, and nothing of what is not whole to the lake.
func TestSelectRefuses(t *testing.T) {
	l := shop(t, `CREATE FUNCTION eat() RETURNS bigint LANGUAGE sql AS 'DELETE FROM orders RETURNING id'`)
	where, err := url.Parse(l.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	where.User = url.UserPassword(where.User.Username(), "s3cr3t")
	l.env["WRONG"], l.env["NONE"] = where.String(), "s3cr3t"
	many := "SELECT n, repeat('x', 1000) FROM generate_series(1, 5000) n"
	for i, c := range []struct {
		reason string
		params object
		want   string
	}{
		{"it deletes", database("DELETE FROM orders RETURNING id"), "cannot execute DELETE in a read-only transaction: what is pulled is read, and nothing is written (SQLSTATE 25006)"},
		{"a function deletes", database("SELECT eat()"), "cannot execute DELETE in a read-only transaction"},
		{"it makes the transaction another", database("SELECT set_config('transaction_read_only', 'off', true)"), "transaction read-write mode must be set before any query"},
		{"it is none", database("SELEC 1"), `syntax error at or near "SELEC" (SQLSTATE 42601)`},
		{"it selects nothing", database("SET work_mem = '1MB'"), "the SQL selects no columns"},
		{"there are too many rows", database(many, "maxRows", 4999), "there are more than 4999 rows, which is the limit: raise database.maxRows"},
		{"there is too much", object{"database": database(many)["database"], "maxMiB": 1}, "it is more than 1 MiB, which is the limit: raise maxMiB"},
		{"a row fails, late", database("SELECT 1 / (4000 - n), repeat('x', 1000) FROM generate_series(1, 5000) n"), "division by zero (SQLSTATE 22012)"},
		{"it takes too long", database("SELECT n, pg_sleep(0.01) FROM generate_series(1, 1000) n", "timeout", "1s"), "it may run for 1s, which is database.timeout"},
		{"the password is wrong", database("SELECT 1", "url", "$(WRONG)"), "password authentication failed"},
		{"the URL is none", database("SELECT 1", "url", "$(NONE)"), "database.url is not the URL of a PostgreSQL once it is filled"},
	} {
		attempt := string(rune('a' + i))
		_, err := l.pull(monday, attempt, c.params)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error is %v, want %s", c.reason, err, c.want)
		}
		if diff := cmp.Diff(map[string]string{}, l.files(monday, attempt)); diff != "" {
			t.Errorf("%s: there is (-want +got):\n%s", c.reason, diff)
		}
	}
	if _, err := l.pull(monday, "y", database("SELECT count(*) FROM orders")); err != nil || l.files(monday, "y")["part-20260105P1D000.csv"] != "count\n4\n" {
		t.Errorf("there are %q orders, %v", l.files(monday, "y"), err)
	}
}

// TestSelectAgain: what a connection leaves half-way is selected once more, as a whole.
func TestSelectAgain(t *testing.T) {
	l := shop(t)
	// The first connection ends itself in the middle of its rows; the next one finds who was there before.
	sql := `SELECT n, repeat('x', 10000), CASE WHEN n = 500 AND (SELECT count(*) FROM pg_stat_database WHERE datname = current_database() AND sessions_killed > 0) = 0
		THEN pg_terminate_backend(pg_backend_pid()) END FROM generate_series(1, 1000) n`
	got, err := l.pull(monday, "1", object{"database": database(sql)["database"], "retries": 5})
	if err != nil || got.State != manifest.Complete || len(l.logged) == 0 {
		t.Fatalf("%+v, %v; it was tried again %d times", got, err, len(l.logged))
	}
	if lines := strings.Count(l.files(monday, "1")["part-20260105P1D000.csv"], "\n"); lines != 1001 {
		t.Errorf("there are %d lines, want 1001", lines)
	}
}
