// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"context"
	"iter"
	"maps"
	"regexp"
	"strings"
	"testing/fstest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/render"
)

const head = "apiVersion: trunkline.dev/v1alpha1\n"

// now is in a month of 720 hours.
var now = time.Date(2026, 11, 21, 10, 7, 30, 0, time.UTC)

// files are a platform. The prices are ones that can be reckoned with by hand: a core for a dollar an hour, a GiB for ten
// cents, and a GiB of a volume for one dollar a month.
type files map[string]string

func acme() files {
	return files{
		"trunkline.yaml":   head + "kind: Platform\nmetadata: {name: acme}\nspec:\n  rates: {cpu: \"1\", memory: \"0.1\", storage: \"1\", spot: \"0.25\"}\n",
		"one.yaml":         head + "kind: Cluster\nmetadata: {name: one}\n",
		"environment.yaml": head + "kind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [one]\n  stores: {lake: s3://lake}\n",
	}
}

// with returns the files with others, or other content.
func (f files) with(more files) files {
	out := maps.Clone(f)
	maps.Copy(out, more)
	return out
}

// objects returns a platform with a project of one workload whose objects are given.
func objects(manifests string) files {
	return acme().with(files{
		"p/project.yaml":               head + "kind: Project\nmetadata: {name: p}\nspec:\n  owner: team-p\n  environments: [prod]\n  workloads: [{name: w, blueprint: kustomize, params: {path: objects}, typicalDuration: 30m}]\n",
		"p/objects/all.yaml":           manifests,
		"p/objects/kustomization.yaml": "resources: [all.yaml]\n",
	})
}

func (f files) catalog(t rapid.TB) *catalog.Catalog {
	t.Helper()
	tree := fstest.MapFS{}
	for name, content := range f {
		tree[name] = &fstest.MapFile{Data: []byte(content)}
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil {
		t.Fatal(err)
	}
	if problems.Denied() {
		t.Fatal(problems)
	}
	return cat
}

// subjects are all releases of a catalog, rendered.
func subjects(cat *catalog.Catalog) iter.Seq[cost.Subject] {
	return func(yield func(cost.Subject) bool) {
		for rel := range cat.Releases() {
			rendered := func() ([]*unstructured.Unstructured, error) {
				result, err := render.New(blueprints.FS).Render(context.Background(), cat.Tree(), rel)
				return result.Objects, err
			}
			if !yield(cost.Subject{Release: &rel, Objects: rendered}) {
				return
			}
		}
	}
}

func estimate(t rapid.TB, f files, terms cost.Terms) *cost.Estimate {
	t.Helper()
	if terms.Now.IsZero() {
		terms.Now = now
	}
	terms.Lines = true
	cat := f.catalog(t)
	e, err := cost.Of(context.Background(), cat, terms, subjects(cat), nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// typical names the workload of the platforms here that have one.
func typical() cost.WorkloadID {
	return cost.WorkloadID{ReleaseID: catalog.ReleaseID{Project: "p", Environment: "prod", Cluster: "one"}, Workload: "w"}
}

// withoutObject finds the names of Jobs, which hold a hash of their content.
var withoutObject = regexp.MustCompile(`^[A-Z]\w+ \S+ `)

// withoutHash finds the hash at the end of the name of a Job.
var withoutHash = regexp.MustCompile(`-[0-9a-f]{8}\b`)

// said are the lines of an estimate, and what is missing of it, as texts.
func said(e *cost.Estimate) (out []string) {
	for _, r := range e.Releases() {
		for _, w := range r.Workloads {
			for _, l := range w.Lines {
				spot := ""
				if l.Rate.Spot {
					spot = " spot"
				}
				out = append(out, strings.Join([]string{l.Object + ":", l.Quantity.RatString(), l.Unit, "of", l.What + spot, "for", l.Amount.String()}, " "))
			}
		}
		for _, m := range r.Missing {
			text := m.Object + " not estimated: " + m.Reason
			if !m.AtMost.IsZero() {
				text += "; at most " + m.AtMost.Text("USD")
			}
			out = append(out, strings.TrimSpace(text))
		}
	}
	return out
}
