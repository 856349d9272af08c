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
	// Events is how many are kept, the newest ones, and as many again of lots that were made; default: [DefaultEvents].
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
	deleted, err := s.deleteBefore(ctx, place{at: now.Add(-keep.Age).UnixMicro()}, "$1 <> ''")
	if err != nil {
		return deleted, s.def.explain("clearing", err)
	}
	for _, of := range []string{"kind <> $1", "kind = $1"} { // a backfill of many lots must not drive out everything else
		n, err := s.deleteBeyond(ctx, of, keep.Events)
		deleted += n
		if err != nil {
			return deleted, s.def.explain("clearing", err)
		}
	}
	return deleted, nil
}

// deleteBeyond deletes the events of which there are more than a number, the oldest ones: those that are lots that were made, or those that
// are not.
func (s *Store) deleteBeyond(ctx context.Context, of string, keep int64) (int64, error) {
	var oldest place
	err := s.db.QueryRowContext(ctx, `SELECT at, id FROM trunkline_events WHERE `+of+` ORDER BY at DESC, id DESC LIMIT 1 OFFSET $2`, string(LotMade), keep-1).
		Scan(&oldest.at, &oldest.id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil // there are fewer
	}
	if err != nil {
		return 0, err
	}
	return s.deleteBefore(ctx, oldest, of)
}

// place is where an event stands in the order of all.
type place struct{ at, id int64 }

// deleteBefore deletes the events that stand before a place, of which a condition is true; $1 in it is the kind of lots that were made.
func (s *Store) deleteBefore(ctx context.Context, p place, of string) (total int64, err error) {
	for {
		//nolint:gosec // the condition is one of three texts of this file
		result, err := s.db.ExecContext(ctx, `DELETE FROM trunkline_events WHERE id IN (
			SELECT id FROM trunkline_events WHERE `+of+` AND (at, id) < ($2, $3) ORDER BY at, id LIMIT $4)`, string(LotMade), p.at, p.id, pruneChunk)
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
