// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
)

// keepRetries is how long it is remembered that lots are to be tried again: the pauses of what had failed by then are over by themselves.
const keepRetries = time.Hour

// heed takes what people asked for. It returns which requests are old, and can be forgotten.
func (s *state) heed(w acts.Written, now time.Time) (old []string) {
	changed := !maps.Equal(s.written.Disabled, w.Disabled)
	s.written = w
	maps.DeleteFunc(s.heeded, func(name string, _ int) bool { _, is := w.Retries[name]; return !is })
	if s.planner != nil {
		if changed {
			s.planner.Limit(s.limited(s.missing, s.held))
			s.dirty = true
		}
		s.retry(false)
	}
	for name, r := range w.Retries {
		if _, met := s.heeded[name]; met && now.Sub(r.At) > keepRetries {
			old = append(old, name)
		}
	}
	return old
}

// retry has lots that failed tried again at once for which someone asks, once for each request. Of each request it notes how many there are. What
// failed after it was asked for is not meant; that is to be told by the clock only where nobody has seen the request before, and what
// failed is recalled.
func (s *state) retry(recalled bool) {
	for _, name := range slices.Sorted(maps.Keys(s.written.Retries)) {
		if _, met := s.heeded[name]; met {
			continue
		}
		s.heeded[name] = 0
		for key, run := range s.runs {
			r := s.written.Retries[name]
			if run.Failed.IsZero() || !r.Of(key.arc, key.lot.Start) || recalled && run.Failed.After(r.At) {
				continue
			}
			s.heeded[name]++
			if run = atOnce(run); s.planner == nil {
				s.runs[key] = run
			} else {
				s.ran(key, run)
			}
		}
	}
}

// disabled are the workloads that are disabled, as the plan has them.
func disabled(w acts.Written) (out []plan.Hold) {
	for _, id := range slices.Sorted(maps.Keys(w.Disabled)) {
		out = append(out, plan.Hold{Of: id, By: w.Disabled[id].String(), Disabled: true})
	}
	return out
}

// Disabled reads which workloads of an environment are disabled, from the folder in which that is written down.
func Disabled(ctx context.Context, records string, stores bucket.Options) ([]plan.Hold, error) {
	w, err := reader{stores}.written(ctx, records)
	return disabled(w), err
}
