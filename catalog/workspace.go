// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strings"

	"trunkline.dev/trunkline/api/image"
	"trunkline.dev/trunkline/api/param"
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

// baseOf finds the base of a workload of a workspace; false if it names none that there is.
func (c *Catalog) baseOf(blueprint string, params map[string]any) (base v1alpha1.WorkspaceBase, ok bool) {
	all := c.Platform.Spec.Workspaces.Bases
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
	base, _ := c.baseOf(w.Blueprint, c.paramsIn(p, w, env))
	return base.Image
}

// baseSizeOf is the size class of the base of a workload; empty if it names none.
func (c *Catalog) baseSizeOf(p *Project, w *v1alpha1.Workload, env string) string {
	if !c.Blueprints[w.Blueprint].IsWorkspace() {
		return ""
	}
	base, _ := c.baseOf(w.Blueprint, c.paramsIn(p, w, env))
	return base.Size
}

// checkBases checks what the platform says of workspaces.
func (f *frame) checkBases(k *checker) {
	k.doc = f.platformDoc
	w := f.Platform.Spec.Workspaces
	sizes := builtinSizes()
	maps.Copy(sizes, f.Platform.Spec.Sizes)
	spec, _ := k.doc.Value()["spec"].(map[string]any)
	said, _ := spec["workspaces"].(map[string]any)
	if _, there := said["perPerson"]; there && w.PerPerson < 1 { // 0 would be as if nothing was said
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "workspaces", "perPerson"}, "nobody can have 0 workspaces", "write 1 or more; where no project declares a notebook, there are none")
	}
	for _, name := range sortedKeys(w.Bases) {
		at := []any{"spec", "workspaces", "bases", name, "image"}
		base := w.Bases[name]
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
		if _, _, err := workspace.Parse(values); err != nil {
			return err
		}
		if !w.Image.IsZero() {
			return nil
		}
		if _, ok := k.c.baseOf(bp.Name, values); ok {
			return nil
		}
		var names []string
		for _, name := range sortedKeys(bases.Bases) {
			if isFor(bases.Bases[name], bp.Name) {
				names = append(names, name)
			}
		}
		named, _ := values["base"].(string)
		switch {
		case len(names) == 0:
			return param.Wrong("have the platform declare one in spec.workspaces.bases", errors.New("the platform has no base for it"))
		case named == "":
			return param.Wrong("there are "+strings.Join(names, ", "), errors.New("the platform has several bases for it: name one in base"))
		}
		return param.Wrong("there are "+strings.Join(names, ", "), fmt.Errorf("the platform has no base %q for it", named), "base")
	})
}
