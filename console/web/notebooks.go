// SPDX-License-Identifier: Apache-2.0

package web

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
)

// notebooksPage is what the page of notebooks and editors shows: those of the viewer, and where there could be one.
type notebooksPage struct {
	// None is set where nothing keeps any.
	None bool
	Rows []notebookRow
	// More are where the viewer has none and may have one.
	More []notebookPlace
}

// notebookRow is a notebook or an editor.
type notebookRow struct {
	Name, Kind, Where string
	Badge             badge
	// Open is where it is entered; empty: it does not answer. Why says why it does not.
	Open, Why string
	// Clone is what was cloned in it.
	Clone  string
	Used   moment
	Stops  string
	Spent  string
	Acts   []act
	Steady bool
}

// notebookPlace is where a notebook could be.
type notebookPlace struct {
	Name, Where string
	Acts        []act
}

// changing is after how many seconds the page is loaded again while something starts or stops, and steady while something runs.
const changing, steady = 3, 60

func showNotebooks(a *ask) (shown, error) {
	all, kept, err := console.WorkspacesOf(a.request.Context())
	if err != nil {
		return shown{}, err
	}
	v := notebooksPageOf(all, a.places(), a.now, a.nameless())
	v.None = !kept
	out := shown{Title: "Notebooks", View: v}
	for i, row := range v.Rows {
		v.Rows[i].Acts = a.may(row.Acts)
		switch {
		case !row.Steady:
			out.Every = changing
		case row.Open != "" && out.Every == 0:
			out.Every = steady
		}
	}
	for i := range v.More {
		v.More[i].Acts = a.may(v.More[i].Acts)
	}
	return out, nil
}

// openable is a workload that people's notebooks are made from, in an environment.
type openable struct{ Project, Environment, Workload, Kind string }

// maxPlaces bounds where one could be opened from the page; the command opens one anywhere.
const maxPlaces = 50

// places are those that the viewer may have one at.
func (a *ask) places() (out []openable) {
	cat := a.Catalog()
	if cat == nil {
		return nil
	}
	for p := range cat.Projects() {
		var seen []string
		for _, id := range cat.ReleasesOf(p) {
			if slices.Contains(seen, id.Environment) || !a.sight.May(access.Workspace, access.Scope{Project: id.Project, Environment: id.Environment}).Allowed {
				continue
			}
			if _, preview := catalog.PreviewPull(id.Environment); preview {
				continue
			}
			seen = append(seen, id.Environment)
			for _, w := range cat.Release(p, id).Workloads {
				if w.Blueprint.IsWorkspace() && len(out) < maxPlaces {
					out = append(out, openable{id.Project, id.Environment, w.Name, w.Blueprint.Name})
				}
			}
		}
	}
	return out
}

// notebooksPageOf returns what the page shows.
func notebooksPageOf(all []console.Workspace, places []openable, now time.Time, nameless bool) notebooksPage {
	var v notebooksPage
	for _, w := range all {
		row := notebookRow{
			Name: w.Project + "/" + w.Workload, Kind: w.Kind, Where: w.Environment + " on " + w.Cluster, Badge: workspaceBadge(w.Phase), Why: line(w.Why, maxMessage),
			Clone: strings.TrimSpace(w.Repository + " " + w.Branch), Used: at(now, w.Used), Spent: strings.TrimSpace(w.Spent + " " + w.Currency), Acts: workspaceActs(w, nameless),
			Steady: w.Phase == "running" || w.Phase == "stopped",
		}
		if w.Phase == "running" {
			row.Open = console.AppPath(w.App())
		}
		if w.StopsAt.After(now) {
			row.Stops = span(w.StopsAt.Sub(now))
		}
		v.Rows = append(v.Rows, row)
		places = slices.DeleteFunc(places, func(p openable) bool {
			return p.Project == w.Project && p.Environment == w.Environment && p.Workload == w.Workload
		})
	}
	for i, p := range places {
		v.More = append(v.More, notebookPlace{p.Project + "/" + p.Workload, p.Environment, []act{{
			ID: "open-" + strconv.Itoa(i), Label: "Open", Text: "A " + p.Kind + " of your own is started, with the size, identity and secrets that " + p.Project + " declares. It is stopped when you do not use it, and its volume stays.",
			Path: "/api/v1/workspaces" + join(p.Environment, p.Project), Body: bodyOf(console.WorkspaceRequest{Workload: p.Workload}), Command: "trunkline notebook open " + p.Project + "/" + p.Workload + " --env " + p.Environment,
			Nameless: nameless, Right: access.Workspace, Scope: access.Scope{Project: p.Project, Environment: p.Environment},
		}}})
	}
	return v
}

// workspaceActs are what can be done to a workspace as it is now.
func workspaceActs(w console.Workspace, nameless bool) []act {
	where := w.Project + "/" + w.Workload + " --env " + w.Environment
	path := "/api/v1/workspaces" + join(w.Environment, w.Project, w.Name) + "/"
	var out []act
	add := func(id string, do console.WorkspaceAct, label, text, command string, grave bool) {
		out = append(out, act{
			ID: id + "-" + w.Name, Label: label, Text: text, Path: path + string(do), Body: bodyOf(console.Act{}), Command: "trunkline notebook " + command + " " + where, Grave: grave,
			Nameless: nameless, Right: access.Workspace, Scope: access.Scope{Project: w.Project, Environment: w.Environment},
		})
	}
	switch w.Phase {
	case "stopped", "expired":
		add("wake", console.WakeWorkspace, "Wake", "It is started again, with its volume as it was.", "open", false)
	case "running", "starting", "idle":
		add("stop", console.StopWorkspace, "Stop", "What runs in it ends. Its volume stays, and it can be woken.", "stop", false)
	}
	add("delete", console.DeleteWorkspace, "Delete", "It is removed, and its volume with it, unless its workload declares that volumes are kept. Commit and push what is to stay.", "delete", true)
	return out
}

func workspaceBadge(phase string) badge {
	switch phase {
	case "running":
		return badge{good, phase}
	case "starting", "stopping":
		return badge{busy, phase}
	}
	return badge{idle, phase}
}
