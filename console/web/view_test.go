// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// healthy is a release that needs nobody.
func healthy(project, environment, cluster string, changes ...func(*status.Release)) status.Release {
	r := status.Release{
		ReleaseID: catalog.ReleaseID{Project: project, Environment: environment, Cluster: cluster}, Owner: "team-" + project, Commit: "0123456789abcdef",
		Result: status.Applied, Health: status.Healthy, Since: noon.Add(-time.Hour),
	}
	for _, change := range changes {
		change(&r)
	}
	return r
}

func heldBy(person bool) func(*status.Release) {
	return func(r *status.Release) {
		r.Held = &status.Held{Rule: "window", Reason: "it is night", Person: person, Until: noon.Add(time.Hour)}
	}
}

func drifted(corrected bool) func(*status.Release) {
	return func(r *status.Release) {
		r.Drifts = []status.Drift{{Object: "Deployment a", Fields: []string{"spec.replicas"}, Manager: "kubectl", Corrected: corrected}}
	}
}

func TestBadge(t *testing.T) {
	result := func(to status.Result) func(*status.Release) { return func(r *status.Release) { r.Result = to } }
	health := func(to status.Health) func(*status.Release) { return func(r *status.Release) { r.Health = to } }
	cases := map[string]struct {
		reason  string
		changes []func(*status.Release)
		want    badge
	}{
		"Healthy":      {"Nothing is to be done.", nil, badge{good, "healthy"}},
		"Failed":       {"A person has to fix it.", []func(*status.Release){result(status.Failed), health(status.Progressing)}, badge{bad, "failed"}},
		"Unhealthy":    {"What runs is not well.", []func(*status.Release){health(status.Unhealthy)}, badge{bad, "unhealthy"}},
		"BadAndHeld":   {"That it is not well comes before what holds it.", []func(*status.Release){health(status.Unhealthy), heldBy(true)}, badge{bad, "unhealthy"}},
		"Person":       {"It goes on when a person does something.", []func(*status.Release){heldBy(true)}, badge{warn, "waits for a person"}},
		"Window":       {"It goes on by itself.", []func(*status.Release){heldBy(false)}, badge{waiting, "healthy, held"}},
		"Drifted":      {"Someone changed it.", []func(*status.Release){drifted(false)}, badge{warn, "drifted"}},
		"Corrected":    {"What was reverted is done.", []func(*status.Release){drifted(true)}, badge{good, "healthy"}},
		"Applying":     {"It is on its way, also while its health is not known.", []func(*status.Release){result(status.Applying), health(status.Unknown)}, badge{busy, "applying"}},
		"Unknown":      {"Its cluster does not answer.", []func(*status.Release){health(status.Unknown)}, badge{unsure, "unknown"}},
		"Suspended":    {"That is what was asked for, however it is.", []func(*status.Release){result(status.Suspended), health(status.Unhealthy)}, badge{idle, "suspended"}},
		"LateDatasets": {"Data are late.", []func(*status.Release){func(r *status.Release) { r.Lots = &status.Lots{Late: 2} }}, badge{warn, "2 datasets late"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := healthy("a", "dev", "one", tc.changes...)
			if diff := cmp.Diff(tc.want, badgeOf(&r)); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
			if fine, calm := r.Fine(), !needsSomeone(&r); fine && !calm {
				t.Errorf("%s It is fine, and needs someone.", tc.reason)
			}
		})
	}
}

// seen is what a test looks at of the platform's page.
func seen(v platformPage) string {
	var b strings.Builder
	for _, tr := range v.Troubles {
		fmt.Fprintf(&b, "! %s\n", tr.Title)
	}
	for _, n := range v.Needs {
		fmt.Fprintf(&b, "? %s %s: %s\n", n.Name, n.Badge.Text, n.Text)
	}
	for _, row := range v.Rows {
		b.WriteString(row.Project)
		for _, c := range row.Cells {
			for _, r := range c.Releases {
				fmt.Fprintf(&b, " | %s%s %s", c.Environment, strings.TrimRight("@"+r.Cluster, "@"), r.Badge.Text)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestPlatform(t *testing.T) {
	releases := []status.Release{
		healthy("a", "dev", "one"), healthy("a", "prod", "one"), healthy("a", "prod", "two", heldBy(true)),
		healthy("b", "dev", "one", func(r *status.Release) { r.Health, r.Message = status.Unhealthy, "no\nimage" }),
		healthy("b", "prod", "two", drifted(false)),
		healthy("c", "pr-1", "one", func(r *status.Release) { r.Preview, r.Health = &status.Preview{Of: "dev"}, status.Unhealthy }),
	}
	clusters := []status.Cluster{{Name: "one", Reachable: true}, {Name: "two", Reachable: true}}
	fine := status.Source{Accepted: &status.Commit{Hash: "0123456789abcdef"}}
	cases := map[string]struct {
		reason   string
		query    platformQuery
		clusters []status.Cluster
		source   status.Source
		want     string
	}{
		"All": {
			"The worst comes first; a preview is its pull request's.",
			platformQuery{},
			clusters, fine,
			"? b/dev@one unhealthy: no image\n? a/prod@two waits for a person: held by window: it is night\n? b/prod@two drifted: Deployment a: spec.replicas by kubectl\n" +
				"a | dev healthy | prod@one healthy | prod@two waits for a person\nb | dev unhealthy | prod drifted\nd\n",
		},
		"Text":        {"By a part of the name.", platformQuery{Text: "D"}, clusters, fine, "d\n"},
		"Owner":       {"By the whole name of the owner.", platformQuery{Owner: "team-a"}, clusters, fine, "a | dev healthy | prod@one healthy | prod@two waits for a person\n"},
		"Drifted":     {"By what drifted.", platformQuery{State: "drifted"}, clusters, fine, "b | dev unhealthy | prod drifted\n"},
		"Environment": {"One environment is one column, and the projects that are there.", platformQuery{Environment: "dev"}, clusters, fine, "a | dev healthy\nb | dev unhealthy\n"},
		"After":       {"The next page begins after the last project of the one before, also if that is gone.", platformQuery{After: "aa"}, clusters, fine, "b | dev unhealthy | prod drifted\nd\n"},
		"Silent": {
			"What is known of a cluster that does not answer needs one person, and not one for each release.",
			platformQuery{Text: "d"},
			[]status.Cluster{clusters[0], {Name: "two"}},
			fine, "! Cluster two does not answer\n",
		},
		"Nothing": {"Before a commit is accepted.", platformQuery{Text: "d"}, clusters, status.Source{}, "! No commit is accepted yet\nd\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := &status.Platform{Releases: releases, Clusters: tc.clusters, Source: tc.source}
			got := seen(platformView(p, map[string]string{"a": "team-a", "d": "team-d"}, tc.query, noon))
			if tc.query.Text+tc.query.Owner+tc.query.State+tc.query.Environment+tc.query.After != "" { // what needs someone is not filtered
				got = strings.Join(slices.DeleteFunc(strings.SplitAfter(got, "\n"), func(l string) bool { return strings.HasPrefix(l, "? ") }), "")
			}
			if name == "Silent" {
				got = strings.TrimSuffix(got, "d\n")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestPaging goes through all pages of a list: each project and each release once.
func TestPaging(t *testing.T) {
	p := &status.Platform{}
	for i := range 3*pageRows + 7 {
		p.Releases = append(p.Releases, healthy(fmt.Sprintf("p-%04d", i), "dev", "one"))
	}
	var projects, releases []string
	for q := (platformQuery{}); ; {
		v := platformView(p, nil, q, noon)
		for _, r := range v.Rows {
			projects = append(projects, r.Project)
		}
		if q.After = v.Next; v.Next == "" {
			break
		}
	}
	for q := (releasesQuery{}); ; {
		v := releasesView(p.Releases, q, noon)
		for _, r := range v.Rows {
			releases = append(releases, r.Project)
		}
		if q.After = v.Next; v.Next == "" {
			break
		}
	}
	var want []string
	for _, r := range p.Releases {
		want = append(want, r.Project)
	}
	if diff := cmp.Diff(want, projects); diff != "" {
		t.Errorf("projects, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want, releases); diff != "" {
		t.Errorf("releases, -want +got:\n%s", diff)
	}
}

func TestExternal(t *testing.T) {
	for _, address := range []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "//example.com", "/path", "https:example.com",
		"https://user:secret@example.com", "file:///etc/passwd", "git@example.com:a/b", "ssh://example.com/x", "", "https://", "http://[::1",
	} {
		if got := external(address); got != "" {
			t.Errorf("external(%q) = %q, want no link", address, got)
		}
	}
	for _, address := range []string{"https://example.com/a?b=c#d", "http://example.com"} {
		if got := external(address); got != address {
			t.Errorf("external(%q) = %q", address, got)
		}
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", 900 * time.Millisecond: "now", -900 * time.Millisecond: "now", time.Second: "1 s ago", 119 * time.Second: "119 s ago", 2 * time.Minute: "2 min ago",
		119 * time.Minute: "119 min ago", 2 * time.Hour: "2 h ago", 47 * time.Hour: "47 h ago", 48 * time.Hour: "2 d ago", -18 * time.Hour: "in 18 h",
	} {
		if got := ago(noon, noon.Add(-d)); got != want {
			t.Errorf("%s before: %q, want %q", d, got, want)
		}
	}
}

func TestSearch(t *testing.T) {
	p := &status.Platform{
		Source:   status.Source{Accepted: &status.Commit{Hash: "abcdef0123456789", Subject: "orders: more"}},
		Clusters: []status.Cluster{{Name: "order-west"}},
		Releases: []status.Release{healthy("order", "dev", "one"), healthy("orders", "dev", "one"), healthy("reorder", "dev", "one")},
	}
	cases := map[string]struct{ reason, text, want string }{
		"Order":   {"What it is comes before what begins with it, and that before what has it within.", "order", "Projects: order orders reorder; Clusters: order-west; Commits: abcdef0123456789; Releases: order/dev@one orders/dev@one reorder/dev@one"},
		"Commit":  {"The beginning of a hash, of four digits at least.", "0123", "Commits: 0123456789abcdef"},
		"Short":   {"Fewer digits are in too many.", "012", ""},
		"Nothing": {"No text finds nothing.", "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, kind := range searchView(tc.text, p, nil, func(string, string) bool { return true }).Kinds {
				var names []string
				for _, i := range kind.Items {
					names = append(names, i.Name)
				}
				got = append(got, kind.Name+": "+strings.Join(names, " "))
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, "; ")); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
