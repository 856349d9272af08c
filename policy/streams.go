// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// streams checks whether streams can go on from where they were.
func (j *checker) streams(before *catalog.Project) {
	for i := range j.p.Spec.Workloads {
		w := &j.p.Spec.Workloads[i]
		if old, _, ok := before.Workload(w.Name); ok {
			j.stream(w, i, before, old)
		}
	}
}

// stream checks a stream against what it was: with another checkpoint it begins from nothing, and a checkpoint says how far it is with what it read.
func (j *checker) stream(w *v1alpha1.Workload, i int, before *catalog.Project, old *v1alpha1.Workload) {
	id := j.p.Name + "/" + w.Name
	for _, env := range slices.Sorted(maps.Keys(j.p.Spec.Environments)) {
		is, ok := j.cat.Stream(j.p, w, env)
		was, had := j.base.Stream(before, old, env)
		if !ok || !had || is.StartsOver != "" && is.StartsOver != was.StartsOver {
			continue
		}
		if is.Checkpoint != was.Checkpoint {
			at := []any{"spec", "workloads", i, "params", "checkpoint"}
			if j.p.Spec.Environments[env].Workloads[w.Name].Params["checkpoint"] != nil {
				at = []any{"spec", "environments", env, "workloads", w.Name, "params", "checkpoint"}
			}
			j.at(RuleRestart, at, fmt.Sprintf("the stream %s had its checkpoint in %q and now has it in %q, where there is nothing: in %q it reads all from the beginning, and may write it twice",
				id, was.Checkpoint, is.Checkpoint, env), `keep the checkpoint, or say why in params, as in "startsOver: the schema of the state has changed"`)
			return
		}
	}
	if _, ok := j.anyStream(w); !ok || maps.Equal(sources(j.p.Name, w), sources(before.Name, old)) || j.saysWhy(w, before, old) {
		return
	}
	j.at(RuleRestart, []any{"spec", "workloads", i, "reads"}, fmt.Sprintf("the stream %s reads other datasets than its checkpoint says how far it is with: Spark may refuse to go on from it", id),
		`give it another checkpoint, and say in startsOver why; if what has changed is no source of the stream, this is fine`).Severity = v1alpha1.Warn
}

// anyStream finds an environment in which a workload is a stream.
func (j *checker) anyStream(w *v1alpha1.Workload) (env string, ok bool) {
	for _, env := range slices.Sorted(maps.Keys(j.p.Spec.Environments)) {
		if _, ok := j.cat.Stream(j.p, w, env); ok {
			return env, true
		}
	}
	return "", false
}

// saysWhy reports whether a change says in some environment why the stream begins from nothing.
func (j *checker) saysWhy(w *v1alpha1.Workload, before *catalog.Project, old *v1alpha1.Workload) bool {
	for env := range j.p.Spec.Environments {
		is, ok := j.cat.Stream(j.p, w, env)
		was, had := j.base.Stream(before, old, env)
		if !had || ok && is.StartsOver != "" && is.StartsOver != was.StartsOver {
			return true
		}
	}
	return false
}

// sources are the datasets that a workload reads, by role.
func sources(project string, w *v1alpha1.Workload) map[string]string {
	out := map[string]string{}
	for role, ref := range w.Reads {
		owner, local, _ := catalog.ParseDataset(project, ref.Dataset)
		out[role] = owner + "/" + local
	}
	return out
}
