// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/rendercache"
	"trunkline.dev/trunkline/render"
)

// commitFiles is the content of a commit: path to text.
type commitFiles map[string]string

func (c commitFiles) tree() fs.FS {
	tree := fstest.MapFS{}
	for name, text := range c {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// put writes a file, as Git would have it: what stands in its way is gone.
func (c commitFiles) put(name, text string) {
	for other := range c {
		if strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/") {
			delete(c, other)
		}
	}
	c[name] = text
}

// move puts all below a folder, or one file, elsewhere.
func (c commitFiles) move(from, to string) {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if rest, ok := strings.CutPrefix(name, from); ok && (rest == "" || rest[0] == '/') {
			text := c[name]
			delete(c, name)
			c.put(to+rest, text)
		}
	}
}

// changed lists the paths in which two commits differ.
func (c commitFiles) changed(to commitFiles) []string {
	var out []string
	for name := range c {
		if text, there := to[name]; !there || text != c[name] {
			out = append(out, name)
		}
	}
	for name := range to {
		if _, there := c[name]; !there {
			out = append(out, name)
		}
	}
	return out
}

const declarationHead = "apiVersion: trunkline.dev/v1alpha1\n"

// firstCommit is a platform with a chart, a base that is shared and two projects.
func firstCommit() commitFiles {
	c := commitFiles{
		"trunkline.yaml":                   declarationHead + "kind: Platform\nmetadata: {name: acme}\n",
		"clusters.yaml":                    declarationHead + "kind: Cluster\nmetadata: {name: one}\n---\n" + declarationHead + "kind: Cluster\nmetadata: {name: two}\n",
		"dev.yaml":                         declarationHead + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one]}\n",
		"prod.yaml":                        declarationHead + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one, two]}\n",
		"bp/web/blueprint.yaml":            declarationHead + "kind: Blueprint\nmetadata: {name: web}\nspec: {engine: helm, source: chart, fields: [image, files], parameters: {type: object, properties: {size: {}}}}\n",
		"bp/web/chart/Chart.yaml":          "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"bp/web/chart/values.yaml":         "size: 1\n",
		"bp/web/chart/templates/all.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\ndata: {size: \"{{ kindOf .Values.size }} {{ .Values.size }}\", more: {{ .Files.Get \"more.txt\" | quote }}}\n",
		"bp/patch/blueprint.yaml":          declarationHead + "kind: Blueprint\nmetadata: {name: patch}\nspec: {engine: kustomize, source: base, fields: [image]}\n",
		"bp/patch/base/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [../../../lib/one]\nreplacements: [{source: {kind: ConfigMap, name: trunkline, fieldPath: data.image}, targets: [{select: {kind: ConfigMap, name: shared}, fieldPaths: [data.image], options: {create: true}}]}]\n",
		"lib/one/kustomization.yaml":       "resources: [all.yaml]\n",
		"lib/one/all.yaml":                 configMapOf("shared", "1"),
		"lib/two/kustomization.yaml":       "resources: [../one]\nnamePrefix: two-\n",
		"docs/notes.md":                    "notes\n",
	}
	c.project("a/p0", "p0", "web", "dev, prod")
	c.project("a/p1", "p1", "kustomize", "dev")
	return c
}

func configMapOf(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: %q}\n", name, value)
}

// project adds a project with one workload.
func (c commitFiles) project(dir, name, blueprint, environments string) {
	workload := map[string]string{
		"web":       "{name: w, blueprint: web, image: img, files: [sql]}",
		"job":       "{name: w, blueprint: container-job, image: img, command: [run], files: [sql, run.py]}",
		"kustomize": "{name: w, blueprint: kustomize, params: {path: k8s}}",
		"patch":     "{name: w, blueprint: patch, image: img}",
	}[blueprint]
	c.put(dir+"/project.yaml", declarationHead+"kind: Project\nmetadata: {name: "+name+"}\nspec:\n  owner: team\n  environments: ["+environments+"]\n  workloads:\n    - "+workload+"\n")
	c.put(dir+"/sql/a.sql", "select 1\n")
	c.put(dir+"/run.py", "print(1)\n")
	c.put(dir+"/k8s/kustomization.yaml", "resources: [../../../lib/two, own.yaml]\nconfigMapGenerator: [{name: g, files: [../sql/a.sql]}]\n")
	c.put(dir+"/k8s/own.yaml", configMapOf("own", "1"))
}

// drawCommit makes the next commit out of one.
func drawCommit(t *rapid.T, before commitFiles) commitFiles {
	c := maps.Clone(before)
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(c))).Draw(t, "file")
		projects := []string{}
		for name := range c {
			if path.Base(name) == "project.yaml" {
				projects = append(projects, path.Dir(name))
			}
		}
		slices.Sort(projects)
		dir := func() string {
			return path.Join(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "team"), rapid.SampledFrom([]string{"p0", "p1", "p2", "p3"}).Draw(t, "folder"))
		}
		switch rapid.SampledFrom([]string{"edit", "value", "delete", "rename", "move", "new", "drop", "beside", "beside", "beside", "environment", "break"}).Draw(t, "change") {
		case "edit":
			c[name] += "\n"
		case "value": // what objects are made of
			c[name] = strings.NewReplacer(`"1"`, `"2"`, `"2"`, `"1"`, "select 1", "select 2", "img", "img2", "size: 1\n", "size: 1.0\n").Replace(c[name])
		case "delete":
			if !strings.HasSuffix(name, "trunkline.yaml") {
				delete(c, name)
			}
		case "rename":
			to := rapid.SampledFrom([]string{"own.yaml", "kustomization.yml", "b.sql", "all.yaml", "more.txt", ".helmignore", "x"}).Draw(t, "to")
			c.move(name, path.Join(path.Dir(name), to))
		case "move":
			if len(projects) > 0 {
				c.move(rapid.SampledFrom(projects).Draw(t, "project"), dir())
			}
		case "new":
			at := dir()
			blueprint := rapid.SampledFrom([]string{"web", "job", "kustomize", "patch"}).Draw(t, "blueprint")
			c.project(at, path.Base(at), blueprint, rapid.SampledFrom([]string{"dev", "prod", "dev, prod"}).Draw(t, "environments"))
		case "drop":
			if len(projects) > 0 {
				c.move(rapid.SampledFrom(projects).Draw(t, "project"), "gone")
				maps.DeleteFunc(c, func(name, _ string) bool { return strings.HasPrefix(name, "gone/") })
			}
		case "beside": // a file where a folder is listed, or where one is looked for
			if len(projects) == 0 {
				continue
			}
			at := rapid.SampledFrom(projects).Draw(t, "project")
			more := rapid.SampledFrom([]string{
				at + "/k8s/Kustomization", at + "/k8s/kustomization.yml", "lib/one/Kustomization", "lib/two/kustomization.yml", at + "/sql/b.sql",
				at + "/sql/z/deep.sql", "bp/web/chart/templates/more.yaml", "bp/web/chart/.helmignore", "bp/web/chart/more.txt",
			}).Draw(t, "more")
			if _, there := c[more]; there {
				delete(c, more)
				continue
			}
			c.put(more, rapid.SampledFrom([]string{"", "templates/more.yaml\n", configMapOf("more", "1")}).Draw(t, "text"))
		case "environment":
			c["prod.yaml"] = declarationHead + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [" +
				rapid.SampledFrom([]string{"one", "two", "one, two"}).Draw(t, "clusters") + "]}\n"
		case "break":
			c[name] += rapid.SampledFrom([]string{"{", "\t- x\n", "resources: [none.yaml]\n"}).Draw(t, "broken")
		}
	}
	return c
}

// renderOutcome is what a release rendered to, in a form that can be compared.
type renderOutcome struct {
	Objects string
	Parts   []render.Part
	Digest  string
	Err     string
}

// resultsOf are the releases that were rendered.
func resultsOf(e *Evaluation) map[catalog.ReleaseID]Rendered {
	out := map[catalog.ReleaseID]Rendered{}
	for rel, rendered := range e.everything() {
		if rendered != nil {
			out[rel.ID] = *rendered
		}
	}
	return out
}

func renderOutcomes(results map[catalog.ReleaseID]Rendered) map[catalog.ReleaseID]renderOutcome {
	out := map[catalog.ReleaseID]renderOutcome{}
	for id, r := range results {
		o := renderOutcome{Objects: string(r.Objects.Data()), Parts: r.Objects.Parts(), Digest: r.Objects.Digest()}
		if r.Err != nil {
			o.Err = r.Err.Error()
		}
		out[id] = o
	}
	return out
}

// TestIncrementalIsFull: over any sequence of commits, rendering only what a commit affects, and reading the rest from
// memory or, after a restart, from disk, has the same objects and errors as rendering everything.
func TestIncrementalIsFull(t *testing.T) {
	// Each sequence renders the whole platform several times over.
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("40"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	root := t.TempDir()
	var sequences atomic.Int64
	var accepted, refused, failing int
	rapid.Check(t, func(t *rapid.T) {
		dir := filepath.Join(root, fmt.Sprint(sequences.Add(1)))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		var log bytes.Buffer
		cached := func() Renderer {
			cache, err := rendercache.Open(filepath.Join(dir, "renders"), filepath.Join(dir, "key"),
				rendercache.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			return rendercache.Wrap(render.New(blueprints.FS), cache, "test")
		}
		head := func(in Input) *Evaluation {
			in.Library, in.Now = blueprints.FS, time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
			e, err := Head(context.Background(), in) //nolint:usetesting // rapid's T
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		var last, next commitFiles = nil, firstCommit()
		var kept *Evaluation
		for range rapid.IntRange(3, 6).Draw(t, "commits") {
			changed := last.changed(next)
			full := head(Input{Tree: next.tree(), Renderer: render.New(blueprints.FS)})
			memory := head(Input{Tree: next.tree(), Renderer: render.New(blueprints.FS), Before: kept, Changed: changed})
			if diff := cmp.Diff(full.Problems(), memory.Problems()); diff != "" {
				t.Fatalf("after a change of %v other problems are found (-full +got):\n%s", changed, diff)
			}
			if full.Denied() {
				refused++
				if last != nil {
					next = last // what comes next is made from what was accepted, so that sequences get somewhere
				}
				next = drawCommit(t, next)
				continue
			}
			accepted++
			want := renderOutcomes(resultsOf(full))
			for _, o := range want {
				if o.Err != "" {
					failing++
				}
			}
			disk := head(Input{Tree: next.tree(), Renderer: cached()})
			for how, e := range map[string]*Evaluation{"memory": memory, "disk": disk} {
				if diff := cmp.Diff(want, renderOutcomes(resultsOf(e))); diff != "" {
					t.Fatalf("from %s, after a change of %v (-full +got):\n%s", how, changed, diff)
				}
				if !slices.EqualFunc(full.releases.all, e.releases.all, func(a, b *catalog.Release) bool { return a.ID == b.ID }) {
					t.Fatalf("from %s, after a change of %v other releases are kept than there are", how, changed)
				}
			}
			if kept != nil {
				told(t, kept, memory)
				mergesAlike(t, kept, memory, full)
			}
			last, kept = next, memory
			next = drawCommit(t, next)
		}
		if log.Len() > 0 {
			t.Fatalf("the cache says:\n%s", log.String())
		}
	})
	t.Logf("%d commits accepted, %d refused, %d releases did not render", accepted, refused, failing)
	if accepted < refused || failing == 0 {
		t.Error("the commits that are made do not reach what they are to test")
	}
}

// told makes sure that what is not among the news of an evaluation is what it was before.
func told(t *rapid.T, before, after *Evaluation) {
	news := map[catalog.ReleaseID]bool{}
	for _, rel := range after.News(nil) {
		news[rel.ID] = true
	}
	for rel := range after.Releases() {
		was, there := before.Rendered(rel.ID)
		is, _ := after.Rendered(rel.ID)
		if !news[rel.ID] && (!there || was.Objects.Digest() != is.Objects.Digest() || (was.Err == nil) != (is.Err == nil)) {
			t.Fatalf("%s is another one than before, and nobody is told", rel.ID)
		}
	}
}

// mergesAlike makes sure that what merging a head does is the same, whether it was evaluated after the base or by itself.
func mergesAlike(t *rapid.T, base, after, full *Evaluation) {
	all := func(head *Evaluation) []preview.Release {
		m, err := Merge(base, head, now)
		if err != nil {
			t.Fatal(err)
		}
		same := Same(base, head)
		if m.Same != len(same) {
			t.Fatalf("%d releases are the same, and %d are named", m.Same, len(same))
		}
		return slices.SortedFunc(slices.Values(append(m.Releases, same...)), func(a, b preview.Release) int { return a.ID.Compare(b.ID) })
	}
	if diff := cmp.Diff(all(full), all(after)); diff != "" {
		t.Fatalf("a merge does something else by what differs (-full +got):\n%s", diff)
	}
}

// countedRenders counts what is rendered.
type countedRenders struct {
	Renderer

	n atomic.Int64
}

func (c *countedRenders) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	c.n.Add(1)
	return c.Renderer.Render(ctx, tree, rel)
}

// TestRendersWhatIsAffected is the other half: rendering everything always would be right and useless.
func TestRendersWhatIsAffected(t *testing.T) {
	base := firstCommit() // p0 three times, p1 once
	base.project("a/p2", "p2", "patch", "dev, prod")
	cases := map[string]struct {
		reason string
		change func(commitFiles)
		want   int64 // from memory
	}{
		"Nothing":   {"no change", func(commitFiles) {}, 0},
		"Elsewhere": {"a file that nobody reads", func(c commitFiles) { c["docs/notes.md"] = "x" }, 0},
		"Beside":    {"a file of a project that nobody reads", func(c commitFiles) { c["a/p0/README.md"] = "x" }, 0},
		"Own":       {"a file of one project", func(c commitFiles) { c["a/p1/k8s/own.yaml"] = configMapOf("own", "2") }, 1},
		"Listed":    {"a new file in a folder that a workload takes", func(c commitFiles) { c["a/p0/sql/b.sql"] = "x" }, 3},
		"Shared":    {"a base that two projects build on", func(c commitFiles) { c["lib/one/all.yaml"] = configMapOf("shared", "2") }, 4},
		"Chart":     {"a chart", func(c commitFiles) { c["bp/web/chart/values.yaml"] = "size: 2\n" }, 3},
		"Declaration": {"a field of a declaration", func(c commitFiles) {
			c["a/p0/project.yaml"] = strings.ReplaceAll(c["a/p0/project.yaml"], "img", "other")
		}, 3},
		"New":  {"a new project", func(c commitFiles) { c.project("b/p3", "p3", "job", "dev") }, 1},
		"Gone": {"a project less", func(c commitFiles) { delete(c, "a/p0/project.yaml") }, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			engine := &countedRenders{Renderer: render.New(blueprints.FS)}
			renderer := func() Renderer {
				cache, err := rendercache.Open(filepath.Join(dir, "renders"), filepath.Join(dir, "key"),
					rendercache.Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
				if err != nil {
					t.Fatal(err)
				}
				return rendercache.Wrap(engine, cache, "test")
			}
			head := func(r Renderer, c commitFiles, before *Evaluation, changed []string) (*Evaluation, int64) {
				n := engine.n.Load()
				e, err := Head(t.Context(), Input{Tree: c.tree(), Library: blueprints.FS, Renderer: r, Now: time.Unix(0, 0), Before: before, Changed: changed})
				if err != nil || e.Denied() {
					t.Fatal(err, e.Problems())
				}
				for id, out := range resultsOf(e) {
					if out.Err != nil {
						t.Fatalf("%s: %v", id, out.Err)
					}
				}
				return e, engine.n.Load() - n
			}
			r := renderer()
			before, got := head(r, base, nil, nil)
			if got != 7 {
				t.Fatalf("the first commit renders %d releases, want 7", got)
			}
			next := maps.Clone(base)
			tc.change(next)
			if _, got := head(r, next, before, base.changed(next)); got != tc.want {
				t.Errorf("%s: renders %d releases, want %d", tc.reason, got, tc.want)
			}
			for _, c := range []commitFiles{next, base} { // either is as it was rendered before
				if _, got := head(renderer(), c, nil, nil); got != 0 {
					t.Errorf("%s: renders %d releases after a restart, want none", tc.reason, got)
				}
			}
		})
	}
}

// passingError is an error that is gone the next time.
type passingError struct{}

func (passingError) Error() string   { return "passing" }
func (passingError) Transient() bool { return true }

// TestPassingErrorsPass: a release that did not render for a reason that is not in the commit is rendered again with
// the next one, whatever that changes.
func TestPassingErrorsPass(t *testing.T) {
	for _, tc := range []struct {
		reason string
		err    error
		want   bool
	}{
		{"what rendered is kept", nil, true},
		{"so is an error of the commit", fs.ErrInvalid, true},
		{"one that passes is not", fmt.Errorf("rendering: %w", passingError{}), false},
	} {
		if got := (Rendered{fingerprint: "f", Err: tc.err}).current("f", []string{"elsewhere"}); got != tc.want {
			t.Errorf("%s: current is %t, want %t", tc.reason, got, tc.want)
		}
	}
	if (Rendered{}).current("", nil) {
		t.Error("a release without a fingerprint equals another")
	}
}
