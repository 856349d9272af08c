// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"net/http"
	"strings"
	"testing"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/web/webtest"
)

// TestSight: who contributes to one project sees that, and of the others not even that they are there.
func TestSight(t *testing.T) {
	const secret = "ann-0123456789abcdef"
	declared := &v1alpha1.Access{}
	declared.Spec.Bindings = []v1alpha1.AccessBinding{{Role: v1alpha1.ProjectContributor, Users: []string{"ann"}, Projects: []string{"orders"}}}
	rules := access.New([]*v1alpha1.Access{declared})
	d := webtest.Start(t, func(o *console.Options) {
		o.Access = func() *access.Rules { return rules }
		o.Tokens = func() []console.Token { return []console.Token{{Name: "ann", Secret: secret}} }
	})
	next := d.Client().Transport
	d.Client().Transport = transport(func(r *http.Request) (*http.Response, error) {
		r.Header.Set("Authorization", "Bearer "+secret)
		return next.RoundTrip(r)
	})
	for _, path := range []string{"/", "/projects/orders", "/releases", "/graph", "/graph?node=orders%2Fclean%401", "/history", "/search?q=or", "/releases/orders/prod/east", "/lots", "/lots/prod/orders/clean@1"} {
		got := get(t, d, path)
		if got.code != http.StatusOK || !strings.Contains(got.body, "orders") || !strings.Contains(got.body, "Signed on as <b>ann</b>") {
			t.Errorf("%s is answered with %d\n%s", path, got.code, got.body)
		}
		for _, other := range []string{"billing", "customers", "archive", "report"} {
			if strings.Contains(strings.ToLower(got.body), other) {
				t.Errorf("%s tells ann of %s", path, other)
			}
		}
	}
	if got := get(t, d, "/pulls"); !strings.Contains(got.body, "/pulls/pr-7") || strings.Contains(got.body, "pr-9") || strings.Contains(got.body, "pr-12") || strings.Contains(got.body, "+16.50") {
		t.Errorf("ann is shown other pull requests than that of orders, or what that costs the platform:\n%s", got.body)
	}
	if got := get(t, d, "/pulls/pr-7"); !strings.Contains(got.body, "not yours to see") || !strings.Contains(got.body, "registry.example.com/orders:4") || strings.Contains(got.body, "214.60") || strings.Contains(got.body, "computes 744") {
		t.Errorf("of a pull request ann is shown\n%s", got.body)
	}
	if got := get(t, d, "/costs"); !strings.Contains(got.body, "/costs?project=orders") || strings.Contains(got.body, "1,208") || strings.Contains(got.body, "rates") {
		t.Errorf("of the costs ann is shown\n%s", got.body)
	}
	if got := get(t, d, "/costs?project=orders"); got.code != http.StatusOK || !strings.Contains(got.body, "<svg") {
		t.Errorf("the costs of orders are answered with %d\n%s", got.code, got.body)
	}
	if got := get(t, d, "/releases/orders/prod/west"); !strings.Contains(got.body, `<button type="button" disabled`) || strings.Contains(got.body, "data-opens") {
		t.Errorf("ann, who has no role in prod, is offered acts there:\n%s", got.body)
	}
	if got := get(t, d, "/releases/orders/dev/west"); !strings.Contains(got.body, "ann has to be environment-admin") {
		t.Errorf("why ann may not is not said:\n%s", got.body)
	}
	if got := get(t, d, "/lots"); strings.Contains(got.body, "rates") {
		t.Errorf("/lots tells ann of the lots of another project:\n%s", got.body)
	}
	if a, b := get(t, d, "/pulls/pr-9"), get(t, d, "/pulls/pr-99"); a.code != http.StatusNotFound || b.code != a.code || withoutPath(a.body) != withoutPath(b.body) {
		t.Errorf("a pull request of another project is answered with %d, and one that is none with %d", a.code, b.code)
	}
	for _, there := range []string{"/projects/billing", "/lots/prod/billing/x@1", "/releases/billing/prod/west", "/costs?project=billing"} {
		missing := strings.Replace(there, "billing", "nothing", 1)
		a, b := get(t, d, there), get(t, d, missing)
		if a.code != http.StatusNotFound || a.code != b.code || withoutPath(a.body) != withoutPath(b.body) {
			t.Errorf("%s is answered with %d, and %s with %d:\n%s\n%s", there, a.code, missing, b.code, a.body, b.body)
		}
	}
}

func withoutPath(page string) string {
	_, main, _ := strings.Cut(page, "<main")
	main, _, _ = strings.Cut(main, "</main>")
	_, main, _ = strings.Cut(main, ">")
	return main
}

// transport is a function as an [http.RoundTripper].
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
