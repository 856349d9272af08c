// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// historyTimeout bounds one query.
const historyTimeout = 10 * time.Second

// eventView is an event of the history.
type eventView struct {
	Badge badge
	Time  moment
	// Release is its name, and Path where it is shown; empty: the event is about the whole platform.
	Release, Path string
	By            string
	// SignOn is how they signed on.
	SignOn string
	// Person reports whether By is one.
	Person bool
	Commit string
	// Text is what came of it, and why.
	Text string
	// Took is how long it took, in words.
	Took string
}

func eventsView(events []history.Event, now time.Time) []eventView {
	out := make([]eventView, 0, len(events))
	for _, e := range events {
		out = append(out, eventOf(e, now))
	}
	return out
}

func eventOf(e history.Event, now time.Time) eventView {
	v := eventView{
		Badge: badge{moodOf(e.Kind), strings.ReplaceAll(string(e.Kind), "-", " ")}, Time: at(now, e.Time), By: e.By, SignOn: e.SignOn, Person: e.By != "" && e.By != history.Daemon,
		Commit: status.Short(e.Commit),
	}
	if e.Release.Project != "" {
		v.Release, v.Path = e.Release.String(), releasePath(e.Release)
	} else if e.Release.Environment != "" {
		v.Release = e.Release.Environment
	}
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	add(e.Object)
	add(strings.Join(e.Fields, ", "))
	add(e.Message)
	add(e.Why)
	if e.Applied > 0 {
		add(number.Count(e.Applied, "object") + " written")
	}
	if e.Pruned > 0 {
		add(number.Count(e.Pruned, "object") + " deleted")
	}
	v.Text = line(strings.Join(parts, " · "), maxMessage)
	if e.Took > 0 {
		v.Took = e.Took.Round(time.Millisecond).String()
	}
	return v
}

// moodOf says how an event is to be looked at.
func moodOf(k history.Kind) mood {
	switch k {
	case history.Refused, history.Failed, history.Unhealthy, history.LotFailed, history.Rollback, history.Quarantined:
		return bad
	case history.Drift, history.Widened:
		return warn
	case history.Held:
		return waiting
	case history.Suspended, history.Disabled, history.Pruned, history.Removed, history.ResourceRemoved:
		return idle
	case history.Accepted, history.Healthy, history.Corrected, history.ResourceCorrected:
		return good
	default:
		return busy
	}
}
