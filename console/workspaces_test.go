// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/cost/usage"
)

// TestWorkspaces: people open and see their own workspaces, with what they did cost; those of others are as if they were not there, also for who
// guesses their names, and whoever administers the platform stops and deletes them, and enters none.
func TestWorkspaces(t *testing.T) {
	p := newGuarded(t)
	of := func(mail string, groups ...string) string {
		return p.issuer.Token(mail, map[string]any{"groups": groups})
	}
	who := map[string]string{"carol": of("carol@acme.example", "team-orders"), "dave": of("dave@acme.example", "team-orders"), "ada": of("ada@acme.example"), "olga": of("olga@acme.example"), "mallory": of("mallory@acme.example")}
	p.Workspaces = []console.Workspace{
		{Name: "lab-carol", Kind: "notebook", Environment: "dev", Project: "orders", Workload: "lab", Cluster: "c", By: "carol@acme.example", Phase: "running"},
		{Name: "lab-dave", Kind: "notebook", Environment: "dev", Project: "orders", Workload: "lab", Cluster: "c", By: "dave@acme.example", Phase: "stopped"},
	}
	p.Spent = usage.Answer{Currency: "EUR", Rows: []usage.Row{{Place: usage.Place{Run: "lab-carol"}, Nano: 1_500_000_000}, {Place: usage.Place{Run: "lab-dave"}, Nano: 9_000_000_000}}}
	act := map[string]string{"Content-Type": "application/json"}
	const at = "/api/v1/workspaces/dev/orders"
	for _, c := range []struct {
		reason, who, method, path string
		want                      int
	}{
		{"a contributor opens one", "carol", "POST", at, 201},
		{"who lacks a role does not", "olga", "POST", "/api/v1/workspaces/prod/orders", 403},
		{"for a stranger there is no project", "mallory", "POST", at, 404},
		{"she sees hers", "carol", "GET", at + "/lab-carol", 200},
		{"and not his, whose name she guesses", "carol", "GET", at + "/lab-dave", 404},
		{"nor acts on it", "carol", "POST", at + "/lab-dave/stop", 404},
		{"nor deletes it", "carol", "POST", at + "/lab-dave/delete", 404},
		{"she stops hers", "carol", "POST", at + "/lab-carol/stop", 202},
		{"an act that is none", "carol", "POST", at + "/lab-carol/explode", 404},
		{"an administrator stops anybody's", "ada", "POST", at + "/lab-carol/stop", 202},
		{"and wakes nobody's", "ada", "POST", at + "/lab-carol/wake", 404},
		{"nor is it theirs to see", "ada", "GET", at + "/lab-carol", 404},
		{"she enters hers", "carol", "POST", "/api/v1/apps/notebook/dev/orders/lab-carol/enter", 201},
		{"a stranger enters nothing", "mallory", "POST", "/api/v1/apps/notebook/dev/orders/lab-carol/enter", 404},
		{"who sees a project without the right has no notebook", "olga", "POST", "/api/v1/apps/notebook/prod/orders/x/enter", 403},
		{"but other applications", "olga", "POST", "/api/v1/apps/airflow/prod/orders/x/enter", 201},
		{"all are for an administrator", "carol", "GET", "/api/v1/workspaces?all=true", 403},
	} {
		got, _ := ask(t, p.Daemon, request{method: c.method, path: c.path, token: who[c.who], header: act, body: map[bool]string{true: "{}"}[c.method == "POST"]})
		if got.Code != c.want && (!strings.Contains(c.path, "explode") || got.Code < 400) {
			t.Errorf("%s: %s %s by %s: got %d %s, want %d", c.reason, c.method, c.path, c.who, got.Code, got.Body, c.want)
		}
	}
	listed := func(path, token string) []string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		var out []string
		for _, w := range getAs[struct{ Items []console.Workspace }](t, p.Daemon, req).Items {
			out = append(out, w.Name+" "+w.Spent+" "+w.Currency)
		}
		return out
	}
	got := [][]string{listed("/api/v1/workspaces", who["carol"]), listed("/api/v1/workspaces?all=true", who["ada"]), listed("/api/v1/workspaces", who["mallory"])}
	want := [][]string{{"lab-carol 1.5000 EUR"}, {"lab-carol 1.5000 EUR", "lab-dave 9.0000 EUR"}, nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is listed (-want +got):\n%s", diff)
	}
}

// TestOpenApp: a page of the console leads to an application, and a page of another origin does not.
func TestOpenApp(t *testing.T) {
	d := consoletest.Start(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for site, want := range map[string]int{"": 303, "none": 303, "same-origin": 303, "same-site": 403, "cross-site": 403} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+"/apps/notebook/dev/orders/lab-1?to=lab", nil)
		if err != nil {
			t.Fatal(err)
		}
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want || want == 303 && resp.Header.Get("Location") != "http://apps.example/enter?ticket=x" {
			t.Errorf("from %q: got %d to %q", site, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	if asked := d.Asked(); !slices.Contains(asked, `enter notebook lab-1 of orders in dev at "lab" by anonymous@loopback`) {
		t.Errorf("it was asked for %q", asked)
	}
}
