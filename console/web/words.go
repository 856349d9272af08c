// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// functions are what templates may call.
func functions() template.FuncMap {
	return template.FuncMap{
		"short": status.Short, "count": number.Count, "path": join, "thousands": number.Of, "external": external, "state": stateWord,
		"mood":    func(m mood, text string) badge { return badge{m, text} },
		"count64": func(n int64, what string) string { return number.Count(int(n), what) }, "thousands64": func(n int64) string { return number.Of(int(n)) },
	}
}

// moment is a time, and how long that is from when the page was made.
type moment struct {
	// Machine is the time as RFC 3339 has it, Exact as people read it, and Ago from when the page was made; empty: there is none.
	Machine, Exact, Ago string
}

// at returns a time as it is shown at another.
func at(now, t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{Machine: t.UTC().Format(time.RFC3339), Exact: t.UTC().Format("2006-01-02 15:04:05 UTC"), Ago: ago(now, t)}
}

// ago says how long a time is from another, as console.js does while the page is open.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	if d < 0 {
		if d > -time.Second {
			return "now"
		}
		return "in " + span(-d)
	}
	if d < time.Second {
		return "now"
	}
	return span(d) + " ago"
}

// span says how long something is, in the largest unit of which there are two.
func span(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s < 120:
		return strconv.FormatInt(s, 10) + " s"
	case s < 2*3600:
		return strconv.FormatInt(s/60, 10) + " min"
	case s < 48*3600:
		return strconv.FormatInt(s/3600, 10) + " h"
	default:
		return strconv.FormatInt(s/86400, 10) + " d"
	}
}

// join returns the path of names, each of which may have any character.
func join(names ...string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString("/" + url.PathEscape(n))
	}
	return b.String()
}

func releasePath(id catalog.ReleaseID) string {
	return join("releases", id.Project, id.Environment, id.Cluster)
}

func projectPath(name string) string { return join("projects", name) }

// line makes one line of a text, and cuts it.
func line(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

// mood says how something is, for its colour and its sign.
type mood string

// The moods, from the one that a person has to look at first.
const (
	bad     mood = "bad"
	warn    mood = "warn"
	unsure  mood = "unsure"
	busy    mood = "busy"
	waiting mood = "waiting"
	idle    mood = "idle"
	good    mood = "good"
)

// rank orders moods: lower is worse.
func (m mood) rank() int {
	for i, o := range []mood{bad, warn, unsure, busy, waiting, idle} {
		if m == o {
			return i
		}
	}
	return len("worse") + 1
}

// badge is a state in a word.
type badge struct {
	Mood mood
	Text string
}

// badgeOf returns how a release is, in a word: what a person has to look at before what passes by itself.
func badgeOf(r *status.Release) badge {
	switch {
	case r.Result == status.Suspended:
		return badge{idle, "suspended"}
	case r.Result == status.Elsewhere:
		return badge{idle, "elsewhere"}
	case r.Result == status.Failed:
		return badge{bad, "failed"}
	case r.Health == status.Unhealthy:
		return badge{bad, "unhealthy"}
	case r.Health == status.Stalled:
		return badge{bad, "stalled"}
	case r.Resources != nil && !r.Resources.Fine():
		return badge{bad, "resources failed"}
	case r.Dags != nil && !r.Dags.Fine():
		return badge{bad, "DAGs failed"}
	case r.Held != nil && r.Held.Person:
		return badge{warn, "waits for a person"}
	case r.Drifted():
		return badge{warn, "drifted"}
	case r.Lots != nil && !r.Lots.Fine():
		return badge{warn, lotsWord(r.Lots)}
	case r.Result == status.Retrying:
		return badge{busy, "retrying"}
	case r.Result == status.Pruning:
		return badge{busy, "being removed"}
	case r.Result == status.Pending, r.Result == status.Applying:
		return badge{busy, string(r.Result)}
	case r.Health == status.Unknown:
		return badge{unsure, "unknown"}
	case r.Health == status.Progressing:
		return badge{busy, "progressing"}
	case r.Held != nil:
		return badge{waiting, "healthy, held"}
	default:
		return badge{good, "healthy"}
	}
}

// stateWord is what a state to filter by is called.
func stateWord(name string) string {
	switch name {
	case "someone":
		return "needs someone"
	case "busy":
		return "on its way"
	default:
		return name
	}
}

func lotsWord(l *status.Lots) string {
	switch {
	case l.Failed > 0:
		return number.Count(l.Failed, "lot") + " failed"
	case l.Late > 0:
		return number.Count(l.Late, "dataset") + " late"
	default:
		return "lots not known"
	}
}

// heldText says what holds a release, and until when.
func heldText(h *status.Held) string {
	if h == nil {
		return ""
	}
	return fmt.Sprintf("held by %s: %s", h.Rule, h.Reason)
}
