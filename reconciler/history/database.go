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

// Database says where history is kept, and what differs between the kinds of database. Make one with [SQLite] or
// [Postgres].
type Database struct {
	// name is for people, without credentials.
	name string
	// id is the column type of a number that the database assigns, and lock the statement that makes migrations take turns,
	// for a transaction; empty: its transactions do by themselves.
	id, lock string
	// rows is how many events one statement writes.
	rows int
	// file is what holds the history, and empty where that is a server.
	file string
	open func(ctx context.Context) (*sql.DB, error)
	// what is in it, for people, and the name of the table that says of which version that is; empty: the history.
	what, versions string
	// secrets must not come into any text.
	secrets []string
	// classify returns what an error of the driver is about.
	classify func(error) fault
}

// contents says what is in it, for people.
func (d Database) contents() string { return cmp.Or(d.what, "history") }

// Open opens a database for what is kept beside the history, and brings its tables to the newest version: what is in it, for people,
// the table that says of which version that is, and the steps from each version to the next, in which {{id}} is as in those of
// the history. Errors of it hold no credentials.
func (d Database) Open(ctx context.Context, what, versions string, steps [][]string) (*sql.DB, error) {
	d.what, d.versions = what, versions
	db, err := d.open(ctx)
	if err != nil {
		return nil, d.explain("opening", err)
	}
	if err := migrate(ctx, db, d, steps); err != nil {
		return nil, errors.Join(d.explain("preparing", err), db.Close())
	}
	return db, nil
}

// Explain turns an error of the driver into one for people, without credentials; doing is such as "writing".
func (d Database) Explain(what, doing string, err error) error {
	d.what = what
	return d.explain(doing, err)
}

// String names the database for people, without credentials.
func (d Database) String() string { return d.name }

// fault is what an error of a database means for whoever writes.
type fault int

const (
	// passing may be over the next time: the server is away, the disk is full, a lock is held.
	passing fault = iota
	// damaged means that the file cannot be used any more.
	damaged
	// rejected means that the database does not take what was written, and never will.
	rejected
)

// Error is what went wrong with a database. Its text holds no credentials.
type Error struct {
	doing, what, where, text string
	fault                    fault
	err                      error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s the %s in %s: %s", e.doing, e.what, e.where, e.text)
}

// Is reports whether the cause is another error. The cause itself is not returned: its text may hold a password.
func (e *Error) Is(target error) bool { return errors.Is(e.err, target) }

// explain turns an error of the driver one for people; doing is such as "writing".
func (d Database) explain(doing string, err error) error {
	var newer *NewerError
	if err == nil || errors.As(err, &newer) {
		return err
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, s := range d.secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return &Error{doing: doing, what: d.contents(), where: d.name, text: text, fault: d.classify(err), err: err}
}

// faultOf returns what an error means.
func faultOf(err error) fault {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.fault
	}
	return passing
}
