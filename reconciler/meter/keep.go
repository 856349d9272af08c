// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"database/sql"
	"time"

	"trunkline.dev/trunkline/cost/usage"
)

// Retention says what is kept.
type Retention struct {
	// Days is how long the sums of days are kept, and Things how long single runs, lots and pods are; default: [DefaultDays] and
	// [DefaultThings].
	Days, Things time.Duration
}

const (
	// DefaultDays is three years.
	DefaultDays = 3 * 365 * 24 * time.Hour
	// DefaultThings is two months: at about 300 bytes, a thousand things a day are about 20 MB.
	DefaultThings = 62 * 24 * time.Hour
)

// folding are the columns that stay of a day whose single things are not kept.
const folding = `day, cluster, platform, kind, project, environment, owner, workload, spot, currency`

// Fold makes sums of the days that are over for long, by workload, in place of single things, and deletes what is older than is kept. Several
// replicas may do so at once.
func (l *Ledger) Fold(ctx context.Context, platform string, keep Retention, now time.Time) error {
	if keep.Days <= 0 {
		keep.Days = DefaultDays
	}
	if keep.Things <= 0 {
		keep.Things = DefaultThings
	}
	first := usage.DayOf(now.Add(-keep.Things))
	oldest := usage.DayOf(now.Add(-keep.Days)).Format(time.DateOnly)
	return l.db.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		day := first.Format(time.DateOnly)
		known, err := foldedUntil(ctx, tx, platform)
		if err != nil {
			return err
		}
		if known < day {
			if err := fold(ctx, tx, platform, day); err != nil {
				return err
			}
		}
		for _, d := range []struct {
			statement string
			before    any
		}{
			{`DELETE FROM trunkline_usage_things WHERE platform = $1 AND until_at < $2`, micros(first)},
			{`DELETE FROM trunkline_usage_samples WHERE platform = $1 AND at < $2`, micros(first)},
			{`DELETE FROM trunkline_usage_histories WHERE platform = $1 AND began < $2`, micros(first)},
			{`DELETE FROM trunkline_usage_days WHERE platform = $1 AND day < $2`, oldest},
			{`DELETE FROM trunkline_usage_bills WHERE platform = $1 AND day < $2`, oldest},
			{`DELETE FROM trunkline_usage_gaps WHERE platform = $1 AND until_at < $2`, micros(now.Add(-keep.Days))},
			{`DELETE FROM trunkline_usage_estimates WHERE platform = $1 AND month < $2`, oldest[:len("2006-01")]},
		} {
			if _, err := tx.ExecContext(ctx, d.statement, platform, d.before); err != nil {
				return err
			}
		}
		return nil
	})
}

// fold makes the sums. The mark is moved first: who writes at the same time waits for it, or is before it.
func fold(ctx context.Context, tx *sql.Tx, platform, day string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_folded AS f (platform, day) VALUES ($1, $2)
		ON CONFLICT (platform) DO UPDATE SET day = excluded.day WHERE excluded.day > f.day`, platform, day); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_days AS d
		(`+folding+`, uid, run, lot, nano, lasted, core_ms, mib_s, used_core_ms, used_mib_s, measured, unpriced)
		SELECT `+folding+`, 'sum:' || kind || '/' || project || '/' || environment || '/' || owner || '/' || workload || '/' || CAST(spot AS TEXT) || '/' || currency,
			'', '', sum(nano), sum(lasted), sum(core_ms), sum(mib_s), sum(used_core_ms), sum(used_mib_s), 0, sum(unpriced)
		FROM trunkline_usage_days WHERE platform = $1 AND day < $2 AND uid NOT LIKE 'sum:%' GROUP BY `+folding+`
		ON CONFLICT (day, cluster, uid) DO UPDATE SET nano = d.nano + excluded.nano, lasted = d.lasted + excluded.lasted, core_ms = d.core_ms + excluded.core_ms,
			mib_s = d.mib_s + excluded.mib_s, used_core_ms = d.used_core_ms + excluded.used_core_ms, used_mib_s = d.used_mib_s + excluded.used_mib_s,
			unpriced = d.unpriced + excluded.unpriced`, platform, day); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM trunkline_usage_days WHERE platform = $1 AND day < $2 AND uid NOT LIKE 'sum:%'`, platform, day)
	return err
}
