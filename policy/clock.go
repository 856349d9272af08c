// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// clock remembers what it found out about schedules; many workloads have the same.
type clock struct {
	now  time.Time
	mu   sync.Mutex
	seen map[question]firing
}

// question is what is asked of a schedule.
type question struct {
	expression, zone string
	timeout          time.Duration
}

// firing is what is known of a schedule.
type firing struct {
	err   error
	never bool
	// often reports whether it fires again within the timeout, and gap where that is worst.
	often bool
	gap   schedule.Gap
	// changes are where the clock is set and it does not fire, or fires twice.
	changes []schedule.ClockChange
}

func newClock(now time.Time) *clock { return &clock{now: now, seen: map[question]firing{}} }

func (c *clock) firing(q question) firing {
	c.mu.Lock()
	f, ok := c.seen[q]
	c.mu.Unlock()
	if ok {
		return f
	}
	parsed, err := schedule.Parse(q.expression, q.zone)
	if f.err = err; err == nil {
		f.never = parsed.Never()
		f.gap, f.often = parsed.Often(c.now, q.timeout)
		f.changes = parsed.ClockChanges(c.now)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[q] = f
	return f
}

// schedule checks when a workload fires in an environment.
func (j *checker) schedule(w *v1alpha1.Workload, i int, env string, inputs []input) {
	mine := j.p.Spec.Environments[env].Workloads[w.Name]
	expression := cmp.Or(mine.Schedule, w.Schedule)
	if expression == "" {
		return
	}
	at := []any{"spec", "workloads", i, "schedule"}
	if mine.Schedule != "" {
		at = []any{"spec", "environments", env, "workloads", w.Name, "schedule"}
	}
	for _, in := range inputs {
		if in.unit.Valid() && in.read.Triggers() {
			j.in(env, RuleTrigger, at, fmt.Sprintf("the workload runs by the clock, and for each %s lot of %s that it reads", in.unit, in.id),
				fmt.Sprintf("remove the schedule, or read without being triggered: {dataset: %s, trigger: false}", in.read.Dataset))
			break
		}
	}
	timeout := j.cat.TimeoutOf(j.p, w, env)
	f := j.clock.firing(question{expression, w.TimeZone, timeout})
	if !f.often { // by which what fires twice is told already
		j.clockChanges(env, at, expression, w.TimeZone, f.changes)
	}
	switch {
	case f.err != nil: // reported by the catalog
	case f.never:
		j.in(env, RuleNever, at, fmt.Sprintf("the schedule %q never fires: there is no such day", expression), "")
	case f.often:
		j.in(env, RuleOften, at, fmt.Sprintf("the schedule %q fires every %s at its closest (%s and %s), and a run may take %s", expression,
			words(f.gap.Length()), f.gap.From.Format("2006-01-02 15:04 MST"), f.gap.To.Format("15:04 MST"), words(timeout)),
			"give the workload a shorter timeout, or a schedule that fires less often")
	}
}

// clockChanges warns of times that do not come, or come twice, when the clock of the zone is set.
func (j *checker) clockChanges(env string, at []any, expression, zone string, changes []schedule.ClockChange) {
	var said []string
	for _, c := range changes {
		day := c.At.Add(-time.Second).Format(time.DateOnly)
		if c.Skips() {
			said = append(said, fmt.Sprintf("does not fire on %s, when there is no %s", day, c.Fires))
		} else {
			said = append(said, fmt.Sprintf("fires twice on %s, when %s comes twice", day, c.Fires))
		}
	}
	if len(said) == 0 {
		return
	}
	p := j.at(RuleClock, at, fmt.Sprintf("the schedule %q %s: the clock of %s is set then", expression, strings.Join(said, ", and "), zone),
		"choose a time of day that comes once each day, or remove timeZone, which leaves UTC")
	p.Severity, p.About.Environment = v1alpha1.Warn, env
}

// words writes a length of time as people do: "15m" and not "15m0s".
func words(d time.Duration) string {
	text := d.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = strings.TrimSuffix(text, none[1:])
		}
	}
	return text
}
