// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy/airflow"
)

// instance is one Apache Airflow, which loads DAG files of several projects.
type instance struct {
	catalog.DagsKind
	// environment and owner are what it belongs to; empty if it is that of the platform, or of no single owner.
	environment, owner string
}

func (a instance) compare(b instance) int {
	return cmp.Or(cmp.Compare(a.environment, b.environment), cmp.Compare(a.owner, b.owner), a.Compare(b.DagsKind))
}

// dagSet are the DAG files that a project has in some instances of Airflow, of one version.
type dagSet struct {
	instances []instance
	modules   []*airflow.Module
}

// instances are those that load the DAG files of the project, sorted.
func (j *checker) instances() []instance {
	found := map[instance]bool{}
	for name := range j.p.Spec.Environments {
		one := instance{DagsKind: j.cat.DagsKindIn(j.p, name)}
		env := j.cat.Environments[name]
		switch {
		case j.p.Spec.Airflow != "":
			one.environment, one.owner = name, j.p.Spec.Owner
		case one.Deployed, env != nil && env.Spec.Airflow != "":
			one.environment = name
		}
		found[one] = true
	}
	if len(found) == 0 {
		found[instance{DagsKind: j.cat.DagsKindIn(j.p, "")}] = true
	}
	return slices.SortedFunc(maps.Keys(found), instance.compare)
}

// dags are the Airflow DAG files that a project names, once for each kind of Airflow that loads them.
func (j *checker) dags() (sets []dagSet) {
	byKind := map[catalog.DagsKind][]instance{}
	for _, a := range j.instances() {
		byKind[a.DagsKind] = append(byKind[a.DagsKind], a)
	}
	for _, set := range j.p.Dags() {
		sets = append(sets, dagSet{byKind[set.DagsKind], set.Modules})
	}
	return sets
}

// dagProblems returns what is wrong with all DAG files: of each, and between those that one Airflow loads.
func (r *Result) dagProblems() (problems v1alpha1.Problems) {
	together := map[instance][]*airflow.Module{}
	owner := map[string]string{}
	r.modules.Scan(func(project string, sets []dagSet) bool {
		for _, set := range sets {
			for _, m := range set.modules {
				if by, taken := owner[m.File]; taken && by != project {
					continue // the file of two projects is reported once
				}
				owner[m.File] = project
				problems = append(problems, neverFires(m)...)
				for _, a := range set.instances {
					together[a] = append(together[a], m)
				}
			}
		}
		return true
	})
	for _, a := range slices.SortedFunc(maps.Keys(together), instance.compare) {
		problems = append(problems, airflow.Check(together[a])...)
	}
	problems.Sort()
	problems = slices.CompactFunc(problems, func(a, b v1alpha1.Problem) bool {
		return a.Position == b.Position && a.Rule == b.Rule && a.Severity == b.Severity && a.Message == b.Message
	})
	for i := range problems {
		problems[i].About.Project = owner[problems[i].Position.File]
	}
	return problems
}

// neverFires finds the DAGs of a file whose schedule has no day.
func neverFires(m *airflow.Module) (problems v1alpha1.Problems) {
	for _, d := range m.DAGs {
		// What the library of Kubernetes does not read, such as "L", Airflow may.
		if s, err := schedule.Parse(d.Schedule, ""); err == nil && s.Never() {
			problems = append(problems, v1alpha1.Problem{
				Rule: RuleNever, Severity: v1alpha1.Deny, Position: d.Position,
				Message: fmt.Sprintf("the schedule %q of the DAG %q never fires: there is no such day", d.Schedule, d.ID),
			})
		}
	}
	return problems
}
