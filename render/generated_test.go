// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// TestGeneratedSecretsOfCharts renders the example of docs/secrets.md: the chart names the Secret of the project, which is there
// without its values.
func TestGeneratedSecretsOfCharts(t *testing.T) {
	page, err := os.ReadFile("../docs/secrets.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n# orders/project.yaml\n")
	project, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page has no example")
	}
	tree := fstest.MapFS{}
	for file, text := range map[string]string{
		"trunkline.yaml":      "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\n",
		"cluster.yaml":        "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: one}\n",
		"env.yaml":            "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one]}\n",
		"orders/project.yaml": project,
		"db/blueprint.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Blueprint\nmetadata: {name: db}\n" +
			"spec: {description: A database., engine: helm, source: chart, parameters: {type: object}}\n",
		"db/chart/Chart.yaml": "apiVersion: v2\nname: db\nversion: 1.0.0\n",
		"db/chart/templates/db.yaml": `{{ if not .Values.auth }}
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: {{ randAlphaNum 16 }}}
---
{{ end }}
apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  containers:
    - name: db
      image: db
      env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: {{ (default dict .Values.auth).existingSecret | default "db" }}, key: password}}}]
`,
	} {
		tree[file] = &fstest.MapFile{Data: []byte(text)}
	}
	c, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v\n%s", err, problems)
	}
	for rel := range c.Releases() {
		out, err := render.New(blueprints.FS).Render(t.Context(), tree, rel)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range out.Objects {
			if o.GetKind() == "Secret" || o.GetKind() == "Pod" {
				text, err := yaml.Marshal(o.Object)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(text))
			}
		}
		want := `apiVersion: v1
kind: Secret
metadata:
  annotations:
    trunkline.dev/generate: '{"keys":{"password":{"length":32,"alphabet":"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"}}}'
    trunkline.dev/prune: disabled
  labels:
    trunkline.dev/environment: prod
    trunkline.dev/project: orders
  name: orders-db
  namespace: orders-prod
`
		if len(got) != 2 {
			t.Fatalf("the objects are %v", got)
		}
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if !strings.Contains(got[1], "name: orders-db") {
			t.Errorf("the chart does not name the Secret:\n%s", got[1])
		}

		// Without it the chart makes a password of its own, and the refusal says what to declare instead.
		rel.Workloads[0].Params = map[string]any{}
		if _, err = render.New(blueprints.FS).Render(t.Context(), tree, rel); err == nil || !strings.Contains(err.Error(), "generatedSecrets of the project") {
			t.Errorf("got %v, want a refusal that names generatedSecrets", err)
		}
	}
}
