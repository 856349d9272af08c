// SPDX-License-Identifier: Apache-2.0

package migrate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/migrate"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/scaffold"
	"trunkline.dev/trunkline/test/cached"
)

var update = flag.Bool("update", false, "write what is made into the test data")

// readTree reads the files of an archive that are in a folder of it.
func readTree(a *txtar.Archive, folder string) fstest.MapFS {
	tree := fstest.MapFS{}
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, folder+"/"); ok {
			tree[name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return tree
}

// rendered is what the written declarations render to, by environment: objects without what Trunkline adds.
func rendered(t *testing.T, tree fs.FS, result migrate.Result) map[string][]string {
	t.Helper()
	over := scaffold.Overlay(tree, result.Files)
	e, err := evaluate.Head(t.Context(), evaluate.Input{
		Tree: over, Library: blueprints.FS, Renderer: render.New(blueprints.FS), Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Thorough: true, Runs: true,
		Want: func(catalog.ReleaseID) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	if e.Denied() {
		t.Errorf("what is written is not valid:\n%s", e.Problems())
	}
	out := map[string][]string{}
	for rel := range e.Releases() {
		r, ok := e.Rendered(rel.ID)
		if !ok || r.Err != nil {
			t.Errorf("%s does not render: %v", rel.ID, r.Err)
			continue
		}
		objects, err := r.Objects.Unpack()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if o.GetLabels()[render.LabelWorkload] != "" {
				out[rel.ID.Environment] = append(out[rel.ID.Environment], canonical(t, o))
			}
		}
	}
	for _, all := range out {
		slices.Sort(all)
	}
	return out
}

// canonical writes an object without what Trunkline adds to it.
func canonical(t *testing.T, o *unstructured.Unstructured) string {
	t.Helper()
	o = o.DeepCopy()
	strip(o.Object)
	data, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// strip takes Trunkline's labels and annotations out of an object and its templates.
func strip(value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			strip(item)
		}
	case map[string]any:
		for key, item := range value {
			if metadata, ok := item.(map[string]any); ok && key == "metadata" {
				for _, field := range []string{"labels", "annotations"} {
					table, _ := metadata[field].(map[string]any)
					for name := range table {
						if strings.HasPrefix(name, "trunkline.dev/") {
							delete(table, name)
						}
					}
					if len(table) == 0 {
						delete(metadata, field)
					}
				}
				delete(metadata, "creationTimestamp")
				if len(metadata) == 0 {
					delete(value, key)
				}
			}
			strip(item)
		}
	}
}

// original is what the controllers would apply, made by the tools themselves, as the lines of a file say:
//
//	ENVIRONMENT kustomize FOLDER [NAMESPACE] [VARIABLE=VALUE…]
//	ENVIRONMENT helm RELEASE NAMESPACE CHART [FILE OF VALUES…]
//	ENVIRONMENT jsonnet NAMESPACE FILE [ARGUMENT OF THE COMMAND…]
func original(t *testing.T, tree fstest.MapFS, lines string) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, tree); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for line := range strings.Lines(lines) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		var objects []*unstructured.Unstructured
		namespace := ""
		switch f[1] {
		case "kustomize":
			objects = kustomized(t, tree, f[2])
			vars := map[string]string{}
			for _, more := range f[3:] {
				if name, value, is := strings.Cut(more, "="); is {
					vars[name] = value
				} else {
					namespace = more
				}
			}
			if len(vars) > 0 {
				objects = substituted(t, objects, vars)
			}
		case "helm":
			namespace = f[3]
			objects = templated(t, dir, f[2], f[3], f[4], f[5:])
		case "jsonnet":
			namespace = f[2]
			objects = evaluated(t, dir, f[3:])
		}
		for _, o := range objects {
			if skipped(o) {
				continue
			}
			if o.GetNamespace() == "" && !render.ClusterScoped(o.GroupVersionKind().GroupKind()) {
				o.SetNamespace(namespace)
			}
			out[f[0]] = append(out[f[0]], canonical(t, o))
		}
	}
	for _, all := range out {
		slices.Sort(all)
	}
	return out
}

// skipped are the objects that are for a controller, and namespaces, which Trunkline creates.
func skipped(o *unstructured.Unstructured) bool {
	g := o.GroupVersionKind().Group
	return strings.HasSuffix(g, "toolkit.fluxcd.io") || g == "argoproj.io" || o.GetKind() == "Namespace"
}

// kustomized builds a folder with Kustomize itself.
func kustomized(t *testing.T, tree fstest.MapFS, dir string) (out []*unstructured.Unstructured) {
	t.Helper()
	disk := filesys.MakeFsInMemory()
	for name, f := range tree {
		if err := disk.WriteFile("/"+name, f.Data); err != nil {
			t.Fatal(err)
		}
	}
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone
	built, err := krusty.MakeKustomizer(options).Run(disk, "/"+dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range built.Resources() {
		data, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := json.Unmarshal(data, &o.Object); err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	return out
}

// substituted replaces variables as Flux does by default: those without a value are empty.
func substituted(t *testing.T, objects []*unstructured.Unstructured, vars map[string]string) []*unstructured.Unstructured {
	t.Helper()
	for _, o := range objects {
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		text, err := envsubst.Eval(string(data), func(name string) (string, bool) { return vars[name], true })
		if err != nil {
			t.Fatal(err)
		}
		o.Object = map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
			t.Fatal(err)
		}
	}
	return objects
}

// templated renders a chart with Helm's own program, which "make helm" builds.
func templated(t *testing.T, dir, name, namespace, chart string, files []string) (out []*unstructured.Unstructured) {
	t.Helper()
	args := []string{"template", name, filepath.Join(dir, chart), "--namespace", namespace, "--include-crds", "--skip-tests"}
	for _, f := range files {
		args = append(args, "--values", filepath.Join(dir, f))
	}
	cmd := exec.CommandContext(t.Context(), cached.Helm(t), args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, wrong.String())
	}
	for _, part := range regexp.MustCompile(`(?m)^---\n`).Split(string(text), -1) {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(part), &o.Object); err != nil {
			t.Fatal(err)
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
	return out
}

// evaluated has Jsonnet's own command evaluate a program, which "make jsonnet" builds: to an object, or a list of them.
func evaluated(t *testing.T, dir string, args []string) (out []*unstructured.Unstructured) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), cached.Jsonnet(t), args...)
	cmd.Dir = dir
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("jsonnet %s: %v", strings.Join(args, " "), err)
	}
	var all []map[string]any
	if text[0] != '[' {
		text = fmt.Appendf(nil, "[%s]", text)
	}
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, content := range all {
		out = append(out, &unstructured.Unstructured{Object: content})
	}
	return out
}

// took takes a tree over, by the name of the archive.
func took(ctx context.Context, name string, tree fs.FS) (migrate.Result, error) {
	in := migrate.Input{Tree: tree, To: "trunkline", Platform: "acme", Owner: "team-platform"}
	if strings.HasPrefix(path.Base(name), "flux") {
		return migrate.Flux(ctx, in)
	}
	return migrate.ArgoCD(ctx, in)
}

func notes(all []migrate.Note) []byte {
	var b bytes.Buffer
	for _, n := range all {
		fmt.Fprintln(&b, n)
	}
	return b.Bytes()
}
