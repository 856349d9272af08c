// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gobwas/glob"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// maxMade bounds the Applications of one ApplicationSet.
const maxMade = 2000

// applicationSetFields are those of an ApplicationSet; generators are looked at one by one.
var applicationSetFields = fields{
	"spec.generators": carried, "spec.template.*": carried, "spec.goTemplate": carried, "spec.goTemplateOptions": carried, "spec.ignoreApplicationDifferences": carried,
	"spec.syncPolicy.*": carried, "spec.applyNestedSelectors": carried,
	"spec.templatePatch":               lost("the template is not patched", "write the parameters into the template"),
	"spec.strategy":                    lost("an order of roll-outs is that of environments", "spec.promotesFrom and spec.soak of the environment that comes later"),
	"spec.preservedFields":             carried,
	"spec.preserveResourcesOnDeletion": lost("objects of a release that is removed are deleted", "the annotation trunkline.dev/prune: disabled keeps an object").but(false),
}

// params are what a generator gives a template.
type params map[string]any

// expand makes the Applications of an ApplicationSet, as far as the tree says what there are.
func (a *argo) expand(set Object) (out []Object) {
	a.check(set, applicationSetFields)
	spec := table(set.Object, "spec")
	var all []params
	for i, g := range list(spec, "generators") {
		made, ok := a.generate(set, fmt.Sprintf("spec.generators[%d]", i), table(g), flag(spec, "goTemplate"), nil)
		if ok {
			all = append(all, made...)
		}
	}
	if len(all) > maxMade {
		a.note(set, "spec.generators", fmt.Sprintf("it makes more than %d Applications", maxMade), "take it over in parts")
		return nil
	}
	for _, p := range all {
		o, err := fill(table(spec, "template"), p, flag(spec, "goTemplate"))
		if err != nil {
			a.note(set, "spec.template", err.Error(), "fix it, and run this again")
			continue
		}
		content, _ := o.(map[string]any)
		made := Object{&unstructured.Unstructured{Object: content}, set.Source}
		made.SetAPIVersion("argoproj.io/v1alpha1")
		made.SetKind("Application")
		if len(made.GetAnnotations()) == 0 {
			unstructured.RemoveNestedField(made.Object, "metadata", "annotations")
		}
		out = append(out, made)
	}
	return out
}

// generate returns the parameters of one generator. Outer are those of the generator before in a matrix, which its own
// texts may use.
func (a *argo) generate(set Object, at string, g map[string]any, goTemplate bool, outer params) (out []params, ok bool) {
	if outer != nil {
		filled, err := fill(g, outer, goTemplate)
		if err != nil {
			a.note(set, at, err.Error(), "fix it, and run this again")
			return nil, false
		}
		g, _ = filled.(map[string]any)
	}
	for _, kind := range slices.Sorted(maps.Keys(g)) {
		here := at + "." + kind
		switch kind {
		case "list":
			for _, e := range list(g, "list", "elements") {
				out = append(out, elementOf(table(e), goTemplate))
			}
			if get(g, "list", "elementsYaml") != nil {
				a.note(set, here+".elementsYaml", "it is not evaluated", "write the elements")
			}
			ok = true
		case "git":
			out, ok = a.git(set, here, table(g, "git"), goTemplate)
		case "clusters":
			out, ok = a.clusterGenerator(set, here, table(g, "clusters"), goTemplate)
		case "matrix":
			out, ok = a.matrix(set, here, list(g, "matrix", "generators"), goTemplate)
		case "merge":
			out, ok = a.merge(set, here, table(g, "merge"), goTemplate)
		case "selector":
			continue
		default:
			a.note(set, here, "what it makes is not known from the files of the repository",
				"list the elements, and run this again; previews of pull requests are declared by spec.preview of an environment")
			return nil, false
		}
		if extra := table(g, kind, "values"); extra != nil && kind != "merge" {
			out = a.withValues(set, here, out, extra, goTemplate)
		}
		if get(g, kind, "template") != nil {
			a.note(set, here+".template", "a template of a generator is not merged", "write it into spec.template")
		}
	}
	if selector := table(g, "selector"); selector != nil && ok {
		out = slices.DeleteFunc(out, func(p params) bool { return !selects(selector, textTable(map[string]any(flat(p)))) })
		if get(selector, "matchExpressions") != nil {
			a.note(set, at+".selector.matchExpressions", "it is not evaluated", "use matchLabels, and run this again")
		}
	}
	return out, ok
}

// withValues adds the values of a generator.
func (a *argo) withValues(set Object, at string, all []params, extra map[string]any, goTemplate bool) []params {
	for _, p := range all {
		values, err := fill(extra, p, goTemplate)
		if err != nil {
			a.note(set, at+".values", err.Error(), "")
			continue
		}
		more, _ := values.(map[string]any)
		if goTemplate {
			p["values"] = more
			continue
		}
		for k, v := range more {
			p["values."+k] = v
		}
	}
	return all
}

// elementOf makes parameters of an element of a list, or of the content of a file.
func elementOf(e map[string]any, goTemplate bool) params {
	if goTemplate {
		return runtime.DeepCopyJSON(e)
	}
	return flat(e)
}

// flat names nested parameters by their path, as "cluster.address".
func flat(value map[string]any) params {
	out := params{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, c := range v {
				walk(strings.TrimPrefix(at+"."+k, "."), c)
			}
		case []any:
			for i, c := range v {
				walk(fmt.Sprintf("%s[%d]", at, i), c)
			}
		case string:
			out[at] = v
		default:
			out[at] = fmt.Sprint(v) // a number, a truth value or nothing
		}
	}
	walk("", value)
	return out
}

// git makes parameters of the folders or files of this repository.
func (a *argo) git(set Object, at string, g map[string]any, goTemplate bool) (out []params, ok bool) {
	if url := text(g, "repoURL"); repositoryURL(url) != a.repository {
		a.note(set, at+".repoURL", fmt.Sprintf("it looks into another repository (%s)", url), "copy what it finds there into this one")
		return nil, false
	}
	if patterns := list(g, "directories"); patterns != nil {
		for _, dir := range a.folders(patterns) {
			out = append(out, withPath(params{}, dir, "", goTemplate))
		}
		return out, true
	}
	var names []string
	err := fs.WalkDir(a.Tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() && matching(list(g, "files"), name) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		a.note(set, at, err.Error(), "")
		return nil, false
	}
	for _, name := range names {
		data, err := fs.ReadFile(a.Tree, name)
		if err == nil {
			var content map[string]any
			if content, err = readValues(data); err == nil {
				out = append(out, withPath(elementOf(content, goTemplate), path.Dir(name), path.Base(name), goTemplate))
				continue
			}
		}
		a.note(set, at, fmt.Sprintf("%s: %v", name, err), "")
	}
	return out, true
}

// folders are those that patterns name and none excludes.
func (a *argo) folders(patterns []any) (out []string) {
	_ = fs.WalkDir(a.Tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name != "." && strings.HasPrefix(entry.Name(), ".") || name == a.To {
			return fs.SkipDir
		}
		if matching(patterns, name) {
			out = append(out, name)
		}
		return nil
	})
	return out
}

// matching reports whether a path is one of those that patterns name, and that none excludes.
func matching(patterns []any, name string) bool {
	found := false
	for _, p := range patterns {
		g, err := glob.Compile(strings.TrimPrefix(text(p, "path"), "./"), '/')
		if err != nil || !g.Match(name) {
			continue
		}
		if flag(p, "exclude") {
			return false
		}
		found = true
	}
	return found
}

// withPath adds the parameters that say where something is.
func withPath(p params, dir, file string, goTemplate bool) params {
	segments := strings.Split(dir, "/")
	if goTemplate {
		at := map[string]any{
			"path": dir, "basename": path.Base(dir), "basenameNormalized": normalized(path.Base(dir)), "segments": anys(segments),
		}
		if file != "" {
			at["filename"], at["filenameNormalized"] = file, normalized(file)
		}
		p["path"] = at
		return p
	}
	p["path"], p["path.basename"], p["path.basenameNormalized"] = dir, path.Base(dir), normalized(path.Base(dir))
	for i, s := range segments {
		p[fmt.Sprintf("path[%d]", i)] = s
	}
	if file != "" {
		p["path.filename"], p["path.filenameNormalized"] = file, normalized(file)
	}
	return p
}

func normalized(s string) string { return label(s) }

func anys(in []string) (out []any) {
	for _, s := range in {
		out = append(out, s)
	}
	return out
}

// clusterGenerator makes parameters of the clusters that are declared in the tree.
func (a *argo) clusterGenerator(set Object, at string, g map[string]any, goTemplate bool) (out []params, ok bool) {
	for _, c := range a.labels {
		if !selects(table(g, "selector"), c.of.GetLabels()) {
			continue
		}
		p := params{"name": c.name, "nameNormalized": normalized(c.name), "server": c.server}
		meta := map[string]any{"labels": c.of.GetLabels(), "annotations": c.of.GetAnnotations()}
		if goTemplate {
			p["metadata"] = meta
		} else {
			for kind, all := range meta {
				for k, v := range all.(map[string]string) { //nolint:forcetypeassert // made above
					p["metadata."+kind+"."+k] = v
				}
			}
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		a.note(set, at, "clusters are known to Argo CD by Secrets that are not in the repository", "list them as elements of a list generator, with name and server, and run this again")
		return nil, false
	}
	return out, true
}

// selects reports whether labels are those that a selector asks for.
func selects(selector map[string]any, labels map[string]string) bool {
	for k, v := range textTable(selector, "matchLabels") {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// matrix combines each of what one generator makes with each of the other.
func (a *argo) matrix(set Object, at string, generators []any, goTemplate bool) (out []params, ok bool) {
	if len(generators) != 2 {
		a.note(set, at, "a matrix has two generators", "")
		return nil, false
	}
	first, ok := a.generate(set, at+".generators[0]", table(generators[0]), goTemplate, nil)
	if !ok {
		return nil, false
	}
	for _, p := range first {
		second, ok := a.generate(set, at+".generators[1]", table(generators[1]), goTemplate, p)
		if !ok {
			return nil, false
		}
		for _, q := range second {
			both := maps.Clone(p)
			maps.Copy(both, q)
			if out = append(out, both); len(out) > maxMade {
				return out, true
			}
		}
	}
	return out, true
}

// merge lays what other generators make over what the first one makes, where keys are the same.
func (a *argo) merge(set Object, at string, g map[string]any, goTemplate bool) (out []params, ok bool) {
	same := func(p, q params) bool {
		for _, k := range texts(g, "mergeKeys") {
			if fmt.Sprint(p[k]) != fmt.Sprint(q[k]) {
				return false
			}
		}
		return true
	}
	for i, generator := range list(g, "generators") {
		made, ok := a.generate(set, fmt.Sprintf("%s.generators[%d]", at, i), table(generator), goTemplate, nil)
		if !ok {
			return nil, false
		}
		if i == 0 {
			out = made
			continue
		}
		for _, p := range out {
			for _, q := range made {
				if same(p, q) {
					maps.Copy(p, q)
				}
			}
		}
	}
	return out, true
}
