// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"time"

	"trunkline.dev/trunkline/notify"
)

// endingWithin is how long before it is removed a preview is told of.
const endingWithin = 6 * time.Hour

// Budget is one that does not last.
type Budget struct {
	// Environment is whose it is, and Project is set if it is that of a project there.
	Environment, Project string
	// Month is such as 2026-11, and Reason says what was spent and what is expected.
	Month, Reason string
}

// budgets tells of those that do not last; each month tells again.
func (w *watcher) budgets() {
	if !w.sight.Leads || !w.sight.Counted {
		w.blind(notify.OverBudget)
		return
	}
	for _, b := range w.sight.Budgets {
		w.add(notify.Condition{
			Topic: notify.OverBudget, Subject: notify.Subject{Project: b.Project, Environment: b.Environment}, Mark: b.Month, Reason: b.Reason, Link: w.sight.Links.Home(),
		})
	}
}

// Preview is one of a pull request, and when it is removed unless someone uses it.
type Preview struct {
	Name    string
	Expires time.Time
}

// previews tells of those that are about to end.
func (w *watcher) previews() {
	if !w.sight.Leads || !w.sight.Known {
		w.blind(notify.PreviewEnding)
		return
	}
	for _, p := range w.sight.Previews {
		if left := p.Expires.Sub(w.sight.Now); p.Expires.IsZero() || left > endingWithin {
			continue
		}
		w.add(notify.Condition{
			Topic: notify.PreviewEnding, Subject: notify.Subject{Environment: p.Name}, Reason: "nobody has used it lately; it is removed at " + p.Expires.UTC().Format(time.RFC3339),
			Link: w.sight.Links.Previews(),
		})
	}
}
