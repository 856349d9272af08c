// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"trunkline.dev/trunkline/reconciler/status"
)

// rollOut brings everything that the example declares to the clusters.
func (d *demo) rollOut(ctx context.Context) error {
	d.story.say("Five projects of two teams. Their datasets form one DAG across the projects:")
	d.story.blank()
	d.story.line(margin + "orders/orders-raw ─▶ orders/orders-clean ─┐")
	d.story.line(margin + "                          rates/fx-daily ─┴─▶ revenue/revenue-daily ─▶ storefront, alerts")
	d.story.blank()
	commit, err := d.seedRepository(ctx)
	if err != nil {
		return err
	}
	if err := d.startDaemon(ctx); err != nil {
		return err
	}
	r := newRoll(d, "", commit, func(status.Release) bool { return true })
	p, err := r.wait(ctx)
	if err != nil {
		return err
	}
	d.story.blank()
	for _, line := range arrivals(p.Releases) {
		d.story.line(margin + "  " + line)
	}
	d.story.blank()
	if err := d.expectProjects(p); err != nil {
		return err
	}
	return d.showData(ctx, p)
}

// expectProjects checks that the releases are those of the projects in the repository.
func (d *demo) expectProjects(p status.Platform) error {
	want, err := d.repo.projects()
	if err != nil {
		return err
	}
	var got []string
	for _, r := range p.Releases {
		got = append(got, r.Project)
	}
	slices.Sort(got)
	return d.expect("every project of the repository arrived", strings.Join(want, ", "), strings.Join(slices.Compact(got), ", "))
}

// arrivals tells what arrived where.
func arrivals(releases []status.Release) []string {
	type place struct{ cluster, environment string }
	projects := map[place][]string{}
	for _, r := range releases {
		at := place{r.Cluster, r.Environment}
		projects[at] = append(projects[at], r.Project)
	}
	lines := make([]string, 0, len(projects))
	for at, names := range projects {
		slices.Sort(names)
		lines = append(lines, fmt.Sprintf("%-7s  %-11s  %8d  %s", at.cluster, at.environment, len(names), strings.Join(names, ", ")))
	}
	slices.Sort(lines)
	return append([]string{"CLUSTER  ENVIRONMENT  RELEASES"}, lines...)
}

// showData shows what a job said, and what it made.
func (d *demo) showData(ctx context.Context, p status.Platform) error {
	i := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.Project == "revenue" && r.Environment == "prod" })
	if i < 0 {
		return &checkError{check: "the example has revenue in prod", want: "a release revenue/prod", got: "none"}
	}
	c := d.cluster(p.Releases[i].Cluster)
	args := []string{"logs", "-n", p.Releases[i].Namespace, "-l", "trunkline.dev/workload=convert"}
	out, err := d.kubectl(ctx, c, args...)
	if err != nil {
		return err
	}
	d.story.blank()
	d.story.say("The job convert joined the orders with the rates, and said in prod:")
	d.story.quote("kubectl "+strings.Join(args, " "), lastLines(out, 3))
	head, err := d.revenue("prod", 4)
	if err != nil {
		return err
	}
	d.story.quote("head -4 lake/prod/revenue/daily/revenue.csv", head)
	d.story.blank()
	return d.expect("the result is there, in its columns", "day,country,revenue_eur", firstLine(head))
}

// revenue returns the first lines of the result in an environment.
func (d *demo) revenue(environment string, n int) (string, error) {
	data, err := os.ReadFile(d.path("lake", environment, "revenue", "daily", "revenue.csv"))
	if err != nil {
		return "", fmt.Errorf("reading the result of %s: %w", environment, err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	return strings.Join(lines[:min(n, len(lines))], ""), nil
}

// cluster finds a cluster that the demo started.
func (d *demo) cluster(name string) *clusterAPI {
	return d.clusters[slices.IndexFunc(d.clusters, func(c *clusterAPI) bool { return c.name == name })]
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func lastLines(s string, n int) string {
	lines := strings.SplitAfter(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
