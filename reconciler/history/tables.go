// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"database/sql"
	"errors"
)

// Tables are those of another owner in the database of the history. The owner alone reads and writes them, and removes what is old:
// through a [Recorder], which opens, closes and replaces the database, or with connections of its own, by [OpenTables].
type Tables struct {
	// What is in them, for people.
	What string
	// Versions is the name of the table that says of which version they are, and Steps are what makes them, each from what the one
	// before it left, as for the history: {{id}} is a number that the database assigns.
	Versions string
	Steps    [][]string
}

// OpenTables opens a database for the tables of an owner alone, with connections of its own, and brings them to the newest version.
// It is for what has to be written also while the history is not.
func OpenTables(ctx context.Context, d Database, t Tables) (*Store, error) {
	d = d.of(t)
	db, err := d.open(ctx)
	if err != nil {
		return nil, d.explain("opening", err)
	}
	s := &Store{db: db, def: d}
	if err := migrate(ctx, db, d, t.Steps); err != nil {
		return nil, errors.Join(d.explain("preparing", err), s.Close())
	}
	if err := s.remember(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// ErrGone means that the database is not there any more, or is another one: it has to be opened again.
var ErrGone = errors.New("the database is not there any more")

// Reader is what is read with.
type Reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Read has another owner read its tables. An error of the database holds no credentials.
func (s *Store) Read(ctx context.Context, read func(context.Context, Reader) error) error {
	if s.gone() {
		return ErrGone
	}
	return s.def.explain("reading", read(ctx, s.db))
}

// Change has another owner change its tables: all that it does, or nothing.
func (s *Store) Change(ctx context.Context, change func(context.Context, *sql.Tx) error) error {
	if s.gone() {
		return ErrGone
	}
	return s.def.explain("writing", s.change(ctx, change))
}

func (s *Store) change(ctx context.Context, change func(context.Context, *sql.Tx) error) (err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if rollback := tx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	if err := change(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Read is that of the database; a failure of it is an [UnavailableError].
func (r *Recorder) Read(ctx context.Context, read func(context.Context, Reader) error) error {
	return r.with(func(s *Store) error { return s.Read(ctx, read) })
}

// Change is that of the database; a failure of it is an [UnavailableError].
func (r *Recorder) Change(ctx context.Context, change func(context.Context, *sql.Tx) error) error {
	return r.with(func(s *Store) error { return s.Change(ctx, change) })
}

func (r *Recorder) with(do func(*Store) error) error {
	store, why := r.current()
	if store == nil {
		return &UnavailableError{why}
	}
	if err := do(store); err != nil {
		return r.unavailable(store, err)
	}
	return nil
}
