// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// usualRuns is how many runs of a workload, the newest ones, say how long one usually takes: enough that one that was slow does not count, and
// few enough that a change of the program is soon seen.
const usualRuns = 25

// Usual is how long a run of a workload usually takes: the median of its newest runs that made a lot.
type Usual struct {
	Release  catalog.ReleaseID
	Workload string
	Took     time.Duration
}

// Usual returns how long the runs for lots of a platform take, as far as any is known since a time.
func (s *Store) Usual(ctx context.Context, platform string, since time.Time) ([]Usual, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT project, environment, cluster, object, took FROM (
		SELECT project, environment, cluster, object, took,
			row_number() OVER (PARTITION BY project, environment, cluster, object ORDER BY at DESC, id DESC) AS place
		FROM trunkline_events WHERE kind = $1 AND platform = $2 AND at >= $3
	) AS runs WHERE place <= $4 ORDER BY project, environment, cluster, object, took`, string(LotMade), platform, since.UnixMicro(), usualRuns)
	if err != nil {
		return nil, s.def.explain("reading", err)
	}
	defer rows.Close()
	var out []Usual
	var took []time.Duration
	median := func() {
		if len(took) > 0 {
			out[len(out)-1].Took = took[(len(took)-1)/2]
		}
	}
	for rows.Next() {
		var u Usual
		var micro int64
		if err := rows.Scan(&u.Release.Project, &u.Release.Environment, &u.Release.Cluster, &u.Workload, &micro); err != nil {
			return nil, s.def.explain("reading", err)
		}
		if len(out) == 0 || u.Release != out[len(out)-1].Release || u.Workload != out[len(out)-1].Workload {
			median()
			out, took = append(out, u), took[:0]
		}
		took = append(took, time.Duration(micro)*time.Microsecond)
	}
	median()
	return slices.Clip(out), s.def.explain("reading", rows.Err())
}

// Usual is that of the database; a failure of it is an [UnavailableError].
func (r *Recorder) Usual(ctx context.Context, platform string, since time.Time) ([]Usual, error) {
	store, why := r.current()
	if store == nil {
		return nil, &UnavailableError{why}
	}
	out, err := store.Usual(ctx, platform, since)
	if err != nil {
		return nil, r.unavailable(store, err)
	}
	return out, nil
}
