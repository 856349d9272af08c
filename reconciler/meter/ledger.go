// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
)

// Database is where a ledger keeps what it knows; it is [history.Recorder], or a [history.Store].
type Database interface {
	Read(ctx context.Context, read func(context.Context, history.Reader) error) error
	Change(ctx context.Context, change func(context.Context, *sql.Tx) error) error
}

// Ledger keeps what things did cost, by day. Its methods may be called at once, and by several replicas.
type Ledger struct{ db Database }

// NewLedger returns the ledger of a database whose owners include [Tables].
func NewLedger(db Database) *Ledger { return &Ledger{db} }

// Priced is a thing with what it costs over time.
type Priced struct {
	usage.Fact

	Tariff usage.Tariff
}

// writeChunk is how many things are written in a transaction.
const writeChunk = 100

// Write notes what is known of things. What is known better already stays: nothing is counted twice, and nothing taken back. Trouble is
// what was left out, and why.
func (l *Ledger) Write(ctx context.Context, platform string, things []Priced) (trouble []error, err error) {
	for len(things) > 0 {
		some := things[:min(writeChunk, len(things))]
		things = things[len(some):]
		var left []error
		err := l.db.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
			left = nil
			folded, err := foldedUntil(ctx, tx, platform)
			if err != nil {
				return err
			}
			for _, p := range some {
				switch err := write(ctx, tx, platform, folded, p); {
				case errors.Is(err, usage.ErrTooMuch):
					left = append(left, fmt.Errorf("the %s %s in cluster %q: %w", p.Kind, p.UID, p.Cluster, err))
				case err != nil:
					return err
				}
			}
			return nil
		})
		trouble = append(trouble, left...)
		if err != nil {
			return trouble, err
		}
	}
	return trouble, nil
}

// write notes what is known of a thing, if it is more than what is known.
func write(ctx context.Context, tx *sql.Tx, platform, folded string, p Priced) error {
	began, until := micros(p.Began), micros(p.Until)
	var knownUntil, certainty int64
	err := tx.QueryRowContext(ctx, `SELECT until_at, certainty FROM trunkline_usage_things WHERE cluster = $1 AND uid = $2`, p.Cluster, p.UID).
		Scan(&knownUntil, &certainty)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		knownUntil = began
	case err != nil:
		return err
	case !usage.Better(p.Certainty, p.Until.Truncate(time.Microsecond), usage.Certainty(certainty), time.UnixMicro(knownUntil)):
		return nil
	}
	// What is known up to then stays as it was; since then it may have become more, or less.
	since := time.UnixMicro(min(knownUntil, until))
	slices, err := usage.Slices(p.Fact, p.Tariff, since)
	if err != nil {
		return err
	}
	// Another replica may have written in between: the better one stays, as [usage.Better] has it.
	result, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_things AS t
		(cluster, uid, platform, kind, project, environment, workload, run, once, began, until_at, certainty)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (cluster, uid) DO UPDATE SET until_at = excluded.until_at, certainty = excluded.certainty
		WHERE excluded.certainty / 2 > t.certainty / 2 OR (excluded.certainty / 2 = t.certainty / 2 AND excluded.until_at > t.until_at)`,
		p.Cluster, p.UID, platform, string(p.Kind), p.Place.Project, p.Place.Environment, p.Place.Workload, p.Place.Run, bit(p.Once), began, until, int64(p.Certainty))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if err := keepHistory(ctx, tx, platform, p.Fact); err != nil {
		return err
	}
	last := usage.DayOf(p.Until.Add(-1)).Format(time.DateOnly)
	if _, err := tx.ExecContext(ctx, `DELETE FROM trunkline_usage_days WHERE cluster = $1 AND uid = $2 AND day > $3`, p.Cluster, p.UID, last); err != nil {
		return err
	}
	for _, s := range slices {
		day := s.Day.Format(time.DateOnly)
		if day < folded {
			continue // its sums are made, and it is in them or was never seen
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_days
			(day, cluster, uid, platform, kind, project, environment, owner, workload, run, lot, spot, currency, nano, lasted, core_ms, mib_s, used_core_ms, used_mib_s, measured, unpriced)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, 0, 0, $18)
			ON CONFLICT (day, cluster, uid) DO UPDATE SET nano = excluded.nano, lasted = excluded.lasted, core_ms = excluded.core_ms,
			mib_s = excluded.mib_s, unpriced = excluded.unpriced, owner = excluded.owner, spot = excluded.spot, currency = excluded.currency`,
			day, p.Cluster, p.UID, platform, string(p.Kind), p.Place.Project, p.Place.Environment, p.Place.Owner, p.Place.Workload, p.Place.Run, p.Place.Lot,
			bit(p.Spot), s.Currency, s.Nano, s.Lasted.Microseconds(), s.MilliCoreSeconds, s.MiBSeconds, bit(s.Unpriced)); err != nil {
			return err
		}
	}
	return nil
}

// Measured is what something used for some time until a moment.
type Measured struct {
	Cluster, UID                 string
	At                           time.Time
	MilliCoreSeconds, MiBSeconds int64
}

// Measure adds what things used on the day of the measurement, each measurement once. Of what is not there nothing is noted.
func (l *Ledger) Measure(ctx context.Context, all []Measured) error {
	if len(all) == 0 {
		return nil
	}
	return l.db.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, m := range all {
			if _, err := tx.ExecContext(ctx, `UPDATE trunkline_usage_days SET used_core_ms = used_core_ms + $1, used_mib_s = used_mib_s + $2, measured = $3
				WHERE day = $4 AND cluster = $5 AND uid = $6 AND measured < $3`,
				m.MilliCoreSeconds, m.MiBSeconds, micros(m.At), usage.DayOf(m.At).Format(time.DateOnly), m.Cluster, m.UID); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxGap is for how long nobody may look before it is told.
const maxGap = 3 * LookInterval

// Begin notes that a cluster is looked at, and returns since when it is.
func (l *Ledger) Begin(ctx context.Context, platform, cluster string, now time.Time) (since time.Time, err error) {
	err = l.db.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_looks (platform, cluster, began, at) VALUES ($1, $2, $3, $3)
			ON CONFLICT (platform, cluster) DO NOTHING`, platform, cluster, micros(now)); err != nil {
			return err
		}
		var micro int64
		err := tx.QueryRowContext(ctx, `SELECT began FROM trunkline_usage_looks WHERE platform = $1 AND cluster = $2`, platform, cluster).Scan(&micro)
		since = time.UnixMicro(micro).UTC()
		return err
	})
	return since, err
}

// Look notes that a cluster is looked at now, and which pods are there: one that is not, and was running when it was looked at last, has
// ended meanwhile, and nobody knows when. It returns how many there are of these.
func (l *Ledger) Look(ctx context.Context, platform, cluster string, now time.Time, there map[string]bool) (lost int64, err error) {
	err = l.db.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		lost = 0
		running, err := texts(ctx, tx, `SELECT uid FROM trunkline_usage_things WHERE platform = $1 AND cluster = $2 AND kind = 'pod' AND certainty = 0`, platform, cluster)
		if err != nil {
			return err
		}
		for _, uid := range running {
			if there[uid] {
				continue
			}
			result, err := tx.ExecContext(ctx, `UPDATE trunkline_usage_things SET certainty = 1 WHERE cluster = $1 AND uid = $2 AND certainty = 0`, cluster, uid)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			lost += n
		}
		return looked(ctx, tx, platform, cluster, now, lost)
	})
	return lost, err
}

// looked notes the look itself, and a gap if the last one was long ago.
func looked(ctx context.Context, tx *sql.Tx, platform, cluster string, now time.Time, lost int64) error {
	var at int64
	err := tx.QueryRowContext(ctx, `SELECT at FROM trunkline_usage_looks WHERE platform = $1 AND cluster = $2`, platform, cluster).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil && now.Sub(time.UnixMicro(at)) > maxGap {
		if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_gaps (platform, cluster, began, until_at, lost) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (platform, cluster, began) DO NOTHING`, platform, cluster, at, micros(now), lost); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO trunkline_usage_looks AS l (platform, cluster, began, at) VALUES ($1, $2, $3, $3)
		ON CONFLICT (platform, cluster) DO UPDATE SET at = excluded.at WHERE excluded.at > l.at`, platform, cluster, micros(now))
	return err
}

// foldedUntil is the first day of which single things are kept; empty if nothing was folded.
func foldedUntil(ctx context.Context, q history.Reader, platform string) (day string, err error) {
	err = q.QueryRowContext(ctx, `SELECT day FROM trunkline_usage_folded WHERE platform = $1`, platform).Scan(&day)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return day, err
}

// texts reads one column.
func texts(ctx context.Context, q history.Reader, query string, args ...any) (out []string, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
