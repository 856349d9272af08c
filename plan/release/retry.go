// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"hash/fnv"
	"time"

	"trunkline.dev/trunkline/catalog"
)

const (
	// Between these, the wait before another attempt doubles; each is up to a fifth longer or shorter, so that releases that
	// failed together do not come back together.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
	// lastResort is when something is retried that no retry can fix: what was in the way may have changed in a place that is
	// not watched.
	lastResort = 10 * time.Minute
)

// retry is when to try again what has failed.
type retry struct {
	// at is when; zero if nothing failed. It was pause away when it was set.
	at    time.Time
	pause time.Duration
	// failures counts those in a row.
	failures int
}

// failed sets the time of the next attempt.
func (r *retry) failed(id catalog.ReleaseID, now time.Time, terminal bool) {
	r.pause = lastResort
	if !terminal {
		r.pause = min(firstRetry<<min(r.failures, 10), lastRetry)
		r.pause += spread(id, r.failures, r.pause)
	}
	r.failures++
	r.at = now.Add(r.pause)
}

// spread returns up to a fifth of the pause, more or less: another for each release, the same each time it is asked.
func spread(id catalog.ReleaseID, failures int, pause time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id.String())) // a hash never fails
	_, _ = fmt.Fprint(h, failures)
	return time.Duration((float64(h.Sum32()%401) - 200) / 1000 * float64(pause))
}

// succeeded ends the wait.
func (r *retry) succeeded() { *r = retry{} }

// passed reports whether it is time for the next attempt. A clock that was set back does not make it later.
func (r *retry) passed(now time.Time) bool {
	if latest := now.Add(r.pause); r.at.After(latest) {
		r.at = latest
	}
	if r.at.IsZero() || now.Before(r.at) {
		return false
	}
	r.at = time.Time{} // it is only said once
	return true
}
