// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Retention says what is kept.
type Retention struct {
	// Age is how long an event is kept; default: [DefaultAge].
	Age time.Duration
	// Events is how many are kept, the newest ones; default: [DefaultEvents].
	Events int64
}

const (
	// DefaultAge is a quarter of a year, the longest that reviews usually look back.
	DefaultAge = 90 * 24 * time.Hour
	// DefaultEvents bounds the file where much happens: at about 310 bytes an event with its places in the indexes, more where messages are long,
	// to about 150 MB.
	DefaultEvents = 500_000
	// pruneChunk is how many events are deleted in one transaction, so that nobody waits long for it.
	pruneChunk = 2000
)

func (r Retention) defaults() Retention {
	if r.Age <= 0 {
		r.Age = DefaultAge
	}
	if r.Events <= 0 {
		r.Events = DefaultEvents
	}
	return r
}

// Prune deletes the events past their retention in batches, and returns how many it has deleted. Several replicas
// may do so at once.
func (s *Store) Prune(ctx context.Context, keep Retention, now time.Time) (int64, error) {
	keep = keep.defaults()
	deleted, err := s.deleteBefore(ctx, place{at: now.Add(-keep.Age).UnixMicro()})
	if err != nil {
		return deleted, s.def.explain("clearing", err)
	}
	var oldest place
	err = s.db.QueryRowContext(ctx, `SELECT at, id FROM trunkline_events ORDER BY at DESC, id DESC LIMIT 1 OFFSET $1`, keep.Events-1).Scan(&oldest.at, &oldest.id)
	if errors.Is(err, sql.ErrNoRows) {
		return deleted, nil // there are fewer
	}
	if err != nil {
		return deleted, s.def.explain("clearing", err)
	}
	n, err := s.deleteBefore(ctx, oldest)
	return deleted + n, s.def.explain("clearing", err)
}

// place is where an event stands in the order of all.
type place struct{ at, id int64 }

// deleteBefore deletes all events that stand before a place.
func (s *Store) deleteBefore(ctx context.Context, p place) (total int64, err error) {
	for {
		result, err := s.db.ExecContext(ctx, `DELETE FROM trunkline_events WHERE id IN (
			SELECT id FROM trunkline_events WHERE (at, id) < ($1, $2) ORDER BY at, id LIMIT $3)`, p.at, p.id, pruneChunk)
		if err != nil {
			return total, err
		}
		n, err := result.RowsAffected()
		total += n
		if err != nil || n < pruneChunk {
			return total, err
		}
	}
}
