// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/docs/rules"
	"trunkline.dev/trunkline/reconciler/status"
)

func TestReleaseActs(t *testing.T) {
	result := func(to status.Result) func(*status.Release) { return func(r *status.Release) { r.Result = to } }
	cases := map[string]struct {
		reason string
		change func(*status.Release)
		want   string
	}{
		"Healthy":   {"It can be stopped, and go back.", func(*status.Release) {}, "reconcile rollback suspend"},
		"Suspended": {"It has to be resumed before anything else.", result(status.Suspended), "resume"},
		"Elsewhere": {"Another replica has it.", result(status.Elsewhere), ""},
		"Pruning":   {"It goes away.", result(status.Pruning), ""},
		"New":       {"There is nothing to go back to.", func(r *status.Release) { r.Commit = "" }, "reconcile suspend"},
		"Preview":   {"What a pull request shows is its head.", func(r *status.Release) { r.Preview = &status.Preview{Of: "dev"} }, "reconcile suspend"},
		"Window":    {"Nobody approves the time of day.", heldBy(false), "reconcile rollback suspend"},
		"Held": {"A person can approve it.", func(r *status.Release) {
			r.Held = &status.Held{Rule: "reviewed", Reason: "nobody has reviewed it", Person: true}
		}, "approve reconcile rollback suspend"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := healthy("a", "prod", "west", tc.change)
			var got []string
			for _, a := range releaseActs(&r, []status.Release{r}, false) {
				got = append(got, strings.TrimPrefix(a.ID, "act-"))
				if a.ID == "act-approve" {
					_, digest := status.ToApprove([]status.Release{r}, "prod")
					if a.Path != "/api/v1/environments/prod/approve" || a.Body != `{"digest":"`+digest+`"}` || !a.Grave {
						t.Errorf("it is approved by %+v", a)
					}
				} else if a.Path != "/api/v1/releases/a/prod/west/"+strings.TrimPrefix(a.ID, "act-") || a.Body != "{}" {
					t.Errorf("it is asked for at %s with %s", a.Path, a.Body)
				}
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// ruled is a platform that says how severe rules are.
func ruled(t *testing.T) *catalog.Catalog {
	t.Helper()
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	cat, problems, err := catalog.Load(fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + `kind: Platform
metadata: {name: acme}
spec:
  rules: {dataset-unwritten: warn}
  exceptions:
    - {rule: schedule-never, project: a, reason: agreed, until: "2027-04-01"}
    - {rule: removal, reason: long ago, until: "2026-10-01"}
    - {rule: dataset-unwritten, environment: dev, reason: for ever}
`)},
		"west.yaml": {Data: []byte(head + "kind: Cluster\nmetadata: {name: west}\n")},
		"far.yaml":  {Data: []byte(head + "kind: Cluster\nmetadata: {name: far}\n")},
		"dev.yaml":  {Data: []byte(head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [west], rules: {removal: \"off\"}, preview: {ttl: 72h}}\n")},
	}, fstest.MapFS{})
	if err != nil || problems.Denied() {
		t.Fatalf("%v %v", err, problems)
	}
	return cat
}

func TestRules(t *testing.T) {
	known, err := rules.All()
	if err != nil {
		t.Fatal(err)
	}
	all := func(string, string) bool { return true }
	page := rulesPageOf(known, ruled(t), rulesQuery{Mode: "changed"}, noon, all)
	got := map[string]string{}
	for _, r := range page.Rows {
		got[r.ID] = r.Mode.Text + " " + r.Note
		for _, in := range r.In {
			got[r.ID] += " " + in.Environment + ":" + in.Mode.Text
		}
	}
	if diff := cmp.Diff(map[string]string{"dataset-unwritten": "warn by default deny", "removal": known["removal"].Default + "  dev:off"}, got); diff != "" {
		t.Errorf("what differs from the default, -want +got:\n%s", diff)
	}
	var exceptions []string
	for _, e := range page.Exceptions {
		exceptions = append(exceptions, e.Rule+" for "+e.Of+": "+e.State.Text)
	}
	want := []string{"schedule-never for project a: in force", "dataset-unwritten for environment dev: never ends", "removal for everything: over"}
	if diff := cmp.Diff(want, exceptions); diff != "" {
		t.Errorf("exceptions, -want +got:\n%s", diff)
	}
	if page := rulesPageOf(known, ruled(t), rulesQuery{Mode: "all"}, noon, func(string, string) bool { return false }); len(page.Exceptions) != 0 || len(page.Rows) != len(known) {
		t.Errorf("whoever sees no project is told of %+v", page.Exceptions)
	}
	if page := rulesPageOf(known, nil, rulesQuery{Mode: "all"}, noon, all); !page.None || len(page.Rows) != len(known) {
		t.Errorf("before a commit is accepted there are %d rules of %d", len(page.Rows), len(known))
	}
}

func TestClustersAndPreviews(t *testing.T) {
	p := status.Platform{
		Source:   status.Source{URL: "https://git.example.com/acme/platform.git"},
		Clusters: []status.Cluster{{Name: "east", Reachable: true, Warning: "no metrics"}, {Name: "old", Message: "refused"}, {Name: "west", Reachable: true}},
		Releases: []status.Release{
			healthy("a", "dev", "west"), healthy("a", "pr-7", "west", func(r *status.Release) { r.Preview = &status.Preview{Of: "dev"} }),
			healthy("b", "pr-12", "west", func(r *status.Release) { r.Preview, r.Health = &status.Preview{Of: "dev"}, status.Unhealthy }),
			healthy("c", "pr-9", "west", func(r *status.Release) { r.Preview = &status.Preview{Of: "dev", Asleep: true} }),
		},
	}
	clusters := clustersPageOf(&p, ruled(t), noon)
	var got []string
	for _, c := range clusters.Rows {
		got = append(got, c.Name+": "+c.Badge.Text)
	}
	if diff := cmp.Diff([]string{"old: does not answer", "east: answers, lacks something", "west: answers"}, got); diff != "" {
		t.Errorf("clusters, the worst first, -want +got:\n%s", diff)
	}
	if w := clusters.Rows[2]; w.Releases != 1 || w.Fine != 1 || w.Previews != 3 || len(w.Environments) != 1 || !cmp.Equal(clusters.Unknown, []string{"far"}) {
		t.Errorf("got %+v, and %v nobody knows", w, clusters.Unknown)
	}
	got = nil
	for _, r := range previewsPageOf(&p, ruled(t), noon).Rows {
		got = append(got, r.Name+" "+r.Link+" "+r.Badge.Text+": "+r.Keeps)
	}
	const pull, keeps = "https://git.example.com/acme/platform/pull/", "removed 3 d after the last push or extension"
	if diff := cmp.Diff([]string{"pr-12 " + pull + "12 unhealthy: " + keeps, "pr-9 " + pull + "9 asleep: " + keeps, "pr-7 " + pull + "7 healthy: " + keeps}, got); diff != "" {
		t.Errorf("previews, the newest first, -want +got:\n%s", diff)
	}
	for _, hostile := range []string{"javascript:alert(1)", "git@github.com:a/b", "https://user:secret@example.com/a"} {
		if got := pullLink(hostile, 7); got != "" {
			t.Errorf("%s leads to %s", hostile, got)
		}
	}
}
