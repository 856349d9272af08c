// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
)

// conditions are those of a statement, with their values.
type conditions struct {
	texts []string
	args  []any
}

// add adds one, in which ? is the value.
func (c *conditions) add(text string, value any) {
	c.args = append(c.args, value)
	c.texts = append(c.texts, strings.Replace(text, "?", "$"+strconv.Itoa(len(c.args)), 1))
}

func (c *conditions) String() string { return strings.Join(c.texts, " AND ") }

// within returns the conditions of a filter but for those about kinds.
func within(f usage.Filter) *conditions {
	c := &conditions{}
	c.add("platform = ?", f.Platform)
	c.add("day >= ?", f.Since.UTC().Format(time.DateOnly))
	c.add("day < ?", f.Until.UTC().Format(time.DateOnly))
	for _, part := range []struct{ column, value string }{
		{"cluster", f.Cluster},
		{"project", f.Place.Project},
		{"environment", f.Place.Environment},
		{"owner", f.Place.Owner},
		{"workload", f.Place.Workload},
		{"run", f.Place.Run},
		{"lot", f.Place.Lot},
		{"currency", f.Currency},
	} {
		if part.value != "" {
			c.add(part.column+" = ?", part.value)
		}
	}
	return c
}

// sums are what is added up of each row, in the order of [scanRow].
const sums = `currency, CAST(sum(nano) AS BIGINT), CAST(sum(CASE WHEN spot = 1 THEN nano ELSE 0 END) AS BIGINT),
	CAST(sum(CASE WHEN kind = 'claim' THEN nano ELSE 0 END) AS BIGINT), CAST(sum(core_ms) AS BIGINT), CAST(sum(mib_s) AS BIGINT),
	CAST(sum(used_core_ms) AS BIGINT), CAST(sum(used_mib_s) AS BIGINT), CAST(sum(unpriced) AS BIGINT)`

// Query returns what a filter asks for. Several currencies are a [usage.MixedError].
func (l *Ledger) Query(ctx context.Context, f usage.Filter) (usage.Answer, error) {
	var out usage.Answer
	var odd error // what is wrong with the question, and not with the database
	err := l.db.Read(ctx, func(ctx context.Context, r history.Reader) (err error) {
		out = usage.Answer{}
		currencies, err := currenciesOf(ctx, r, f)
		if err != nil {
			return err
		}
		if len(currencies) > 1 {
			odd = &usage.MixedError{Currencies: currencies}
			return nil
		}
		if len(currencies) == 1 {
			out.Currency = currencies[0]
		}
		if out.Rows, err = rowsOf(ctx, r, f, f.By, "kind <> 'node'"); err != nil {
			return err
		}
		if len(out.Rows) > usage.MaxRows {
			odd = &usage.TooManyError{Limit: usage.MaxRows}
			return nil
		}
		for _, row := range out.Rows {
			out.Total += row.Nano
		}
		if f.Place == (usage.Place{}) {
			if out.Idle, err = idleOf(ctx, r, f); err != nil {
				return err
			}
		}
		out.Gaps, err = gapsOf(ctx, r, f)
		return err
	})
	if err == nil {
		err = odd
	}
	if err != nil {
		return usage.Answer{}, err
	}
	return out, nil
}

func currenciesOf(ctx context.Context, r history.Reader, f usage.Filter) ([]string, error) {
	where := within(f)
	return texts(ctx, r, `SELECT DISTINCT currency FROM trunkline_usage_days WHERE `+where.String()+` ORDER BY currency`, where.args...)
}

// rowsOf adds up what is of some kinds.
func rowsOf(ctx context.Context, r history.Reader, f usage.Filter, by []usage.Dimension, kinds string) ([]usage.Row, error) {
	where := within(f)
	var group []string
	for _, d := range by {
		group = append(group, string(d))
	}
	first := strings.Join(append(slices.Clone(group), sums), ", ")
	grouped := strings.Join(append(slices.Clone(group), "currency"), ", ")
	rows, err := r.QueryContext(ctx, fmt.Sprintf(`SELECT %s FROM trunkline_usage_days WHERE %s AND %s GROUP BY %s ORDER BY %s LIMIT %d`,
		first, where, kinds, grouped, grouped, usage.MaxRows+1), where.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []usage.Row{}
	for rows.Next() {
		var row usage.Row
		into := make([]any, 0, len(by)+9)
		for _, d := range by {
			into = append(into, partOf(&row, d))
		}
		var currency string
		var cores, mib, usedCores, usedMiB int64
		into = append(into, &currency, &row.Nano, &row.SpotNano, &row.StorageNano, &cores, &mib, &usedCores, &usedMiB, &row.Unpriced)
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row.CoreHours, row.UsedCoreHours = float64(cores)/1000/3600, float64(usedCores)/1000/3600
		row.GiBHours, row.UsedGiBHours = float64(mib)/1024/3600, float64(usedMiB)/1024/3600
		out = append(out, row)
	}
	return out, rows.Err()
}

// partOf is where a row keeps a dimension.
func partOf(r *usage.Row, d usage.Dimension) any {
	switch d {
	case usage.ByDay:
		return &r.Day
	case usage.ByCluster:
		return &r.Cluster
	case usage.ByProject:
		return &r.Project
	case usage.ByEnvironment:
		return &r.Environment
	case usage.ByOwner:
		return &r.Owner
	case usage.ByWorkload:
		return &r.Workload
	case usage.ByRun:
		return &r.Run
	case usage.ByLot:
		return &r.Lot
	case usage.ByKind:
	}
	return &r.Kind
}

// idleOf is what nodes had beyond what pods took of them.
func idleOf(ctx context.Context, r history.Reader, f usage.Filter) ([]usage.Row, error) {
	by := []usage.Dimension{usage.ByCluster}
	if slices.Contains(f.By, usage.ByDay) {
		by = []usage.Dimension{usage.ByDay, usage.ByCluster}
	}
	nodes, err := rowsOf(ctx, r, f, by, "kind = 'node'")
	if err != nil || len(nodes) == 0 {
		return nil, err
	}
	pods, err := rowsOf(ctx, r, f, by, "kind = 'pod'")
	if err != nil {
		return nil, err
	}
	return usage.IdleOf(nodes, pods), nil
}

// gapsOf are the times in which nobody looked, those that are of the days of a filter.
func gapsOf(ctx context.Context, r history.Reader, f usage.Filter) (out []usage.Gap, err error) {
	rows, err := r.QueryContext(ctx, `SELECT cluster, began, until_at, lost FROM trunkline_usage_gaps
		WHERE platform = $1 AND until_at > $2 AND began < $3 AND ($4 = '' OR cluster = $4) ORDER BY began, cluster LIMIT 1000`,
		f.Platform, micros(f.Since), micros(f.Until), f.Cluster)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var g usage.Gap
		var began, until int64
		if err := rows.Scan(&g.Cluster, &began, &until, &g.Lost); err != nil {
			return nil, err
		}
		g.From, g.Until = time.UnixMicro(began).UTC(), time.UnixMicro(until).UTC()
		out = append(out, g)
	}
	return out, rows.Err()
}

// Began is since when a platform is looked at; false if it never was.
func (l *Ledger) Began(ctx context.Context, platform string) (at time.Time, known bool, err error) {
	err = l.db.Read(ctx, func(ctx context.Context, r history.Reader) error {
		var micro int64
		if err := r.QueryRowContext(ctx, `SELECT coalesce(min(began), 0) FROM trunkline_usage_looks WHERE platform = $1`, platform).Scan(&micro); err != nil {
			return err
		}
		at, known = time.UnixMicro(micro).UTC(), micro > 0
		return nil
	})
	return at, known, err
}
