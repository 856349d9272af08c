// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Arc is what Clusterless calls a workload.
type Arc struct{ Project, Version, Name string }

// States returns the folder, which ends in "/", in which Clusterless keeps how far it is with the lots of a workload in an environment, and
// what it calls the workload. It is false if no states are kept of it: the environment or the project does not say so, or it is a preview.
func (c *Catalog) States(project, workload, env string) (folder string, arc Arc, ok bool) {
	e := c.Environments[env]
	p, there := c.Project(project)
	if e == nil || !there || e.Spec.Lots == nil || e.Spec.Lots.States == "" || p.Spec.Clusterless == nil || c.IsPreview(env) {
		return "", Arc{}, false
	}
	name, named := p.Spec.Clusterless.Arcs[workload]
	l, err := location.Parse(strings.ReplaceAll(e.Spec.Lots.States, placeholderEnvironment, env))
	return l.String(), Arc{p.Spec.Clusterless.Project, p.Spec.Clusterless.Version, name}, named && err == nil
}

// checkStates checks where an environment keeps the states of arcs.
func checkStates(k *checker, env *v1alpha1.Environment) {
	if env.Spec.Lots == nil {
		return
	}
	at, address := []any{"spec", "lots", "states"}, env.Spec.Lots.States
	if address == "" {
		spec, _ := k.doc.Value()["spec"].(map[string]any)
		lots, _ := spec["lots"].(map[string]any)
		if _, given := lots["states"]; given {
			k.at(RulePath, at, "there are no states at an empty address", `name the folder, as in "s3://<environment>-clusterless-arc-state-123-eu-west-1/", or remove states`)
		}
		return
	}
	checkPattern(k, address, []string{placeholderEnvironment}, at...)
	if _, err := location.Parse(address); err != nil {
		k.at(RulePath, at, err.Error(), "")
	}
}

// clusterless checks what a project is called in Clusterless.
func (k *checker) clusterless(p *Project) {
	c := p.Spec.Clusterless
	if c == nil {
		return
	}
	at := func(path ...any) []any { return append([]any{"spec", "clusterless"}, path...) }
	part := func(name string, at []any) {
		if strings.TrimSpace(name) == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\%") {
			k.at(RuleName, at, fmt.Sprintf("%q cannot be what Clusterless calls it: it is a part of a key", name), "")
		}
	}
	part(c.Project, at("project"))
	part(c.Version, at("version"))
	by := map[string]string{}
	for _, workload := range sortedKeys(c.Arcs) {
		arc := c.Arcs[workload]
		part(arc, at("arcs", workload))
		if _, _, ok := p.Workload(workload); !ok {
			k.noWorkload(p, workload, at("arcs", workload))
		}
		if before, taken := by[arc]; taken {
			k.at(v1alpha1.RuleDuplicate, at("arcs", workload), fmt.Sprintf("the workloads %q and %q would have the states of one arc, %q", before, workload, arc), "")
		}
		by[arc] = workload
	}
}
