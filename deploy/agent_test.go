// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/test/cached"
)

const agentChart = "charts/trunkline-agent"

func renderAgent(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return run(t.Context(), cached.Helm(t), append([]string{"template", "trunkline-agent", agentChart, "--namespace", system, "--kube-version", version}, args...)...)
}

// TestAgentChart: Helm finds nothing to complain of, and makes what it is known to make.
func TestAgentChart(t *testing.T) {
	for _, name := range []string{"minimal", "certificate"} {
		t.Run(name, func(t *testing.T) {
			values := agentChart + "/ci/" + name + "-values.yaml"
			if out, err := run(t.Context(), cached.Helm(t), "lint", "--strict", agentChart, "--namespace", system, "--values", values); err != nil {
				t.Errorf("%v%s", err, out)
			}
			got, err := renderAgent(t, "--values", values)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/agent-"+name+".yaml", got)
		})
	}
}

// TestAgentIsRefused: values that cannot be meant are refused.
func TestAgentIsRefused(t *testing.T) {
	minimal := []string{"--values", agentChart + "/ci/minimal-values.yaml"}
	for _, tt := range []struct {
		reason string
		args   []string
		want   string
	}{
		{"nothing says which cluster it is", nil, "at '/cluster': minLength"},
		{"the daemon is not verified", slices.Concat(minimal, set("daemon.url=http://trunkline.example.com")), "at '/daemon/url': 'http://trunkline.example.com' does not match pattern"},
		{"a field that there is not", slices.Concat(minimal, set("replicas=2")), "additional properties 'replicas' not allowed"},
		{"another namespace", slices.Concat(minimal, []string{"--namespace", "default"}), `the namespace is "default"`},
		{"two authorities", slices.Concat(minimal, set("daemon.ca.secret=a,daemon.ca.configMap=b")), "daemon.ca names a ConfigMap and a Secret"},
	} {
		if _, err := renderAgent(t, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.reason, err, tt.want)
		}
	}
}

// TestTheAgentHasTheDaemonsRights: an agent may do what the daemon may in a cluster that it reaches, but for the Leases of replicas. Of
// the daemon's rights, TestLeastRights makes sure that they are enough.
func TestTheAgentHasTheDaemonsRights(t *testing.T) {
	of := func(text string) map[string]any {
		t.Helper()
		rules := map[string]any{}
		for d := yaml.NewDecoder(strings.NewReader(text)); ; {
			var o struct {
				Kind     string
				Metadata struct{ Name string }
				Rules    []map[string]any
			}
			if d.Decode(&o) != nil {
				return rules
			}
			if o.Kind == "ClusterRole" || o.Kind == "Role" {
				name := strings.Replace(o.Metadata.Name, "trunkline-agent", "trunkline", 1)
				var kept []map[string]any
				for _, r := range o.Rules {
					if !slices.Contains(r["apiGroups"].([]any), any("coordination.k8s.io")) { //nolint:forcetypeassert // a rule has them
						kept = append(kept, r)
					}
				}
				rules[o.Kind+" "+name] = kept
			}
		}
	}
	agent, err := renderAgent(t, "--values", agentChart+"/ci/minimal-values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, got := of(rendered(t, "--values", valuesOf("minimal"))), of(agent)
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 3 {
		t.Errorf("%d roles; -daemon +agent:\n%s", len(want), diff)
	}
}

// TestAgentsComeIn: where the daemon listens for agents they reach it, and nowhere else.
func TestAgentsComeIn(t *testing.T) {
	if text := rendered(t, "--values", valuesOf("minimal")); strings.Contains(text, "name: agents") {
		t.Error("there is a way in for agents, and none are configured")
	}
	text := rendered(t, slices.Concat([]string{"--values", valuesOf("minimal")}, set("config.agents.listen=:9443"))...)
	for _, want := range []string{"{name: agents, containerPort: 9443}", "{name: agents, port: 8443, targetPort: agents}", "- {port: agents}"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
}
