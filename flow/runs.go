// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/survey"
)

// Run is a run of a lot: its Job, as long as that is there, or what the store says of an attempt that failed.
type Run struct {
	Attempt        string
	Namespace, Job string
	// Started is zero if its Job is not there any more. Ended is when it ended, or when it was written down that it failed; zero while
	// it is under way.
	Started, Ended time.Time
	Failed         bool
	// Outcome says what came of it, once that is written down.
	Outcome string
	// NoLog is why its log is not kept, although it was tried.
	NoLog string
}

// Runs returns the runs of a lot of a dataset that are known, the oldest first.
func (k *Keeper) Runs(ctx context.Context, environment, dataset string, l lot.Lot) (out []Run, err error) {
	err = k.ask(ctx, func(loop *loop) error {
		s, err := loop.kept(environment)
		if err != nil {
			return err
		}
		out = s.runsOf(dataset, l)
		return nil
	})
	return out, err
}

func (s *state) runsOf(dataset string, l lot.Lot) []Run {
	out := []Run{}
	seen := map[string]bool{}
	for _, j := range s.jobsOf(arcLot{s.graph.Producer(dataset), l}) {
		seen[j.Attempt] = true
		failed := j.Failed || j.Outcome != "" && !strings.HasPrefix(j.Outcome, string(cameMade)) && !strings.HasPrefix(j.Outcome, string(cameNeedless))
		out = append(out, Run{j.Attempt, j.Namespace, j.Name, j.Created.UTC(), j.Ended.UTC(), failed, j.Outcome, s.logging.tried[j.UID]})
	}
	for attempt, written := range s.lot(survey.At{Series: dataset, Lot: l}).Partial {
		if !seen[attempt] {
			out = append(out, Run{Attempt: attempt, Ended: written.UTC(), Failed: true, Outcome: "see its partial manifest"})
		}
	}
	slices.SortFunc(out, func(a, b Run) int {
		if c := a.when().Compare(b.when()); c != 0 {
			return c
		}
		return strings.Compare(a.Attempt, b.Attempt)
	})
	return out
}

// when is what runs are sorted by.
func (r Run) when() time.Time {
	if r.Started.IsZero() {
		return r.Ended
	}
	return r.Started
}
