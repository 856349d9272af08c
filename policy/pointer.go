// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// pointer is a step of a problem that points into the declaration of another project. A project is not checked again when
// only lines of another one move; where the step points to is looked up each time that the problem is shown, therefore.
type pointer struct {
	// problem is the index of the problem among those of its project.
	problem int
	// workload is "project/workload", and field what it is of it that the step is about.
	workload, field string
	message         string
}

// pointed returns problems with the steps that pointers stand for. The problems themselves stay as they are.
func pointed(cat *catalog.Catalog, problems v1alpha1.Problems, pointers []pointer) v1alpha1.Problems {
	if len(pointers) == 0 {
		return problems
	}
	problems = slices.Clone(problems)
	for _, to := range pointers {
		project, name, _ := strings.Cut(to.workload, "/")
		p, ok := cat.Project(project)
		if !ok {
			continue
		}
		_, i, ok := p.Workload(name)
		if !ok {
			continue
		}
		step := v1alpha1.Step{Position: p.Document.Position("spec", "workloads", i, to.field), Message: to.message}
		problem := &problems[to.problem]
		problem.Trace = append(slices.Clip(problem.Trace), step)
	}
	return problems
}
