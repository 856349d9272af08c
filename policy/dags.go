// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy/airflow"
)

const (
	// maxDagFiles bounds the DAG files of a project.
	maxDagFiles = 2000
	// maxDagBytes bounds one of them; Airflow's own parser would take far too long for more.
	maxDagBytes = 1 << 20
)

// instance is one Apache Airflow, which loads DAG files of several projects.
type instance struct {
	version v1alpha1.AirflowVersion
	// environment and owner are what it belongs to; empty if it is that of the platform, or of no single owner.
	environment, owner string
	// deployed reports whether Trunkline deploys the DAGs to it.
	deployed bool
}

func (a instance) compare(b instance) int {
	return cmp.Or(cmp.Compare(a.environment, b.environment), cmp.Compare(a.owner, b.owner), a.kind().compare(b.kind()))
}

// kind is what the files are read by: a version of Airflow, with what Python finds there.
type kind struct {
	version  v1alpha1.AirflowVersion
	deployed bool
}

func (a instance) kind() kind { return kind{a.version, a.deployed} }

func (k kind) compare(o kind) int {
	if k.deployed != o.deployed {
		return map[bool]int{true: 1, false: -1}[k.deployed]
	}
	return cmp.Compare(k.version, o.version)
}

// dagSet are the DAG files that a project has in some instances of Airflow, of one version.
type dagSet struct {
	instances []instance
	modules   []*airflow.Module
}

// instances are those that load the DAG files of the project, sorted.
func (j *checker) instances() []instance {
	platform := instance{version: j.cat.Platform.Spec.Airflow}
	found := map[instance]bool{}
	for name := range j.p.Spec.Environments {
		env := j.cat.Environments[name]
		switch {
		case j.p.Spec.Airflow != "":
			found[instance{version: j.p.Spec.Airflow, environment: name, owner: j.p.Spec.Owner}] = true
		case j.cat.DagsIn(j.p, name):
			found[instance{version: cmp.Or(env.Spec.Airflow, v1alpha1.Airflow33), environment: name, deployed: true}] = true
		case env != nil && env.Spec.Airflow != "":
			found[instance{version: env.Spec.Airflow, environment: name}] = true
		default:
			found[platform] = true
		}
	}
	if len(found) == 0 {
		found[platform] = true
	}
	return slices.SortedFunc(maps.Keys(found), instance.compare)
}

// dags reads the Airflow DAG files that a project names, once for each kind of Airflow that loads them.
func (j *checker) dags() (sets []dagSet) {
	if len(j.p.Spec.Dags) == 0 {
		return nil
	}
	files := j.dagFiles()
	byKind := map[kind][]instance{}
	for _, a := range j.instances() {
		byKind[a.kind()] = append(byKind[a.kind()], a)
	}
	folder := catalog.DagsFolder(j.p.Dir(), j.p.Spec.Dags)
	for _, of := range slices.SortedFunc(maps.Keys(byKind), kind.compare) {
		set := dagSet{instances: byKind[of]}
		readers := map[string]*airflow.Reader{}
		for _, f := range files {
			if f.ignored(j.cat.Tree(), of.version) {
				continue
			}
			r := readers[f.root]
			if r == nil {
				r = &airflow.Reader{Version: of.version, Tree: j.cat.Tree(), Roots: roots(j.p.Dir(), f.root)}
				if of.deployed {
					r.Roots = []string{folder}
				}
				readers[f.root] = r
			}
			set.modules = append(set.modules, r.Parse(f.path, f.data))
		}
		if len(set.modules) > 0 {
			sets = append(sets, set)
		}
	}
	return sets
}

// roots are the folders that Python looks for modules in: the folder of the DAGs, then what lies around it in the project.
func roots(project, dags string) []string {
	out := []string{dags}
	for at := dags; at != project && at != "."; {
		at = path.Dir(at)
		out = append(out, path.Join(at, "plugins"), at, path.Join(at, "src"))
	}
	return out
}

// dagFile is a DAG file of a project.
type dagFile struct {
	path string
	// root is the folder of the DAGs: what comes before the first wildcard of the pattern.
	root string
	data []byte
}

// dagFiles reads the files that the patterns of the project stand for.
func (j *checker) dagFiles() (out []dagFile) {
	seen := map[string]bool{}
	for i, pattern := range j.p.Spec.Dags {
		at := []any{"spec", "dags", i}
		if clean := path.Clean(pattern); !fs.ValidPath(clean) {
			j.at(catalog.RulePath, at, fmt.Sprintf("the pattern %q leads out of the project's folder", pattern), "patterns are relative to the file that declares the project")
			continue
		}
		found, err := catalog.DagPaths(j.cat.Tree(), j.p.Dir(), path.Clean(pattern))
		root := path.Join(j.p.Dir(), catalog.BeforeWildcard(path.Clean(pattern)))
		switch {
		case errors.Is(err, path.ErrBadPattern):
			j.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%q is not a pattern", pattern), `write it like "dags/*.py" or "dags/**/*.py"`)
			continue
		case err != nil:
			j.at(RuleUnevaluated, at, fmt.Sprintf("the files of %q cannot be listed: %v", pattern, err), "")
			continue
		case len(found) == 0 && inSubmodule(j.cat.Tree(), root) != nil:
			j.at(catalog.RuleFile, at, inSubmodule(j.cat.Tree(), root).Error(), "")
		case len(found) == 0:
			j.at(catalog.RuleFile, at, fmt.Sprintf("no file matches the pattern %q", pattern), "patterns are relative to the file that declares the project")
		case len(seen)+len(found) > maxDagFiles:
			j.at(v1alpha1.RuleLimit, at, fmt.Sprintf("the project has more than %d DAG files", maxDagFiles), "")
			continue
		}
		for _, file := range found {
			if seen[file] {
				continue
			}
			seen[file] = true
			data, err := readDag(j.cat.Tree(), file)
			if err != nil {
				j.at(RuleUnevaluated, at, fmt.Sprintf("%q cannot be checked: %v", file, err), "")
				continue
			}
			if err := outside.Check(file, data); err != nil {
				j.at(catalog.RuleFile, at, err.Error(), "")
				continue
			}
			out = append(out, dagFile{file, root, data})
		}
	}
	return out
}

// inSubmodule returns what is wrong with a folder that is a submodule, or in one; nil if it is not.
func inSubmodule(tree fs.FS, folder string) error {
	_, err := fs.Stat(tree, path.Join(folder, "any"))
	return outside.InSubmodule(err)
}

// readDag reads a DAG file; of one that is too large it reads so much that its size is noticed.
func readDag(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxDagBytes+1))
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
