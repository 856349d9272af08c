package blueprints_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// TestTheReadmesExample renders the blueprint that README.md shows, as a repository would have it.
func TestTheReadmesExample(t *testing.T) {
	readme := readREADME(t)
	local := fstest.MapFS{
		"bp/chart/Chart.yaml":         {Data: []byte("apiVersion: v2\nname: spark-lite\nversion: 1.0.0\n")},
		"bp/chart/values.yaml":        {Data: []byte("executors: 2\n")},
		"bp/chart/templates/job.yaml": {Data: []byte(block(t, readme, "# chart/templates/job.yaml\n"))},
	}
	maps.Copy(local, tree)
	docs, problems := v1alpha1.Decode("bp/blueprint.yaml", []byte(block(t, readme, "# blueprint.yaml\n")))
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatalf("%d documents, problems:\n%s", len(docs), problems)
	}
	bp := &catalog.Blueprint{Name: docs[0].Name, Spec: docs[0].Object.(*v1alpha1.Blueprint).Spec, Source: "bp/chart"}
	result, err := render.New(blueprints.FS).Render(t.Context(), local, release(full(bp, map[string]any{"executors": 7})))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, o := range result.Objects {
		typed(t, o)
		kinds = append(kinds, o.GetKind())
	}
	if got, want := strings.Join(kinds, " "), "Namespace ServiceAccount ConfigMap Job"; got != want {
		t.Errorf("the example renders %s, want %s", got, want)
	}
}

func readREADME(t *testing.T) string {
	t.Helper()
	// Not part of the embedded library: read from beside the test.
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// block gives the fenced block of the README that begins with a line.
func block(t *testing.T, readme, first string) string {
	t.Helper()
	_, rest, found := strings.Cut(readme, "```yaml\n"+first)
	text, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatalf("README.md has no block that begins with %q", first)
	}
	return text
}
