// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/image"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/api/workspace"
)

// defaultPerPerson is how many workspaces a person may have where the platform does not say.
const defaultPerPerson = 3

// IsWorkspace reports whether a blueprint is one of the library for people's notebooks and editors.
func (b *Blueprint) IsWorkspace() bool { return b != nil && b.Embedded && workspace.Is(b.Name) }

// WorkspacesPerPerson is how many a person may have.
func (c *Catalog) WorkspacesPerPerson() int {
	return cmp.Or(c.Platform.Spec.Workspaces.PerPerson, defaultPerPerson)
}

// basesIn returns the bases that there are in an environment, by name: those of the platform, as far as it takes them, and its own.
func (c *Catalog) basesIn(env string) map[string]v1alpha1.WorkspaceBase {
	all, declared := c.Platform.Spec.Workspaces.Bases, c.Environments[env]
	if declared == nil {
		return all
	}
	own, out := declared.Spec.Workspaces, map[string]v1alpha1.WorkspaceBase{}
	for name, base := range all {
		if own.Only == nil || slices.Contains(own.Only, name) {
			out[name] = base
		}
	}
	maps.Copy(out, own.Bases)
	return out
}

// baseOf finds the base of a workload of a workspace in an environment; false if it names none that there is.
func (c *Catalog) baseOf(blueprint, env string, params map[string]any) (base v1alpha1.WorkspaceBase, ok bool) {
	all := c.basesIn(env)
	if name, _ := params["base"].(string); name != "" {
		base, ok = all[name]
		return base, ok && isFor(base, blueprint)
	}
	for _, other := range sortedKeys(all) {
		if !isFor(all[other], blueprint) {
			continue
		}
		if ok {
			return v1alpha1.WorkspaceBase{}, false // it has to be said which
		}
		base, ok = all[other], true
	}
	return base, ok
}

func isFor(b v1alpha1.WorkspaceBase, blueprint string) bool {
	return string(cmp.Or(b.Blueprint, v1alpha1.NotebookBlueprint)) == blueprint
}

// BaseImageOf returns the image of the base that a workload is made from in an environment; empty for one that is no workspace, or has an image
// of its own.
func (c *Catalog) BaseImageOf(p *Project, w *v1alpha1.Workload, env string) string {
	if !c.Blueprints[w.Blueprint].IsWorkspace() || !cmp.Or(p.Spec.Environments[env].Workloads[w.Name].Image, w.Image).IsZero() {
		return ""
	}
	base, _ := c.baseOf(w.Blueprint, env, c.paramsIn(p, w, env))
	return base.Image
}

// baseSizeOf is the size class of the base of a workload; empty if it names none.
func (c *Catalog) baseSizeOf(p *Project, w *v1alpha1.Workload, env string) string {
	if !c.Blueprints[w.Blueprint].IsWorkspace() {
		return ""
	}
	base, _ := c.baseOf(w.Blueprint, env, c.paramsIn(p, w, env))
	return base.Size
}

// checkWorkspaces checks what the platform says of workspaces.
func (f *frame) checkWorkspaces(k *checker) {
	k.doc = f.platformDoc
	w := f.Platform.Spec.Workspaces
	spec, _ := k.doc.Value()["spec"].(map[string]any)
	said, _ := spec["workspaces"].(map[string]any)
	if _, there := said["perPerson"]; there && w.PerPerson < 1 { // 0 would be as if nothing was said
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "workspaces", "perPerson"}, "nobody can have 0 workspaces", "write 1 or more; where no project declares a notebook, there are none")
	}
	f.checkBases(k, w.Bases)
}

// checkBases checks the bases of workspaces that the platform or an environment declares.
func (f *frame) checkBases(k *checker, bases map[string]v1alpha1.WorkspaceBase) {
	sizes := builtinSizes()
	maps.Copy(sizes, f.Platform.Spec.Sizes)
	for _, name := range sortedKeys(bases) {
		at := []any{"spec", "workspaces", "bases", name, "image"}
		base := bases[name]
		if base.Size != "" {
			known(k, RuleSize, "size class", base.Size, sizes, "spec", "workspaces", "bases", name, "size")
		}
		switch err := image.Check(base.Image); {
		case err != nil:
			k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%q is not an image: %s", base.Image, err), "")
		case !strings.Contains(base.Image, "@sha256:"):
			k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("the base %q is named by a tag, which may point to another image tomorrow", name), "pin its digest, as in image@sha256:…")
		}
	}
}

// workspace checks what the schema of a blueprint of workspaces cannot say.
func (k *checker) workspace(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int) {
	if !bp.IsWorkspace() {
		return
	}
	bases := k.c.Platform.Spec.Workspaces
	if !w.Image.IsZero() && !bases.OwnImages {
		k.atKey(RuleField, []any{"spec", "workloads", i, "image"}, fmt.Sprintf("the platform lets no %s have an image of its own", bp.Name),
			"take it away, and name one of the platform's bases in params.base; or have the platform say spec.workspaces.ownImages: true")
	}
	for _, env := range sortedKeys(p.Spec.Environments) {
		if mine := p.Spec.Environments[env].Workloads[w.Name]; !mine.Image.IsZero() && !bases.OwnImages {
			k.atKey(RuleField, []any{"spec", "environments", env, "workloads", w.Name, "image"}, fmt.Sprintf("the platform lets no %s have an image of its own", bp.Name),
				"take it away, and name one of the platform's bases in params.base")
		}
	}
	k.told(p, bp, w, i, func(values map[string]any) error {
		_, _, err := workspace.Parse(values)
		return err
	})
	if w.Image.IsZero() {
		k.bases(p, bp, w, i)
	}
}

// bases checks that a workload of workspaces has a base in each of its environments, each of which may have others.
func (k *checker) bases(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int) {
	environments := sortedKeys(p.Spec.Environments)
	if len(environments) == 0 {
		environments = []string{""}
	}
	told := map[string]bool{}
	for _, env := range environments {
		over := p.Spec.Environments[env].Workloads[w.Name]
		values := k.c.paramsIn(p, w, env)
		if compiled := k.c.schemas[bp.Name]; !over.Image.IsZero() || compiled == nil || len(compiled.Check(values)) > 0 {
			continue
		}
		if _, ok := k.c.baseOf(bp.Name, env, values); ok {
			continue
		}
		path := []any{"spec", "workloads", i}
		switch {
		case over.Params["base"] != nil:
			path = []any{"spec", "environments", env, "workloads", w.Name, "params", "base"}
		case w.Params["base"] != nil:
			path = append(path, "params", "base")
		case w.Params != nil:
			path = append(path, "params")
		}
		message, hint := k.noBase(bp, env, values)
		if at := fmt.Sprint(path, message); !told[at] { // it is the same in each environment without bases of its own
			told[at] = true
			k.at(RuleParams, path, fmt.Sprintf("the blueprint %q: %s", bp.Name, message), hint)
		}
	}
}

// noBase says why a workload has no base in an environment, and what to do.
func (k *checker) noBase(bp *Blueprint, env string, values map[string]any) (message, hint string) {
	where, names := "the platform", []string{}
	if e := k.c.Environments[env]; e != nil && (e.Spec.Workspaces.Only != nil || len(e.Spec.Workspaces.Bases) > 0) {
		where = "the environment " + env
	}
	all := k.c.basesIn(env)
	for _, name := range sortedKeys(all) {
		if isFor(all[name], bp.Name) {
			names = append(names, name)
		}
	}
	hint = "there are " + strings.Join(names, ", ")
	named, _ := values["base"].(string)
	switch {
	case len(names) == 0:
		return where + " has no base for it", "have " + where + " declare one in spec.workspaces.bases"
	case named == "":
		return where + " has several bases for it: name one in base", hint
	}
	return fmt.Sprintf("%s has no base %q for it", where, named), hint
}
