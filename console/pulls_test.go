// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// TestPulls: who may do something in one project sees the pull requests that do something to it, and of their reports what is about it.
func TestPulls(t *testing.T) {
	p := newGuarded(t)
	in := func(project string) catalog.ReleaseID {
		return catalog.ReleaseID{Project: project, Environment: "dev", Cluster: "c"}
	}
	pull := func(name string, projects ...string) console.PullReport {
		f := report.Facts{Outcome: report.Passed, Verdict: "this merge changes 2 releases", Head: "h", Cost: &report.Cost{Change: "+1.00"}, Lots: []string{"a sentence"}}
		for _, project := range projects {
			f.Groups = append(f.Groups, report.FactGroup{Title: project, Releases: []catalog.ReleaseID{in(project)}})
		}
		s := f.Summary()
		return console.PullReport{Pull: report.Pull{Name: name, State: "open", Head: "h", Base: "main", Title: name, Report: &s}, Facts: &f}
	}
	p.Reported = []console.PullReport{pull("pr-1", "orders", "ledger"), pull("pr-2", "ledger"), {Pull: report.Pull{Name: "pr-3", State: "merged", Head: "h", Base: "main", Title: "pr-3"}}}
	for who, want := range map[string][]string{"ada@acme.example": {"pr-1", "pr-2", "pr-3"}, "pat@acme.example": {"pr-1"}, "mallory@acme.example": nil} {
		token := p.issuer.Token(who, map[string]any{"groups": nil})
		var got []string
		for _, one := range list[console.PullList](t, p, "/api/v1/pulls", token).Items {
			got = append(got, one.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is told of, -want +got:\n%s", who, diff)
		}
	}
	pat, ada := p.issuer.Token("pat@acme.example", map[string]any{"groups": nil}), p.issuer.Token("ada@acme.example", map[string]any{"groups": nil})
	seen := list[console.PullReport](t, p, "/api/v1/pulls/pr-1", pat)
	if f := seen.Facts; f == nil || !f.Partial || len(f.Groups) != 1 || f.Groups[0].Title != "orders" || f.Cost != nil || len(f.Lots) > 0 || f.Verdict != "passed" || len(seen.Report.Touches) != 1 {
		t.Errorf("who contributes to orders is told %+v of %+v", seen.Facts, seen.Report)
	}
	if f := list[console.PullReport](t, p, "/api/v1/pulls/pr-1", ada).Facts; f == nil || f.Partial || len(f.Groups) != 2 || f.Cost == nil {
		t.Errorf("an admin is told %+v", f)
	}
	there, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: "/api/v1/pulls/pr-2", token: pat})
	missing, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: "/api/v1/pulls/pr-9", token: pat})
	if diff := cmp.Diff(there, missing); diff != "" || there.Code != http.StatusNotFound {
		t.Errorf("one of another project is answered with %d, and differs from what is not there:\n%s", there.Code, diff)
	}
}

// list asks for something as someone.
func list[T any](t *testing.T, p *guarded, path, token string) T {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return getAs[T](t, p.Daemon, req)
}

// TestObjects: what happened to objects may quote what programs wrote, and is for who may read logs.
func TestObjects(t *testing.T) {
	p := newGuarded(t)
	p.Members = []status.Object{{Kind: "Job", Name: "a", Health: status.Healthy, Events: []status.ObjectEvent{{Type: "Warning", Reason: "BackOff", Message: "m", Count: 1}}}}
	const path = "/api/v1/releases/orders/prod/c/objects"
	got := list[console.ObjectList](t, p, path, p.issuer.Token("olga@acme.example", map[string]any{"groups": nil}))
	if len(got.Items) != 1 || len(got.Items[0].Events) != 1 {
		t.Errorf("an operator of prod is told %+v", got)
	}
	p.rules = access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
		{Role: v1alpha1.PlatformViewer, Users: []string{"vera@acme.example"}}, {Role: v1alpha1.PlatformAdmin, Users: []string{"ada@acme.example"}},
	}}}})
	got = list[console.ObjectList](t, p, path, p.issuer.Token("vera@acme.example", map[string]any{"groups": nil}))
	if len(got.Items) != 1 || len(got.Items[0].Events) != 0 {
		t.Errorf("who may not read logs is told %+v", got)
	}
	there, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: path, token: p.issuer.Token("mallory@acme.example", map[string]any{"groups": nil})})
	if there.Code != http.StatusNotFound {
		t.Errorf("a stranger is answered with %d", there.Code)
	}
	p.Members = nil
	away, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: path, token: p.issuer.Token("ada@acme.example", map[string]any{"groups": nil})})
	if away.Code != http.StatusServiceUnavailable {
		t.Errorf("what is not seen from here is answered with %d", away.Code)
	}
}

// TestNobodySeesNothing: a page that is asked for by nobody has nothing to show.
func TestNobodySeesNothing(t *testing.T) {
	var nobody console.Sight
	pulls := []report.Pull{{Name: "pr-1"}}
	if nobody.Whole() || nobody.Sees("", "") || nobody.May(access.View, access.Scope{}).Allowed || nobody.Allow(access.SignedOn, access.Scope{}) == nil || len(nobody.Pulls(pulls)) > 0 ||
		len(nobody.Platform(&status.Platform{Name: "acme", Releases: []status.Release{{}}}).Releases) > 0 || nobody.Events(nil) != nil {
		t.Error("nobody sees something")
	}
	if _, err := nobody.Objects(t.Context(), nil, catalog.ReleaseID{}); err == nil {
		t.Error("nobody sees objects")
	}
	if _, err := nobody.Pull(nil, "pr-1"); err == nil {
		t.Error("nobody sees a report")
	}
}
