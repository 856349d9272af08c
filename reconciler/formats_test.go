// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"fmt"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue/evaluate"
)

// format is a way in which a project can have its objects: the workload, the file, and what is in it for a value, so that it makes the
// ConfigMaps settings and, for "two", more; and a text that does not render, with what is said about it.
type format struct {
	reason, workload, file string
	text                   func(value string) string
	broken, says           string
}

var formats = map[string]format{
	"manifests": {
		reason: "rendered output is taken as it is", workload: "{name: all, blueprint: manifests, params: {paths: [out]}}", file: "out/all.yaml",
		text: func(value string) string {
			text := "apiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {key: " + value + "}}\n"
			if value == "two" {
				text += "---\n" + configMap("more", value)
			}
			return text
		},
		broken: "apiVersion: v1\nkind: ConfigMap\nkind: Secret\n", says: `out/all.yaml: line 3: key "kind" already set in map`,
	},
	"jsonnet": {
		reason: "a program's objects follow its files and what it is given", file: "app/main.jsonnet",
		workload: "{name: all, blueprint: jsonnet, params: {path: app, args: {name: settings}}}",
		text: func(value string) string {
			return fmt.Sprintf(`local cm(name, value) = {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: name}, data: {key: value, ns: std.extVar('trunkline').namespace}};
function(name) {settings: cm(name, %q), more: if %q == 'two' then cm('more', 'two')}
`, value, value)
		},
		broken: "\nerror 'not now'\n", says: "app/main.jsonnet:2: not now",
	},
	"cue": {
		reason: "so do those of a package", file: "app/app.cue", workload: "{name: all, blueprint: cue, params: {path: app, tags: {name: settings}}}",
		text: func(value string) string {
			return fmt.Sprintf(`package app
#trunkline: {namespace: string, ...}
_name: string @tag(name)
_value: %q
#CM: {apiVersion: "v1", kind: "ConfigMap", metadata: name: string, data: {key: _value, ns: #trunkline.namespace}}
settings: #CM & {metadata: name: _name}
if _value == "two" {more: #CM & {metadata: name: "more"}}
`, value)
		},
		broken: "package app\nsettings: 1 & 2\n_name: string @tag(name)\n", says: "app/app.cue:2: settings: conflicting values",
	},
}

// TestFormats takes each way through its life on a real API server: objects are rolled out, changed, added and removed; what does not
// render leaves what is there; what fails in the cluster is told; and the next commit puts both right.
func TestFormats(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			d := startWith(t, c.Kubeconfig, func(o *reconciler.Options) {
				o.Renderer = render.New(blueprints.FS, render.WithEvaluator(v1alpha1.CUE, code.InProcess(evaluate.Languages())))
			})
			project := "f-" + name
			ns := project + "-dev"
			at := func(text string) tree {
				return platform("formats-"+name, tree{
					project + "/project.yaml": fmt.Sprintf("apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: %s}\nspec:\n  owner: team\n  environments: [dev]\n  workloads: [%s]\n", project, f.workload),
					project + "/" + f.file:    text,
				})
			}
			file := project + "/" + f.file
			d.mustAccept("one", at(f.text("one")))
			d.awaitFine("one")
			if got := c.value(ns, "settings"); got != "one" {
				t.Errorf("%s: rolled out with %q", f.reason, got)
			}

			d.mustAccept("two", at(f.text("two")), file)
			d.awaitFine("two")
			if got := c.value(ns, "settings") + " " + c.value(ns, "more"); got != "two two" {
				t.Errorf("updated to %q", got)
			}

			d.mustAccept("broken", at(f.broken), file)
			p := d.await("what does not render to be told", func(p status.Platform) bool { return release(p, project).Result == status.Failed })
			if got := release(p, project); !strings.Contains(got.Message, f.says) || got.Commit != "two" {
				t.Errorf("the release is at %s and says %q, want two and %q", got.Commit, got.Message, f.says)
			}
			if got := c.value(ns, "settings"); got != "two" {
				t.Errorf("what does not render leaves %q", got)
			}

			// An object that renders and that the cluster refuses: the key of its data is none.
			d.mustAccept("bad", at(strings.ReplaceAll(f.text("two"), "key:", `"no key":`)), file)
			p = d.await("the refusal to be told", func(p status.Platform) bool {
				return release(p, project).Result == status.Failed && strings.Contains(release(p, project).Message, "no key")
			})

			if got := release(p, project).Message; !strings.Contains(got, "settings") {
				t.Errorf("the refusal does not name the object: %s", got)
			}

			d.mustAccept("good", at(f.text("one")), file)
			d.awaitFine("good")
			if got := c.value(ns, "settings"); got != "one" {
				t.Errorf("recovered with %q", got)
			}
			if err := c.awaitGone(configMaps, ns, "more"); err != nil {
				t.Errorf("what is not declared any more stays: %v", err)
			}
		})
	}
}
