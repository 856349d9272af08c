// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Store is a database that is open and at the newest version. Its methods may be called at once.
type Store struct {
	db  *sql.DB
	def Database
	// file is what was opened, to notice that it was taken away.
	file os.FileInfo
}

// Open opens a database, and makes its tables, and those of other owners in it, or brings them to the newest version.
func Open(ctx context.Context, d Database, others ...Tables) (*Store, error) {
	db, err := d.open(ctx)
	if err != nil {
		return nil, d.explain("opening", err)
	}
	s := &Store{db: db, def: d}
	if err := migrate(ctx, db, d, migrations); err != nil {
		return nil, errors.Join(d.explain("opening", err), s.Close())
	}
	for _, t := range others {
		if err := migrate(ctx, db, d.of(t), t.Steps); err != nil {
			return nil, errors.Join(d.of(t).explain("opening", err), s.Close())
		}
	}
	if err := s.remember(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// remember notes which file was opened.
func (s *Store) remember() (err error) {
	if s.def.file != "" {
		s.file, err = os.Stat(s.def.file)
	}
	return s.def.explain("opening", err)
}

// Close ends what is under way and lets go of the database.
func (s *Store) Close() error { return s.def.explain("closing", s.db.Close()) }

// gone reports whether the file is not there any more, or is another one: what is written is lost.
func (s *Store) gone() bool {
	if s.file == nil {
		return false
	}
	now, err := os.Stat(s.def.file)
	return errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(now, s.file)
}

// columns are those of an event but for its id, in the order of [row].
const columns = `origin, number, at, platform, project, environment, cluster, kind, commit_hash, who, sign_on, why, message, took, applied, pruned, object, fields`

// Batch are events of one recorder, numbered one after the other.
type Batch struct {
	// Origin is who recorded them, and First the number of the first one. What was written under the same ones is
	// not written again.
	Origin string
	First  int64
	Events []Event
}

// Write writes all events of a batch, or none.
func (s *Store) Write(ctx context.Context, b Batch) error {
	return s.def.explain("writing", s.change(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.write(ctx, tx, b) }))
}

func (s *Store) write(ctx context.Context, tx *sql.Tx, b Batch) error {
	for at := 0; at < len(b.Events); at += s.def.rows {
		some := b.Events[at:min(at+s.def.rows, len(b.Events))]
		statement, args, err := insert(Batch{Origin: b.Origin, First: b.First + int64(at), Events: some})
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
	}
	return nil
}

// insert returns the statement that writes a batch.
func insert(b Batch) (string, []any, error) {
	var q strings.Builder
	q.WriteString("INSERT INTO trunkline_events (" + columns + ") VALUES ")
	var args []any
	for i, e := range b.Events {
		values, err := row(b.Origin, b.First+int64(i), e)
		if err != nil {
			return "", nil, err
		}
		if i > 0 {
			q.WriteString(", ")
		}
		q.WriteString("(")
		for j := range values {
			if j > 0 {
				q.WriteString(", ")
			}
			q.WriteString("$" + strconv.Itoa(len(args)+j+1))
		}
		q.WriteString(")")
		args = append(args, values...)
	}
	q.WriteString(" ON CONFLICT (origin, number) DO NOTHING")
	return q.String(), args, nil
}

func row(origin string, number int64, e Event) ([]any, error) {
	fields := []byte("[]")
	if len(e.Fields) > 0 {
		var err error
		if fields, err = json.Marshal(e.Fields); err != nil {
			return nil, err
		}
	}
	return []any{
		origin, number, e.Time.UnixMicro(), e.Platform, e.Release.Project, e.Release.Environment, e.Release.Cluster, string(e.Kind),
		e.Commit, e.By, e.SignOn, e.Why, e.Message, e.Took.Microseconds(), e.Applied, e.Pruned, e.Object, string(fields),
	}, nil
}

// Query returns the events that a filter asks for, the newest first.
func (s *Store) Query(ctx context.Context, f Filter) (Page, error) {
	limit, err := f.limit()
	if err != nil {
		return Page{}, err
	}
	p := Page{Events: []Event{}}
	statement, args := f.statement(limit + 1)
	rows, err := s.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return Page{}, s.def.explain("reading", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return Page{}, s.def.explain("reading", err)
		}
		p.Events = append(p.Events, e)
	}
	if err := rows.Err(); err != nil {
		return Page{}, s.def.explain("reading", err)
	}
	if len(p.Events) > limit {
		p.Events = p.Events[:limit]
		p.Next = p.Events[limit-1].ID
	}
	return p, nil
}

func scan(rows *sql.Rows) (Event, error) {
	var e Event
	var at, took int64
	var fields string
	err := rows.Scan(&e.ID, &at, &e.Platform, &e.Release.Project, &e.Release.Environment, &e.Release.Cluster, &e.Kind, &e.Commit, &e.By,
		&e.SignOn, &e.Why, &e.Message, &took, &e.Applied, &e.Pruned, &e.Object, &fields)
	if err != nil {
		return e, err
	}
	e.Time, e.Took = time.UnixMicro(at).UTC(), time.Duration(took)*time.Microsecond
	if err := json.Unmarshal([]byte(fields), &e.Fields); err != nil {
		return e, fmt.Errorf("event %d: its fields are no list: %w", e.ID, err)
	}
	if len(e.Fields) == 0 {
		e.Fields = nil
	}
	return e, nil
}
