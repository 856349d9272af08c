// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"trunkline.dev/trunkline/console"
)

// spent asks what all of this did cost, in two ways that know nothing of each other: run by run, and for environments as a whole.
func (d *demo) spent(ctx context.Context) error {
	d.story.say("The daemon counts what pods request for as long as they are there, at the prices of the platform: also of those that are gone.")
	by := func(dimensions ...string) (console.CostAnswer, error) {
		today := time.Now().UTC()
		return d.daemon.Cost(ctx, url.Values{
			"since": {today.AddDate(0, 0, -1).Format(time.DateOnly)}, "until": {today.AddDate(0, 0, 1).Format(time.DateOnly)},
			"by": dimensions,
		})
	}
	var runs, whole console.CostAnswer
	for before := ""; before == "" || before != whole.Total; { // what is noted in between would be in one of them only
		before = whole.Total
		var err error
		if runs, err = by("environment", "workload", "run", "lot", "day"); err != nil {
			return err
		}
		if whole, err = by("environment"); err != nil {
			return err
		}
	}
	out, err := d.trunkline(ctx, "cost", "--since", "1d", "--by", "environment,project")
	if err != nil {
		return err
	}
	d.story.quote("trunkline cost --since 1d --by environment,project", out)
	d.story.blank()
	lots := map[string]bool{}
	for _, r := range runs.Rows {
		if r.Lot != "" {
			lots[r.Lot] = true
		}
	}
	if len(lots) == 0 {
		return fmt.Errorf("no run for a lot is counted among %d rows", len(runs.Rows))
	}
	return d.expect(fmt.Sprintf("%d rows of runs, lots and services come to the cent to what the environments did", len(runs.Rows)),
		sumOf(whole.Rows), sumOf(runs.Rows))
}

// sumOf adds amounts up, to the cent.
func sumOf(rows []console.Costed) string {
	sum := new(big.Rat)
	for _, r := range rows {
		if amount, ok := new(big.Rat).SetString(r.Amount); ok {
			sum.Add(sum, amount)
		}
	}
	return sum.FloatString(2)
}
