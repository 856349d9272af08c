// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// builds are which builds of a project were where.
type builds struct {
	Project string             `json:"project"`
	Builds  []promotion.Placed `json:"builds"`
}

// buildsOf asks a daemon which commits were applied to a project, and reads in the checkout which builds they declare.
func buildsOf(ctx context.Context, c *client.Client, folder, project string) (builds, error) {
	tree, err := git.OpenDir(folder)
	if err != nil {
		return builds{}, err
	}
	cat, _, err := catalog.Load(tree, blueprints.FS)
	if err != nil {
		return builds{}, err
	}
	p, known := cat.Project(project)
	if !known {
		var names []string
		for p := range cat.Projects() {
			names = append(names, p.Name)
		}
		return builds{}, unknown("project", project, names)
	}
	limit := strconv.Itoa(history.MaxLimit)
	ran, err := c.History(ctx, url.Values{"project": {project}, "kind": {string(history.Ran), string(history.Rollback)}, "limit": {limit}})
	if err != nil {
		return builds{}, refused(err)
	}
	accepted, err := c.History(ctx, url.Values{"kind": {string(history.Accepted)}, "limit": {limit}})
	if err != nil {
		return builds{}, refused(err)
	}
	var applied []promotion.Applied
	for _, e := range ran.Events {
		if e.Commit != "" {
			applied = append(applied, promotion.Applied{Environment: e.Release.Environment, Cluster: e.Release.Cluster, Commit: e.Commit, At: e.Time})
		}
	}
	authors := map[string]string{}
	for _, e := range accepted.Events {
		authors[e.Commit] = e.By
	}
	at := declaredAt(ctx, folder, p)
	build := func(environment, commit string) promotion.BuildID {
		d := at(commit)
		if d == nil {
			return ""
		}
		id, err := d.Build(environment)
		if err != nil {
			return "" // it is not known, which the table says
		}
		return id
	}
	return builds{project, promotion.Timeline(applied, build, func(commit string) string { return authors[commit] })}, nil
}

// declaredAt returns a function that reads a project as a commit declares it; nil if the checkout does not have that.
func declaredAt(ctx context.Context, folder string, p *catalog.Project) func(commit string) *promotion.Declared {
	known := map[string]*promotion.Declared{}
	return func(commit string) *promotion.Declared {
		if d, ok := known[commit]; ok {
			return d
		}
		var d *promotion.Declared
		if tree, err := revision(ctx, folder, commit); err == nil {
			if read, err := promotion.Read(tree, p.Document.File, p.Name); err == nil {
				d = read
			}
		}
		known[commit] = d
		return d
	}
}

// printBuilds prints a row for each build and place. The ones that are there come with no end.
func printBuilds(w io.Writer, b builds) error {
	if len(b.Builds) == 0 {
		return println(w, "no builds: nothing of "+cell(b.Project)+" was applied since the daemon keeps its history")
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"Build", "Environment", "Cluster", "Since", "Until", "Commit", "By"})
	unread := false
	for _, p := range b.Builds {
		id, until := p.Build.Short(), "now"
		if id == "" {
			id, unread = "unknown", true
		}
		if !p.Until.IsZero() {
			until = p.Until.UTC().Format(time.DateTime)
		}
		t.AppendRow(table.Row{id, cell(p.Environment), cell(p.Cluster), p.Since.UTC().Format(time.DateTime), until, cell(status.Short(p.Commit)), cell(p.By)})
	}
	out := strings.TrimRight(trimLines(t.Render()), "\n")
	if unread {
		out += "\n\nunknown: the checkout does not have the commit, or the project was in another file; try git fetch"
	}
	return println(w, out)
}

// onlyBuilds refuses what --builds does not answer.
func onlyBuilds(args []string, changed func(flag string) bool) error {
	if len(args) != 1 || strings.ContainsAny(args[0], "/@") {
		return usagef("--builds is about one project: trunkline history --builds PROJECT")
	}
	i := slices.IndexFunc([]string{"kind", "since", "number", "before"}, changed)
	if i >= 0 {
		return usagef("--builds goes with none of --kind, --since, --number and --before")
	}
	return nil
}
