// SPDX-License-Identifier: Apache-2.0

package history

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// migrations make the tables, each from what the one before it left. What was released is never changed: a change is a
// new migration at the end. {{id}} is what a dialect calls a number that it assigns once and never again.
//
// Times are microseconds since 1970 and lists are JSON in both databases, so that one set of statements serves them. The
// names begin with the program's, for a database may hold more than this. An event is known by (origin, number): who
// recorded it and as which one. So it is written once, however often writing it is tried.
var migrations = [][]string{
	{
		`CREATE TABLE trunkline_events (
			id {{id}},
			origin TEXT NOT NULL,
			number BIGINT NOT NULL,
			at BIGINT NOT NULL,
			platform TEXT NOT NULL,
			project TEXT NOT NULL,
			environment TEXT NOT NULL,
			cluster TEXT NOT NULL,
			kind TEXT NOT NULL,
			commit_hash TEXT NOT NULL,
			who TEXT NOT NULL,
			why TEXT NOT NULL,
			message TEXT NOT NULL,
			took BIGINT NOT NULL,
			applied BIGINT NOT NULL,
			pruned BIGINT NOT NULL,
			object TEXT NOT NULL,
			fields TEXT NOT NULL,
			UNIQUE (origin, number)
		)`,
		// One index for each way of asking: everything, a project, a kind that is rare among many others.
		`CREATE INDEX trunkline_events_at ON trunkline_events (at, id)`,
		`CREATE INDEX trunkline_events_project ON trunkline_events (project, at, id)`,
		`CREATE INDEX trunkline_events_kind ON trunkline_events (kind, at, id)`,
	},
	{`ALTER TABLE trunkline_events ADD COLUMN sign_on TEXT NOT NULL DEFAULT ''`},
}

// NewerError means that a database was made by a newer version of the program, which this one must not write to.
type NewerError struct {
	// Where names the database, Version is its own, and Known the newest that this program knows.
	Where string
	// What is in it.
	What           string
	Version, Known int
}

// Error implements error.
func (e *NewerError) Error() string {
	return fmt.Sprintf("the %s in %s is of version %d, and this trunkline knows up to %d: run the newer one, or name another database",
		cmp.Or(e.What, "history"), e.Where, e.Version, e.Known)
}

// migrate brings a database to the newest version, one migration a transaction. Several replicas may do so at once.
func migrate(ctx context.Context, db *sql.DB, d Database, steps [][]string) error {
	for {
		done, err := migrateOnce(ctx, db, d, steps)
		if err != nil || done {
			return err
		}
	}
}

// migrateOnce does the next migration, if there is one.
//
//nolint:gosec // the name of the table is one of the program's own
func migrateOnce(ctx context.Context, db *sql.DB, d Database, steps [][]string) (done bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() {
		if rollback := tx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	versions := cmp.Or(d.versions, "trunkline_history")
	if d.lock != "" {
		if _, err := tx.ExecContext(ctx, d.lock); err != nil {
			return false, err
		}
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS `+versions+` (version BIGINT NOT NULL)`); err != nil {
		return false, err
	}
	var version int
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM `+versions).Scan(&version); err != nil {
		return false, err
	}
	switch {
	case version > len(steps):
		return false, &NewerError{Where: d.name, What: d.what, Version: version, Known: len(steps)}
	case version == len(steps):
		return true, nil
	}
	for _, statement := range steps[version] {
		if _, err := tx.ExecContext(ctx, strings.ReplaceAll(statement, "{{id}}", d.id)); err != nil {
			return false, fmt.Errorf("bringing it to version %d: %w", version+1, err)
		}
	}
	// A row for each version that it has been at.
	if _, err := tx.ExecContext(ctx, `INSERT INTO `+versions+` (version) VALUES ($1)`, version+1); err != nil {
		return false, err
	}
	return false, tx.Commit()
}
