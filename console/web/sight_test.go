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
	if got := get(t, d, "/lots"); strings.Contains(got.body, "rates") {
		t.Errorf("/lots tells ann of the lots of another project:\n%s", got.body)
	}
	for _, there := range []string{"/projects/billing", "/lots/prod/billing/x@1", "/releases/billing/prod/west"} {
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
