// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"database/sql"
	"time"

	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
)

// Import keeps a bill, in place of one of the same account and period; it reports whether that changes anything.
func (l *Ledger) Import(ctx context.Context, platform string, b usage.Bill) (changed bool, err error) {
	err = l.db.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		changed = false
		before, currency, err := billed(ctx, tx, `platform = $1 AND account = $2 AND period = $3`, platform, b.Account, b.Period)
		if err != nil {
			return err
		}
		if changed = !same(before, b.Items) || currency != b.Currency; !changed {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM trunkline_usage_bills WHERE platform = $1 AND account = $2 AND period = $3`,
			platform, b.Account, b.Period); err != nil {
			return err
		}
		for _, i := range b.Items {
			if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_bills (platform, account, period, day, cluster, service, currency, nano)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, platform, b.Account, b.Period, i.Day, i.Cluster, i.Service, b.Currency, i.Nano); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

// same reports whether items are the same, whatever their order.
func same(a, b []usage.Item) bool {
	if len(a) != len(b) {
		return false
	}
	amounts := map[usage.Item]int{}
	for _, i := range a {
		amounts[i]++
	}
	for _, i := range b {
		amounts[i]--
		if amounts[i] < 0 {
			return false
		}
	}
	return true
}

// Billed returns what was billed from a day on and before another, in the order of the days, and its currency.
func (l *Ledger) Billed(ctx context.Context, platform string, since, until time.Time) (items []usage.Item, currency string, err error) {
	var odd error
	err = l.db.Read(ctx, func(ctx context.Context, r history.Reader) (err error) {
		from, before := since.UTC().Format(time.DateOnly), until.UTC().Format(time.DateOnly)
		currencies, err := texts(ctx, r, `SELECT DISTINCT currency FROM trunkline_usage_bills WHERE platform = $1 AND day >= $2 AND day < $3 ORDER BY currency`,
			platform, from, before)
		if err != nil {
			return err
		}
		if len(currencies) > 1 {
			odd = &usage.MixedError{Currencies: currencies}
			return nil
		}
		items, currency, err = billed(ctx, r, `platform = $1 AND day >= $2 AND day < $3`, platform, from, before)
		return err
	})
	if err == nil {
		err = odd
	}
	return items, currency, err
}

// billed reads items, and the currency of the last one.
func billed(ctx context.Context, r history.Reader, where string, args ...any) (items []usage.Item, currency string, err error) {
	rows, err := r.QueryContext(ctx, `SELECT day, cluster, service, currency, nano FROM trunkline_usage_bills WHERE `+where+` ORDER BY day, cluster, service`, args...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	for rows.Next() {
		var i usage.Item
		if err := rows.Scan(&i.Day, &i.Cluster, &i.Service, &currency, &i.Nano); err != nil {
			return nil, "", err
		}
		items = append(items, i)
	}
	return items, currency, rows.Err()
}
