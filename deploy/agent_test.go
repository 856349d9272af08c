// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/strvals"
)

const agentChart = "charts/trunkline-agent"

// made is what Helm's engine makes of a chart, with values of a file and then single ones.
func rendering(t *testing.T, folder, namespace, file string, single ...string) (string, error) {
	t.Helper()
	c, err := loader.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{}
	if file != "" {
		if err := yaml.Unmarshal([]byte(read(t, folder+"/ci/"+file+"-values.yaml")), &values); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range single {
		if err := strvals.ParseInto(s, values); err != nil {
			t.Fatal(err)
		}
	}
	options := chartutil.ReleaseOptions{Name: c.Name(), Namespace: namespace, Revision: 1, IsInstall: true}
	given, err := chartutil.ToRenderValues(c, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(c, given)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".yaml") && strings.TrimSpace(files[name]) != "" {
			b.WriteString("---\n# Source: " + name + "\n" + strings.TrimSpace(files[name]) + "\n")
		}
	}
	return b.String(), nil
}

// objectsIn reads what was made: kinds and names, to the objects.
func objectsIn(t *testing.T, text string) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var o map[string]any
		if err := d.Decode(&o); err != nil {
			if err.Error() != "EOF" {
				t.Fatalf("%v:\n%s", err, text)
			}
			return out
		}
		if o != nil {
			name := o["metadata"].(map[string]any)["name"].(string) //nolint:forcetypeassert // an object has one
			out[o["kind"].(string)+" "+name] = o                    //nolint:forcetypeassert // and a kind
		}
	}
}

// TestAgentChart: one agent runs, which shows who it is as the values say, and nothing that is secret is made.
func TestAgentChart(t *testing.T) {
	kinds := []string{
		"ClusterRole trunkline-agent", "ClusterRole trunkline-deployer", "ClusterRoleBinding trunkline-agent", "NetworkPolicy trunkline-agent", "Role trunkline-agent",
		"RoleBinding trunkline-agent", "ServiceAccount trunkline-agent", "StatefulSet trunkline-agent",
	}
	for name, want := range map[string][]string{
		"minimal": {
			"- --cluster=edge\n", "- --daemon=https://trunkline.example.com:8443\n", "- --token-file=/etc/trunkline/identity/token\n",
			"serviceAccountToken: {audience: trunkline, expirationSeconds: 3600, path: token}", "{name: data, emptyDir: {sizeLimit: 1Gi}}",
		},
		"certificate": {
			"- --reach\n",
			"- --cert-file=/etc/trunkline/identity/tls.crt\n", "secretName: trunkline-agent-tls", "- --daemon-ca-file=/etc/trunkline/daemon/ca.crt\n",
			"configMap: {name: trunkline-ca}", "- --sops-age-key-file=/etc/trunkline/age/keys.txt\n", "volumeClaimTemplates:", "name: HTTPS_PROXY",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rendering(t, agentChart, system, name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(kinds, slices.Sorted(maps.Keys(objectsIn(t, got)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, text := range want {
				if !strings.Contains(got, text) {
					t.Errorf("there is no %q in\n%s", text, got)
				}
			}
		})
	}
}

// TestAgentIsRefused: values that cannot be meant are refused.
func TestAgentIsRefused(t *testing.T) {
	for _, tt := range []struct{ reason, namespace, file, set, want string }{
		{"nothing says which cluster it is", system, "", "daemon.url=https://d", "/cluster"},
		{"the daemon is not verified", system, "minimal", "daemon.url=http://trunkline.example.com", "does not match pattern"},
		{"a field that there is not", system, "minimal", "replicas=2", "additional properties 'replicas' not allowed"},
		{"another namespace", "default", "minimal", "cluster=edge", `the namespace is "default"`},
		{"two authorities", system, "minimal", "daemon.ca.secret=a,daemon.ca.configMap=b", "daemon.ca names a ConfigMap and a Secret"},
	} {
		if _, err := rendering(t, agentChart, tt.namespace, tt.file, tt.set); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.reason, err, tt.want)
		}
	}
}

// TestTheAgentHasTheDaemonsRights: an agent may do what the daemon may in a cluster that it reaches, but for connections to pods, unless it is to let the daemon through to
// them. Of the daemon's rights, reconciler.TestLeastRights makes sure that they are enough.
func TestTheAgentHasTheDaemonsRights(t *testing.T) {
	of := func(folder string, connects bool, set ...string) map[string]any {
		text, err := rendering(t, folder, system, "minimal", set...)
		if err != nil {
			t.Fatal(err)
		}
		rules := map[string]any{}
		for name, o := range objectsIn(t, text) {
			if all, has := o["rules"].([]any); has {
				all = slices.DeleteFunc(all, func(rule any) bool {
					resources, _ := rule.(map[string]any)["resources"].([]any)
					return !connects && slices.Equal(resources, []any{"pods/portforward"})
				})
				rules[strings.Replace(name, "trunkline-agent", "trunkline", 1)] = all
			}
		}
		return rules
	}
	for _, tc := range []struct {
		daemon, agent map[string]any
	}{
		{of(chart, false), of(agentChart, true)},
		{of(chart, true), of(agentChart, true, "reach=true")},
	} {
		if diff := cmp.Diff(tc.daemon, tc.agent); diff != "" || len(tc.daemon) != 3 {
			t.Errorf("%d roles; -daemon +agent:\n%s", len(tc.daemon), diff)
		}
	}
}

// TestAgentsComeIn: where the daemon listens for agents they reach it, and nowhere else.
func TestAgentsComeIn(t *testing.T) {
	text, err := rendering(t, chart, system, "minimal")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "name: agents") {
		t.Error("there is a way in for agents, and none are configured")
	}
	if text, err = rendering(t, chart, system, "minimal", "config.agents.listen=:9443"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"{name: agents, containerPort: 9443}", "{name: agents, port: 8443, targetPort: agents}", "- {port: agents}"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
}
