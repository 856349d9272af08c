// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"database/sql"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
)

const (
	// typicalRuns is how many runs, the newest ones, say how long one takes, and fewestRuns how few are enough.
	typicalRuns, fewestRuns = 25, 5
)

// Typical returns how long pods that end took, as the median of the newest ones of each workload, where there are enough since a time: what
// is really paid for, also of runs that no lot is made by.
func (l *Ledger) Typical(ctx context.Context, platform string, since time.Time) (map[cost.WorkloadID]time.Duration, error) {
	out := map[cost.WorkloadID]time.Duration{}
	err := l.db.Read(ctx, func(ctx context.Context, r history.Reader) error {
		clear(out)
		rows, err := r.QueryContext(ctx, `SELECT project, environment, cluster, workload, took FROM (
			SELECT project, environment, cluster, workload, until_at - began AS took,
				row_number() OVER (PARTITION BY project, environment, cluster, workload ORDER BY until_at DESC, uid) AS place
			FROM trunkline_usage_things WHERE platform = $1 AND kind = 'pod' AND once = 1 AND certainty = 2 AND until_at >= $2
		) AS runs WHERE place <= $3 ORDER BY project, environment, cluster, workload, took`, platform, micros(since), typicalRuns)
		if err != nil {
			return err
		}
		defer rows.Close()
		took := map[cost.WorkloadID][]time.Duration{}
		for rows.Next() {
			var id catalog.ReleaseID
			var workload string
			var micro int64
			if err := rows.Scan(&id.Project, &id.Environment, &id.Cluster, &workload, &micro); err != nil {
				return err
			}
			key := cost.WorkloadID{ReleaseID: id, Workload: workload}
			took[key] = append(took[key], time.Duration(micro)*time.Microsecond)
		}
		for key, all := range took {
			if len(all) >= fewestRuns {
				out[key] = all[(len(all)-1)/2]
			}
		}
		return rows.Err()
	})
	return out, err
}

// Estimate notes what projects are to cost in the environments that they are in, by "project/environment", in billionths. The first estimate
// of a month stays: it is what was known when it began.
func (l *Ledger) Estimate(ctx context.Context, platform string, month cost.Month, currency string, estimates map[[2]string]int64) error {
	return l.db.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for of, nano := range estimates {
			if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_estimates (platform, month, project, environment, currency, nano)
				VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (platform, month, project, environment, currency) DO NOTHING`,
				platform, month.String(), of[0], of[1], currency, nano); err != nil {
				return err
			}
		}
		return nil
	})
}

// Estimated returns what was estimated for whole months and what they did cost, from a month on and before another. What was estimated
// counts where something was spent, and the other way round.
func (l *Ledger) Estimated(ctx context.Context, platform string, since, before cost.Month) (out []usage.Estimated, err error) {
	err = l.db.Read(ctx, func(ctx context.Context, r history.Reader) error {
		out = nil
		rows, err := r.QueryContext(ctx, `SELECT e.nano, CAST(sum(d.nano) AS BIGINT) FROM trunkline_usage_estimates e
			JOIN trunkline_usage_days d ON d.platform = e.platform AND substr(d.day, 1, 7) = e.month AND d.project = e.project
				AND d.environment = e.environment AND d.currency = e.currency AND d.kind <> 'node'
			WHERE e.platform = $1 AND e.month >= $2 AND e.month < $3
			GROUP BY e.month, e.project, e.environment, e.currency, e.nano ORDER BY e.month, e.project, e.environment`,
			platform, since.String(), before.String())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var one usage.Estimated
			if err := rows.Scan(&one.Estimate, &one.Actual); err != nil {
				return err
			}
			out = append(out, one)
		}
		return rows.Err()
	})
	return out, err
}
