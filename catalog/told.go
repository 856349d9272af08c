// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"slices"

	"trunkline.dev/trunkline/api/param"
	"trunkline.dev/trunkline/api/pull"
	"trunkline.dev/trunkline/api/transform"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// programs are the embedded blueprints whose programs this repository has, and how each reads its params.
var programs = map[string]func(values map[string]any) error{
	"copy":              transform.CheckFilter,
	transform.Blueprint: transform.Check,
	pull.Blueprint: func(values map[string]any) error {
		_, err := pull.Parse(values)
		return err
	},
}

// program checks what the schema of a blueprint cannot say of the params of a program of this repository.
func (k *checker) program(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int) {
	parse := programs[bp.Name]
	if parse == nil || !bp.Embedded {
		return
	}
	k.told(p, bp, w, i, func(values map[string]any) error {
		if err := parse(values); err != nil {
			return err
		}
		if bp.Name == pull.Blueprint {
			return k.pulled(p, w, values)
		}
		return nil
	})
}

// pulled refuses a pull that needs variables which the workload does not have.
func (k *checker) pulled(p *Project, w *v1alpha1.Workload, values map[string]any) error {
	spec, err := pull.Parse(values)
	if err != nil {
		return err
	}
	needs := spec.Variables()
	for _, name := range sortedKeys(needs) {
		_, own := w.Env[name]
		_, secret := w.Secrets[name]
		if own || secret || k.variableOfEnvironment(p, w, name) {
			continue
		}
		return param.Wrong(fmt.Sprintf("write secrets: {%s: {name: NAME, key: KEY}} at the workload", name),
			fmt.Errorf("the workload has no variable %s", name), needs[name]...)
	}
	return nil
}

// variableOfEnvironment reports whether some environment, or the platform, gives a workload a variable.
func (k *checker) variableOfEnvironment(p *Project, w *v1alpha1.Workload, name string) bool {
	for _, env := range sortedKeys(p.Spec.Environments) {
		over := p.Spec.Environments[env].Workloads[w.Name]
		_, own := over.Env[name]
		_, secret := over.Secrets[name]
		if own || secret {
			return true
		}
	}
	return false
}

// told checks the params of a workload of an embedded blueprint as they are in each environment. What parse refuses by a [param.Error] is a
// problem; everything else the schema has refused before.
func (k *checker) told(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int, parse func(values map[string]any) error) {
	at := []any{"spec", "workloads", i}
	platform, compiled := k.c.Platform.Spec.Defaults.Params[bp.Name], k.c.schemas[bp.Name]
	check := func(values, over map[string]any, there []any) {
		if compiled == nil || len(compiled.Check(values)) > 0 {
			return // reported
		}
		wrong, ok := errors.AsType[*param.Error](parse(values))
		if !ok {
			return
		}
		path := append(slices.Clip(at), "params")
		if len(wrong.Path) > 0 {
			if name, _ := wrong.Path[0].(string); over[name] != nil {
				path = there
			}
		} else if w.Params == nil {
			path = at
		}
		k.at(RuleParams, slices.Concat(path, wrong.Path), fmt.Sprintf("the blueprint %q: %s", bp.Name, wrong), wrong.Hint)
	}
	if known := len(k.findings); len(p.Spec.Environments) == 0 || !k.everywhere(p, w, bp) {
		if check(merge(platform, w.Params), nil, nil); len(k.findings) > known {
			return // it is the same in each environment
		}
	}
	for _, env := range sortedKeys(p.Spec.Environments) {
		e, ok := k.c.Environments[env]
		over := p.Spec.Environments[env].Workloads[w.Name].Params
		if ok && (over != nil || e.Spec.Defaults.Params[bp.Name] != nil) {
			check(merge(merge(merge(platform, e.Spec.Defaults.Params[bp.Name]), w.Params), over), over,
				[]any{"spec", "environments", env, "workloads", w.Name, "params"})
		}
	}
}
