// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"

	"trunkline.dev/trunkline/reconciler/durable"
)

const (
	// sqliteConns is one connection that writes and a few that read beside it.
	sqliteConns = 3
	// sqliteBusy is how long a lock of another connection is waited for, and sqliteJournal how much of the write-ahead
	// log is kept on disk between writes.
	sqliteBusy    = 5 * time.Second
	sqliteJournal = 4 << 20
	// sqliteRows is how many events a statement writes. The driver looks for each parameter among all of them, so that many
	// rows are slower than few.
	sqliteRows = 4
)

// SQLite keeps history in a file, which is made if there is none. The folder must be the daemon's own: of several that
// make the file at once, some may be told that it is locked.
func SQLite(file string) (Database, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return Database{}, fmt.Errorf("finding the file for the history: %w", err)
	}
	return Database{
		name: file, file: abs, rows: sqliteRows, id: "INTEGER PRIMARY KEY AUTOINCREMENT", classify: sqliteFault,
		open: func(context.Context) (*sql.DB, error) { return openSQLite(abs) },
	}, nil
}

func openSQLite(file string) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	// Made here, it is nobody else's to read; its companions get the same permissions.
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	query := url.Values{
		// A transaction that will write says so when it begins, and so waits for its turn.
		"_txlock":       {"immediate"},
		"_busy_timeout": {strconv.FormatInt(sqliteBusy.Milliseconds(), 10)},
		"_journal_mode": {"WAL"},
		// The last moments may be lost with the machine's power, and the file is not damaged by it.
		"_synchronous": {"NORMAL"},
	}
	db := sql.OpenDB(sqliteConnector{name: "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + query.Encode()})
	db.SetMaxOpenConns(sqliteConns)
	return db, nil
}

// sqliteConnector opens connections to a file by its data source name.
type sqliteConnector struct{ name string }

// Driver implements [driver.Connector].
func (c sqliteConnector) Driver() driver.Driver {
	return &sqlite3.SQLiteDriver{ConnectHook: limitJournal}
}

// Connect implements [driver.Connector].
func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(c.name)
}

// limitJournal sets what the data source name has no word for.
func limitJournal(c *sqlite3.SQLiteConn) error {
	_, err := c.Exec(fmt.Sprintf("PRAGMA journal_size_limit = %d", sqliteJournal), nil)
	return err
}

func sqliteFault(err error) fault {
	e, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return passing
	}
	switch e.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return damaged
	case sqlite3.ErrConstraint, sqlite3.ErrMismatch, sqlite3.ErrTooBig:
		return rejected
	default:
		return passing
	}
}

// companions are the files that SQLite keeps beside one.
func companions(file string) []string { return []string{file + "-wal", file + "-shm"} }

// moveAside takes a damaged file out of the way, and returns its new name. The one that was moved aside before is deleted, so
// that a disk that goes bad is not filled with what it spoilt.
func moveAside(file string, now time.Time) (string, error) {
	before, err := filepath.Glob(globQuote(file) + ".damaged-*")
	if err != nil {
		return "", err
	}
	aside := file + ".damaged-" + now.UTC().Format("20060102T150405Z")
	if err := durable.Rename(file, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("moving the damaged history aside: %w", err)
	}
	for _, c := range companions(file) {
		// Without the file that it belongs to it is of no use, and to the new file it would be poison.
		if err := os.Remove(c); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("deleting what belongs to the damaged history: %w", err)
		}
	}
	for _, b := range slices.DeleteFunc(before, func(b string) bool { return b == aside }) {
		if err := os.Remove(b); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("deleting an older damaged history: %w", err)
		}
	}
	return aside, nil
}

// globQuote takes its meaning from what stands for other characters in a pattern.
func globQuote(path string) string {
	out := make([]rune, 0, len(path))
	for _, r := range path {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
