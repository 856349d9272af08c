// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"strconv"

	"trunkline.dev/trunkline/notify"
	"trunkline.dev/trunkline/reconciler/history"
)

// Kinds are those of the history that are read: what has happened and is told, and why lots failed.
func Kinds() []history.Kind { return []history.Kind{history.Rollback, history.LotFailed} }

// Happenings returns what has happened that is told by itself.
func Happenings(events []history.Event, links Links) (out []notify.Happening) {
	for _, e := range events {
		if e.Kind != history.Rollback {
			continue
		}
		reason := e.Message
		if e.Why != "" {
			reason = e.Why
		}
		out = append(out, notify.Happening{ID: strconv.FormatInt(e.ID, 10), Condition: notify.Condition{
			Topic: notify.RolledBack, Subject: notify.Subject{Project: e.Release.Project, Environment: e.Release.Environment, Cluster: e.Release.Cluster},
			Commit: e.Commit, Reason: reason, Since: e.Time, Link: links.Release(e.Release.Project, e.Release.Environment, e.Release.Cluster),
		}})
	}
	return out
}
