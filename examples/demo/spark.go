// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/reconciler/status"
)

// runSpark merges a job of PySpark, which makes a lot of what was made in the steps before.
func (d *demo) runSpark(ctx context.Context) error {
	d.story.say("A fourth team counts orders by country, with Apache Spark. Its driver is a pod that makes two executors as pods; " +
		"lots, plan, cost and health are as those of any workload:")
	script, err := fullFiles.ReadFile("full/insights/executor.sh")
	if err == nil {
		err = os.WriteFile(d.path("lake", "executor.sh"), script, 0o755) //nolint:gosec // executors run it
	}
	if err != nil {
		return fmt.Errorf("writing what starts executors: %w", err)
	}
	l := d.day(lateDay)
	commit, begin, err := d.addProjects(ctx, []string{"insights"}, "Count the orders of each country", nil,
		"@since@", l.Start.Format(time.RFC3339), "@spark@", d.opts.engine("spark"), "@lake@", d.path("lake"))
	if err != nil {
		return err
	}
	r := newRoll(d, sincePush, commit, func(r status.Release) bool { return r.Project == "insights" })
	r.begin = begin
	if _, err := r.wait(ctx); err != nil {
		return err
	}
	if err := d.awaitLot(ctx, "insights", "countries", l); err != nil {
		return err
	}
	d.story.ok(sincePush+"insights/countries has "+l.ID(), time.Since(begin))
	text, err := d.objects("insights", "countries", l, ".json")
	if err != nil {
		return err
	}
	d.story.quote("cat lake/dev/insights/countries/…/part-*.json", text)
	d.story.blank()
	want, err := d.salesOf(l)
	if err != nil {
		return err
	}
	got := map[string]int{}
	for line := range strings.Lines(text) {
		var row struct {
			Country string
			Count   int
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return fmt.Errorf("reading what Spark has written: %w", err)
		}
		got[row.Country] = row.Count
	}
	return d.expect("Spark counted the orders of each country", fmt.Sprint(want), fmt.Sprint(got))
}

// salesOf counts the sales of a lot by country.
func (d *demo) salesOf(l lot.Lot) (map[string]int, error) {
	text, err := d.objects("orders", "sales", l, ".csv")
	out := map[string]int{}
	for line := range strings.Lines(text) {
		if columns := strings.Split(line, ","); len(columns) > 2 && columns[0] != "order_id" {
			out[columns[2]]++
		}
	}
	return out, err
}

// objects is what the objects of a lot have that end so.
func (d *demo) objects(project, dataset string, l lot.Lot, end string) (string, error) {
	data, err := os.ReadFile(d.manifestOf(project, dataset, l))
	if err != nil {
		return "", fmt.Errorf("reading the manifest of %s: %w", l, err)
	}
	m, err := manifest.Parse(data)
	if err != nil {
		return "", fmt.Errorf("reading the manifest of %s: %w", l, err)
	}
	var out strings.Builder
	for _, uri := range m.URIs {
		if !strings.HasSuffix(uri, end) {
			continue
		}
		text, err := os.ReadFile(strings.TrimPrefix(uri, "file://"))
		if err != nil {
			return "", fmt.Errorf("reading what %s has: %w", l, err)
		}
		out.Write(text)
	}
	return out.String(), nil
}
