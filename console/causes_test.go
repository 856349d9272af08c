// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// TestCausesNeedASight: why lots are missing is for whoever sees them, but for a cause in what they do not see.
func TestCausesNeedASight(t *testing.T) {
	p := newGuarded(t)
	p.rules = access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
		{Role: v1alpha1.PlatformViewer, Users: []string{"vic@acme.example"}},
		{Role: v1alpha1.ProjectContributor, Users: []string{"carol@acme.example"}, Projects: []string{"orders"}},
	}}}})
	first := lot.Hourly.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	g := plan.NewGraph([]plan.Series{
		{ID: "ledger/raw@1", Unit: lot.Hourly, Since: first.Start, External: true}, {ID: "orders/clean@1", Unit: lot.Hourly, Since: first.Start},
	}, []plan.Arc{{ID: "orders/clean", Writes: []string{"orders/clean@1"}, Reads: []plan.Read{{Role: "raw", Series: "ledger/raw@1", Lots: 1, Trigger: true}}}})
	now := first.Start.Add(2 * time.Hour)
	p.KeepLots()
	p.Seen = report.View{Graph: g, Planner: plan.New(g, &plan.Seen{}, plan.Limits{}, now), Now: now}
	for who, sees := range map[string]bool{"vic@acme.example": true, "carol@acme.example": false} {
		for _, path := range []string{"/gaps", "", "/20260101PT1H000"} {
			got, _ := ask(t, p.Daemon, request{
				method: http.MethodGet, path: "/api/v1/lots/prod/orders/clean@1" + path, token: p.issuer.Token(who, map[string]any{"groups": nil}),
			})
			if got.Code != http.StatusOK || !strings.Contains(got.Body, "20260101PT1H000") {
				t.Fatalf("%s: %s does not see the lot: %d %s", path, who, got.Code, got.Body)
			}
			if strings.Contains(got.Body, "ledger") != sees {
				t.Errorf("%s: %s sees the cause: want %t: %s", path, who, sees, got.Body)
			}
		}
	}
}
