// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/test/cached"
)

// rules are what Prometheus reads.
type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

func alerts(t *testing.T) rules {
	t.Helper()
	var out rules
	if err := yaml.Unmarshal([]byte(read(t, chart+"/files/alerts.yaml")), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAlerts: Prometheus' own program finds that alerts are raised by what they are for, and not by what is near it.
func TestAlerts(t *testing.T) {
	promtool := cached.Promtool(t)
	if out, err := run(t.Context(), promtool, "check", "rules", "--lint=all", "--lint-fatal", chart+"/files/alerts.yaml"); err != nil {
		t.Errorf("%v%s", err, out)
	}
	if out, err := run(t.Context(), promtool, "test", "rules", "alerts_test.yaml"); err != nil {
		t.Errorf("%v%s", err, out)
	}
}

// TestEveryAlertIsExplained: each alert is tested, says how bad it is, and leads to what to do.
func TestEveryAlertIsExplained(t *testing.T) {
	tested, page := read(t, "alerts_test.yaml"), read(t, "../docs/kubernetes.md")
	var names []string
	for _, group := range alerts(t).Groups {
		for _, r := range group.Rules {
			names = append(names, r.Alert)
			if !regexp.MustCompile(`alertname: ` + r.Alert + `\n\s+exp_alerts:\n`).MatchString(tested) {
				t.Errorf("no test of alerts_test.yaml raises %s", r.Alert)
			}
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
			}
			for _, annotation := range []string{"summary", "description"} {
				if r.Annotations[annotation] == "" {
					t.Errorf("%s has no %s", r.Alert, annotation)
				}
			}
			if want := "docs/kubernetes.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
				t.Errorf("%s points to %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
			}
		}
	}
	var explained []string
	for _, heading := range regexp.MustCompile(`(?m)^### (Trunkline\w+)\n\n\*(Critical|Warning|Info)\.\*`).FindAllStringSubmatch(page, -1) {
		explained = append(explained, heading[1])
	}
	if !slices.Equal(names, explained) {
		t.Errorf("docs/kubernetes.md explains %q, and the alerts are %q", explained, names)
	}
}

// TestDashboard: the panels do not lie over each other, each says what it shows, and asks the source that was chosen.
func TestDashboard(t *testing.T) {
	var dashboard struct {
		UID    string
		Panels []struct {
			ID                       int
			Type, Title, Description string
			GridPos                  struct{ X, Y, W, H int }
			Datasource               struct{ UID string }
			Targets                  []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, chart+"/files/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x >= 24 {
					t.Fatalf("%s lies over %s", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type != "row" && (p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}") {
			t.Errorf("the panel %q lacks words, questions or the source", p.Title)
		}
	}
}
