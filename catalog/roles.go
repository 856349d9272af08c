// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// rolesIn are the params of embedded blueprints that name a role that the workload reads, or one that it writes; of a mapping, its keys do.
var rolesIn = map[string]struct{ reads, writes []string }{
	"catalog":   {reads: []string{"from"}, writes: []string{"to"}},
	"copy":      {reads: []string{"from"}, writes: []string{"to"}},
	"pull":      {writes: []string{"to"}},
	"transform": {reads: []string{"inputs"}, writes: []string{"to"}},
}

// roles refuses params that name roles that the workload does not have: a run would fail at once.
func (k *checker) roles(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int) {
	named, ok := rolesIn[bp.Name]
	if !ok || !bp.Embedded {
		return
	}
	reads, writes := slices.Sorted(maps.Keys(w.Reads)), slices.Sorted(maps.Keys(w.Writes))
	check := func(params map[string]any, at []any) {
		for _, of := range []struct {
			names, roles []string
			does         string
		}{{named.reads, reads, "reads"}, {named.writes, writes, "writes"}} {
			for _, name := range of.names {
				var given []string
				keys := false
				switch v := params[name].(type) {
				case string:
					given = []string{v}
				case map[string]any:
					given, keys = sortedKeys(v), true
				}
				for _, role := range given {
					if slices.Contains(of.roles, role) {
						continue
					}
					path := append(slices.Clip(at), name)
					if keys {
						path = append(path, role)
					}
					k.unknown(RuleParams, path, fmt.Sprintf("the workload %s nothing in the role %q", of.does, role), role, func() []string { return of.roles })
				}
			}
		}
	}
	check(w.Params, []any{"spec", "workloads", i, "params"})
	for _, env := range sortedKeys(p.Spec.Environments) {
		check(p.Spec.Environments[env].Workloads[w.Name].Params, []any{"spec", "environments", env, "workloads", w.Name, "params"})
	}
}
