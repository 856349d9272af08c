// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"strconv"
	"strings"
)

// limit returns how many events are asked for.
func (f Filter) limit() (int, error) {
	switch {
	case f.Limit == 0:
		return DefaultLimit, nil
	case f.Limit < 0 || f.Limit > MaxLimit:
		return 0, fmt.Errorf("%d events cannot be asked for at once: from 1 to %d can", f.Limit, MaxLimit)
	default:
		return f.Limit, nil
	}
}

// statement returns the query for the newest n events. Events are in the order of their time, and of their id where that
// is the same: replicas write when they can, and not in the order of what happened.
func (f Filter) statement(n int) (string, []any) {
	var where []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	for _, part := range []struct{ column, value string }{
		{"platform", f.Platform},
		{"project", f.Release.Project},
		{"environment", f.Release.Environment},
		{"cluster", f.Release.Cluster},
	} {
		if part.value != "" {
			where = append(where, part.column+" = "+arg(part.value))
		}
	}
	if len(f.Kinds) == 0 {
		where = append(where, "kind <> "+arg(string(LotMade)))
	} else {
		var kinds []string
		for _, k := range f.Kinds {
			kinds = append(kinds, arg(string(k)))
		}
		where = append(where, "kind IN ("+strings.Join(kinds, ", ")+")")
	}
	if !f.Since.IsZero() {
		where = append(where, "at >= "+arg(f.Since.UnixMicro()))
	}
	if !f.Until.IsZero() {
		where = append(where, "at < "+arg(f.Until.UnixMicro()))
	}
	if f.Before != 0 {
		// An event that is gone was the oldest one, and there is nothing before it.
		id := arg(f.Before)
		where = append(where, "(at, id) < (SELECT at, id FROM trunkline_events WHERE id = "+id+")")
	}
	q := `SELECT id, at, platform, project, environment, cluster, kind, commit_hash, who, sign_on, why, message, took, applied, pruned, object, fields FROM trunkline_events`
	if len(where) > 0 {
		q += " WHERE " + strings.Join(where, " AND ")
	}
	return q + " ORDER BY at DESC, id DESC LIMIT " + arg(n), args
}
