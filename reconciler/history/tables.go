// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"database/sql"
	"errors"
)

// Tables are tables of another owner in the database of the history: it has connections and versions of its own, and nothing of it is
// touched by whoever keeps the history, nor the other way round.
type Tables struct{ store *Store }

// OpenTables opens a database, and makes the tables of an owner or brings them to the newest version. The owner is also the name of the
// table with its versions; {{id}} in the steps is a number that the database assigns.
func OpenTables(ctx context.Context, d Database, owner string, steps [][]string) (*Tables, error) {
	db, err := d.open(ctx)
	if err != nil {
		return nil, d.explain("opening", err)
	}
	s := &Store{db: db, def: d}
	if err := migrateIn(ctx, db, d, owner, steps); err != nil {
		return nil, errors.Join(d.explain("opening", err), s.Close())
	}
	if err := s.remember(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &Tables{s}, nil
}

// Close lets go of the database.
func (t *Tables) Close() error { return t.store.Close() }

// ErrGone means that the database is not there any more, or is another one: it has to be opened again.
var ErrGone = errors.New("the database is not there any more")

// Do does something in a transaction, which is undone if it returns an error. The error has no credentials in it.
func (t *Tables) Do(ctx context.Context, doing string, do func(*sql.Tx) error) (err error) {
	if t.store.gone() {
		return ErrGone
	}
	tx, err := t.store.db.BeginTx(ctx, nil)
	if err != nil {
		return t.store.def.explain(doing, err)
	}
	defer func() {
		if rollback := tx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, t.store.def.explain(doing, rollback))
		}
	}()
	if err := do(tx); err != nil {
		return t.store.def.explain(doing, err)
	}
	return t.store.def.explain(doing, tx.Commit())
}
