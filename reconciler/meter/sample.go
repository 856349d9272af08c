// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"database/sql"
	"math/big"
	"time"

	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
)

// maxSamples bounds the samples of a run that are read: those of some pods.
const maxSamples = 5000

// sampled is a sample of a pod of a run.
type sampled struct {
	place                                 usage.Place
	uid                                   string
	at                                    time.Time
	milliCores, mib, askedMilli, askedMiB int64
}

// sampleOf returns what a pod uses now, and what it requests.
func sampleOf(o *object, now time.Time, cores, mib *big.Rat) sampled {
	return sampled{
		place: o.fact.Place, uid: string(o.UID), at: now, milliCores: usage.Times(cores, 1000), mib: usage.Times(mib, 1),
		askedMilli: usage.Times(o.fact.Cores, 1000), askedMiB: usage.Times(o.fact.MiB, 1),
	}
}

// sample keeps samples, each once.
func (l *Ledger) sample(ctx context.Context, platform string, all []sampled) error {
	if len(all) == 0 {
		return nil
	}
	return l.db.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range all {
			if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_samples (platform, project, environment, run, uid, at, core_m, mib, asked_core_m, asked_mib)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
				platform, s.place.Project, s.place.Environment, s.place.Run, s.uid, micros(s.at), s.milliCores, s.mib, s.askedMilli, s.askedMiB); err != nil {
				return err
			}
		}
		return nil
	})
}

// Samples returns what the pods of a run used, in the order of time: some thousand samples at most.
func (l *Ledger) Samples(ctx context.Context, platform, project, environment, run string) (out []usage.Sample, err error) {
	err = l.db.Read(ctx, func(ctx context.Context, r history.Reader) error {
		out = []usage.Sample{}
		rows, err := r.QueryContext(ctx, `SELECT uid, at, core_m, mib, asked_core_m, asked_mib FROM trunkline_usage_samples
			WHERE platform = $1 AND project = $2 AND environment = $3 AND run = $4 ORDER BY at, uid LIMIT $5`, platform, project, environment, run, maxSamples)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s usage.Sample
			var at, milli, mib, askedMilli, askedMiB int64
			if err := rows.Scan(&s.Pod, &at, &milli, &mib, &askedMilli, &askedMiB); err != nil {
				return err
			}
			s.At, s.Cores, s.MiB = time.UnixMicro(at).UTC(), float64(milli)/1000, float64(mib)
			s.RequestedCores, s.RequestedMiB = float64(askedMilli)/1000, float64(askedMiB)
			out = append(out, s)
		}
		return rows.Err()
	})
	return out, err
}
