// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// pageRows is how many projects a page has, maxNeeds how many things that need someone, and maxRecent how many changes.
	pageRows, maxNeeds, maxRecent = 50, 12, 10
	// maxColumns is how many environments are columns of their own.
	maxColumns = 12
	// maxMessage bounds a message of others in a list, in characters.
	maxMessage = 240
)

// platformQuery is what the platform's page is asked for.
type platformQuery struct {
	// Text is a part of the name of a project or owner, Owner the whole name of one, and State one of [platformStates].
	Text, Owner, Environment, State string
	// After is the last project of the page before.
	After string
}

// platformStates are what the projects of the page can be filtered by.
func platformStates() []string { return []string{"all", "someone", "busy", "held", "drifted"} }

// platformPage is what the page shows.
type platformPage struct {
	Query  platformQuery
	States []string
	// Troubles are what is wrong with the platform as a whole.
	Troubles []trouble
	Source   sourceView
	Counts   platformCounts
	Needs    []need
	// MoreNeeds is how many are not shown.
	MoreNeeds int
	Recent    []eventView
	// NoHistory says that no history is kept, and HistoryError that it cannot be read.
	NoHistory, HistoryError bool
	Environments            []string
	// OtherEnvironments is how many have no column.
	OtherEnvironments int
	Rows              []platformRow
	// Costed reports whether a cell says what it costs.
	Costed bool
	// Found is how many projects fit the filter; First is the address of the first page, and Next that of the one after this; empty: there is none.
	Found       int
	First, Next string
}

// trouble is a thing that is wrong with the platform as a whole.
type trouble struct {
	Mood  mood
	Title string
	Text  string
	Since moment
}

// sourceView is where the declarations come from.
type sourceView struct {
	URL, Link, Branch string
	Accepted          *commitView
	// Ahead is the newest commit, if that is another one.
	Ahead *commitView
}

type commitView struct {
	Hash, Short, Subject, Author string
	Time                         moment
}

func commitOf(now time.Time, c *status.Commit) *commitView {
	if c == nil {
		return nil
	}
	return &commitView{Hash: c.Hash, Short: c.Short(), Subject: line(c.Subject, 120), Author: line(c.Author, 60), Time: at(now, c.Time)}
}

type platformCounts struct{ Projects, Releases, Fine, Someone, Busy, Held, Drifted, Previews int }

// need is a thing that needs someone.
type need struct {
	Name, Path string
	Badge      badge
	Text       string
	Since      moment
	Owner      string
}

type platformRow struct {
	Project, Path, Owner string
	Cells                []cell
}

// cell is a project in an environment.
type cell struct {
	Environment string
	// Releases are one for each cluster.
	Releases []cellRelease
	// Cost is what it costs this month so far; empty: that is not known, or not the viewer's to see.
	Cost string
}

type cellRelease struct {
	// Cluster is set if there are several.
	Cluster, Path, Commit string
	Badge                 badge
	// Notes are what there is to say beside the badge: what holds it, and how many fields drifted.
	Held    string
	Until   moment
	Drifted int
}

func showPlatform(a *ask) (shown, error) {
	q := platformQuery{
		Text: a.one("q"), Owner: a.one("owner"), Environment: a.one("environment"), State: a.choice("state", platformStates()...), After: a.one("after"),
	}
	v := platformView(a.state, owners(a.Catalog(), a.sight), q, a.now)
	v.costs(a)
	v.Recent, v.NoHistory, v.HistoryError = a.recent(a.request.Context(), history.Filter{Limit: maxRecent})
	if v.Next != "" {
		v.Next = a.with("after", v.Next)
	}
	if q.After != "" {
		v.First = a.with("after", "")
	}
	return shown{Title: "Platform", View: v}, nil
}

// recent returns the newest events that a filter lets through.
func (a *ask) recent(ctx context.Context, f history.Filter) (events []eventView, none, failed bool) {
	if a.History == nil {
		return nil, true, false
	}
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	page, err := a.History.Query(ctx, f)
	if err != nil {
		a.Log.Warn("cannot query the history", "err", err.Error())
		return nil, false, true
	}
	return eventsView(a.sight.Events(page.Events), a.now), false, false
}

// owners returns who owns each project that is declared, of those that the caller sees.
func owners(cat *catalog.Catalog, sight console.Sight) map[string]string {
	if cat == nil {
		return nil
	}
	out := make(map[string]string, 64)
	for p := range cat.Projects() {
		if sight.Sees(p.Name, "") {
			out[p.Name] = p.Spec.Owner
		}
	}
	return out
}

// platformView returns what the page shows of a state, of which the releases are sorted by project.
func platformView(p *status.Platform, owners map[string]string, q platformQuery, now time.Time) platformPage {
	v := platformPage{Query: q, States: platformStates(), Troubles: troubles(p, now), Source: sourceOf(p.Source, now)}
	silent := map[string]bool{}
	for _, c := range p.Clusters {
		silent[c.Name] = !c.Reachable
	}
	environments := map[string]int{}
	projects := map[string]*entry{}
	for name, owner := range owners {
		projects[name] = &entry{name: name, owner: owner}
	}
	var needs []*status.Release
	for i := range p.Releases {
		r := &p.Releases[i]
		v.Counts.add(r)
		if r.Preview != nil {
			continue
		}
		environments[r.Environment]++
		e := projects[r.Project]
		if e == nil {
			e = &entry{name: r.Project, owner: r.Owner}
			projects[r.Project] = e
		}
		e.releases = append(e.releases, r)
		e.states |= statesOf(r)
		if needsSomeone(r) && !silent[r.Cluster] {
			needs = append(needs, r)
		}
	}
	v.Counts.Projects = len(projects)
	v.needs(needs, now)
	v.columns(environments, q.Environment)
	v.rows(projects, q, now)
	return v
}

// entry is a project and what it has.
type entry struct {
	name, owner string
	releases    []*status.Release
	states      states
}

// states are some of those that one can filter by.
type states byte

const (
	someoneState states = 1 << iota
	busyState
	heldState
	driftedState
)

func statesOf(r *status.Release) (s states) {
	for _, is := range []struct {
		state states
		is    bool
	}{
		{someoneState, needsSomeone(r)},
		{busyState, badgeOf(r).Mood == busy},
		{heldState, r.Held != nil},
		{driftedState, r.Drifted()},
	} {
		if is.is {
			s |= is.state
		}
	}
	return s
}

func stateOf(name string) states {
	return map[string]states{"someone": someoneState, "busy": busyState, "held": heldState, "drifted": driftedState}[name]
}

// needsSomeone reports whether a release does not become well by itself.
func needsSomeone(r *status.Release) bool {
	m := badgeOf(r).Mood
	return m == bad || m == warn
}

func (c *platformCounts) add(r *status.Release) {
	if r.Preview != nil {
		c.Previews++
		return
	}
	c.Releases++
	s := statesOf(r)
	for _, one := range []struct {
		n  *int
		is bool
	}{
		{&c.Fine, r.Fine()},
		{&c.Someone, s&someoneState != 0},
		{&c.Busy, s&busyState != 0},
		{&c.Held, s&heldState != 0},
		{&c.Drifted, s&driftedState != 0},
	} {
		if one.is {
			*one.n++
		}
	}
}

// troubles are what is wrong with the platform as a whole, or the reason for what is wrong with many releases.
func troubles(p *status.Platform, now time.Time) []trouble {
	var out []trouble
	add := func(m mood, title, text string, since time.Time) {
		if text != "" {
			out = append(out, trouble{m, title, line(text, 3*maxMessage), at(now, since)})
		}
	}
	source := p.Source
	switch {
	case source.Error != "":
		add(bad, "The repository cannot be read", source.Error, time.Time{})
	case source.Refused():
		add(bad, "The newest commit is refused", source.Trouble(), time.Time{})
	case source.Accepted == nil:
		add(unsure, "No commit is accepted yet", "Nothing is applied before one is.", time.Time{})
	}
	add(bad, "The configuration of the daemon is not in use", source.Configuration, time.Time{})
	add(warn, "Note", source.Notice, time.Time{})
	add(warn, "Images cannot be looked at", source.Images, time.Time{})
	add(bad, "Notifications are not told", source.Notifications, time.Time{})
	for _, s := range source.Sources {
		switch {
		case s.Error != "":
			add(bad, "The repository "+s.Name+" cannot be read", s.Error, time.Time{})
		case s.Refused():
			add(bad, "The newest commit of "+s.Name+" is refused", "It does not count; what runs is left as it is.", time.Time{})
		}
	}
	if p.Replica != nil {
		add(warn, "Replicas", p.Replica.Message, time.Time{})
	}
	for _, c := range p.Clusters {
		if !c.Reachable {
			n := 0
			for i := range p.Releases {
				if p.Releases[i].Cluster == c.Name {
					n++
				}
			}
			add(bad, "Cluster "+c.Name+" does not answer", cmp.Or(c.Message, "It was not reached.")+" ("+number.Count(n, "release")+" there)", c.Since)
		}
		add(warn, "Cluster "+c.Name, c.Warning, time.Time{})
	}
	return out
}

func sourceOf(s status.Source, now time.Time) sourceView {
	v := sourceView{URL: s.URL, Link: external(s.URL), Branch: s.Branch, Accepted: commitOf(now, s.Accepted)}
	if s.Head != nil && (s.Accepted == nil || s.Head.Hash != s.Accepted.Hash) {
		v.Ahead = commitOf(now, s.Head)
	}
	return v
}

// needs shows those that are worst, and of equal ones those that are so for the shortest time.
func (v *platformPage) needs(all []*status.Release, now time.Time) {
	slices.SortStableFunc(all, func(a, b *status.Release) int {
		return cmp.Or(cmp.Compare(badgeOf(a).Mood.rank(), badgeOf(b).Mood.rank()), b.Since.Compare(a.Since))
	})
	v.MoreNeeds = max(0, len(all)-maxNeeds)
	for _, r := range all[:len(all)-v.MoreNeeds] {
		v.Needs = append(v.Needs, needOf(r, now))
	}
}

func needOf(r *status.Release, now time.Time) need {
	n := need{Name: r.String(), Path: releasePath(r.ReleaseID), Badge: badgeOf(r), Since: at(now, r.Since), Owner: r.Owner, Text: r.Message}
	switch {
	case r.Held != nil && r.Held.Person && n.Badge.Mood == warn:
		n.Text = heldText(r.Held)
	case n.Text == "" && r.Drifted():
		n.Text = driftText(r)
	case n.Text == "" && r.Lots != nil && !r.Lots.Fine():
		n.Text = r.Lots.String()
	case r.Resources != nil && !r.Resources.Fine() && n.Text == "":
		n.Text = r.Resources.String()
	case r.Dags != nil && !r.Dags.Fine() && n.Text == "":
		n.Text = r.Dags.String()
	}
	n.Text = line(n.Text, maxMessage)
	return n
}

// driftText says what drifted, the first of it.
func driftText(r *status.Release) string {
	for _, d := range r.Drifts {
		if d.Corrected {
			continue
		}
		text := d.Object + ": " + strings.Join(d.Fields, ", ")
		if d.What != "" {
			text = d.Object + ": " + d.What
		}
		if d.Manager != "" {
			text += " by " + d.Manager
		}
		return text
	}
	return ""
}

// columns are the environments that have most releases, by name; or the one that is asked for.
func (v *platformPage) columns(all map[string]int, only string) {
	for name := range all {
		if only == "" || name == only {
			v.Environments = append(v.Environments, name)
		}
	}
	slices.SortFunc(v.Environments, func(a, b string) int { return cmp.Or(all[b]-all[a], strings.Compare(a, b)) })
	if n := len(v.Environments); n > maxColumns {
		v.OtherEnvironments = n - maxColumns
		v.Environments = v.Environments[:maxColumns]
	}
	slices.Sort(v.Environments)
}

// rows are the projects that fit, the part of them that is asked for.
func (v *platformPage) rows(all map[string]*entry, q platformQuery, now time.Time) {
	text, state := strings.ToLower(q.Text), stateOf(q.State)
	var found []*entry
	for _, e := range all {
		fits := (text == "" || strings.Contains(strings.ToLower(e.name), text) || strings.Contains(strings.ToLower(e.owner), text)) &&
			(q.Owner == "" || e.owner == q.Owner) && (state == 0 || e.states&state != 0) &&
			(q.Environment == "" || slices.ContainsFunc(e.releases, func(r *status.Release) bool { return r.Environment == q.Environment }))
		if fits {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	v.Found = len(found)
	if q.After != "" {
		first, there := slices.BinarySearchFunc(found, q.After, func(e *entry, name string) int { return strings.Compare(e.name, name) })
		if there {
			first++
		}
		found = found[first:]
	}
	if len(found) > pageRows {
		found = found[:pageRows]
		v.Next = found[pageRows-1].name
	}
	for _, e := range found {
		v.Rows = append(v.Rows, e.row(v.Environments, now))
	}
}

func (e *entry) row(environments []string, now time.Time) platformRow {
	row := platformRow{Project: e.name, Path: projectPath(e.name), Owner: e.owner}
	for _, environment := range environments {
		c := cell{Environment: environment}
		for _, r := range e.releases {
			if r.Environment == environment {
				c.Releases = append(c.Releases, cellOf(r, now))
			}
		}
		if len(c.Releases) == 1 {
			c.Releases[0].Cluster = ""
		}
		row.Cells = append(row.Cells, c)
	}
	return row
}

func cellOf(r *status.Release, now time.Time) cellRelease {
	c := cellRelease{Cluster: r.Cluster, Path: releasePath(r.ReleaseID), Commit: status.Short(r.Own()), Badge: badgeOf(r)}
	if r.Held != nil {
		c.Held, c.Until = r.Held.Rule, at(now, r.Held.Until)
	}
	for _, d := range r.Drifts {
		if !d.Corrected {
			c.Drifted += max(1, len(d.Fields))
		}
	}
	return c
}
