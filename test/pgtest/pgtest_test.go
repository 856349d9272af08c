// SPDX-License-Identifier: Apache-2.0

package pgtest_test

import (
	"database/sql"
	"strings"
	"testing"

	"trunkline.dev/trunkline/test/pgtest"
)

var pkg pgtest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestTestsShareAServerAndNotADatabase(t *testing.T) {
	a, b := pkg.Database(t), pkg.Database(t)
	if a == b {
		t.Fatalf("two tests got the same database %s", a)
	}
	if _, err := open(t, a).ExecContext(t.Context(), "CREATE TABLE here (n int)"); err != nil {
		t.Fatal(err)
	}
	var found bool
	if err := open(t, b).QueryRowContext(t.Context(), "SELECT to_regclass('here') IS NOT NULL").Scan(&found); err != nil || found {
		t.Errorf("what one test made is seen by the other: %v, %v", found, err)
	}
	var version string
	if err := open(t, b).QueryRowContext(t.Context(), "SELECT version()").Scan(&version); err != nil || !strings.HasPrefix(version, "PostgreSQL ") {
		t.Errorf("got %q, %v", version, err)
	}
}

func TestThePasswordIsAskedFor(t *testing.T) {
	dsn := strings.Replace(pkg.Database(t), pgtest.Password, "another", 1)
	if err := open(t, dsn).PingContext(t.Context()); err == nil {
		t.Error("another password will do too")
	}
}

func TestAServerThatComesBack(t *testing.T) {
	s := pgtest.Start(t)
	db := open(t, s.Database(t))
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE here (n int)"); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("a server that was stopped still answers")
	}
	s.Start(t)
	if _, err := db.ExecContext(t.Context(), "INSERT INTO here VALUES (1)"); err != nil {
		t.Errorf("what was made is gone: %v", err)
	}
}
