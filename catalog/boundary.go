// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Boundary returns what a workload is told that makes lots of what arrives from outside, in an environment; false if it is another kind of
// workload, or was refused.
func (c *Catalog) Boundary(p *Project, w *v1alpha1.Workload, env string) (boundary.Spec, bool) {
	e := c.Environments[env]
	_, d, _ := p.brings(w)
	if e == nil || w.Blueprint != boundary.Blueprint || d == nil {
		return boundary.Spec{}, false
	}
	values := merge(merge(merge(c.Platform.Spec.Defaults.Params[w.Blueprint], e.Spec.Defaults.Params[w.Blueprint]), w.Params),
		p.Spec.Environments[env].Workloads[w.Name].Params)
	spec, err := boundary.Parse(values, unitOf(d))
	return spec, err == nil
}

// brings finds the dataset whose lots a boundary makes, with the role that it has; nil if there is not exactly one that has lots.
func (p *Project) brings(w *v1alpha1.Workload) (role string, d *v1alpha1.Dataset, why string) {
	if len(w.Writes) != 1 {
		return "", nil, fmt.Sprintf("a boundary makes the lots of one dataset, and this one writes %d", len(w.Writes))
	}
	for role, ref := range w.Writes {
		owner, local, ok := ParseDataset(p.Name, ref)
		if !ok || owner != p.Name {
			return "", nil, "" // reported where datasets are resolved
		}
		d, _, ok := p.Dataset(local)
		switch {
		case !ok:
			return "", nil, ""
		case d.Lots == nil:
			return role, nil, fmt.Sprintf("a boundary makes lots, and %s/%s has none", p.Name, local)
		}
		return role, d, ""
	}
	return "", nil, ""
}

func unitOf(d *v1alpha1.Dataset) time.Duration {
	unit, err := lot.ParseUnit(string(d.Lots.Unit))
	if err != nil {
		return 24 * time.Hour // reported with the dataset
	}
	return unit.Duration()
}

// boundary checks what the schema of the blueprint cannot say.
func (k *checker) boundary(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int) {
	if bp.Name != boundary.Blueprint {
		return
	}
	at := []any{"spec", "workloads", i}
	if len(w.Reads) > 0 {
		k.atKey(RuleField, append(slices.Clip(at), "reads"), "a boundary reads nothing of the platform: what it makes lots of arrives in the path of the dataset that it writes", "")
	}
	role, d, why := p.brings(w)
	if why != "" {
		path := append(slices.Clip(at), "writes")
		if role != "" {
			path = append(path, role)
		}
		k.at(RuleField, path, why, `write the one dataset that has lots, as in "writes: {main: orders-raw@1}"`)
	}
	if d == nil {
		return
	}
	k.told(p, bp, w, i, func(values map[string]any) error {
		_, err := boundary.Parse(values, unitOf(d))
		return err
	})
}
