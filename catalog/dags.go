// SPDX-License-Identifier: Apache-2.0

package catalog

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
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/airflow"
)

const (
	// maxDagFiles bounds the DAG files of a project.
	maxDagFiles = 2000
	// maxDagBytes bounds one of them; Airflow's own parser would take far too long for more.
	maxDagBytes = 1 << 20
)

// DagsKind is what DAG files are read by: a version of Airflow, and whether Trunkline deploys them to it, which says what Python finds there.
type DagsKind struct {
	Version  v1alpha1.AirflowVersion
	Deployed bool
}

// Compare orders kinds.
func (k DagsKind) Compare(o DagsKind) int {
	if k.Deployed != o.Deployed {
		return map[bool]int{true: 1, false: -1}[k.Deployed]
	}
	return cmp.Compare(k.Version, o.Version)
}

// DagSet are the DAG files of a project as one kind of Airflow loads them.
type DagSet struct {
	DagsKind

	Modules []*airflow.Module
}

// Dags are the DAG files of the project, once for each kind of Airflow that loads them in one of its environments.
func (p *Project) Dags() []DagSet { return p.dags }

// DagsKindIn is the kind of Airflow that loads the DAG files of a project in an environment.
func (c *Catalog) DagsKindIn(p *Project, name string) DagsKind {
	env := c.Environments[name]
	switch {
	case p.Spec.Airflow != "":
		return DagsKind{Version: p.Spec.Airflow}
	case c.DagsIn(p, name):
		return DagsKind{Version: cmp.Or(env.Spec.Airflow, v1alpha1.Airflow33), Deployed: true}
	case env != nil && env.Spec.Airflow != "":
		return DagsKind{Version: env.Spec.Airflow}
	}
	return DagsKind{Version: c.Platform.Spec.Airflow}
}

// readDags reads the Airflow DAG files that a project names, once for each kind of Airflow that loads them.
func (k *checker) readDags(p *Project) {
	p.dags = nil
	if len(p.Spec.Dags) == 0 {
		return
	}
	kinds := map[DagsKind]bool{}
	for name := range p.Spec.Environments {
		kinds[k.c.DagsKindIn(p, name)] = true
	}
	if len(kinds) == 0 {
		kinds[k.c.DagsKindIn(p, "")] = true
	}
	files := k.dagFiles(p)
	for _, kind := range slices.SortedFunc(maps.Keys(kinds), DagsKind.Compare) {
		set := DagSet{DagsKind: kind}
		readers := map[string]*airflow.Reader{}
		for _, f := range files {
			if f.ignored(k.c.tree, kind.Version) {
				continue
			}
			r := readers[f.root]
			if r == nil {
				r = &airflow.Reader{Version: kind.Version, Tree: k.c.tree, Roots: roots(p.Dir(), f.root)}
				if kind.Deployed {
					r.Roots = []string{DagsFolder(p.Dir(), p.Spec.Dags)}
				}
				readers[f.root] = r
			}
			set.Modules = append(set.Modules, r.Parse(f.path, f.data))
		}
		if len(set.Modules) > 0 {
			p.dags = append(p.dags, set)
		}
	}
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
func (k *checker) dagFiles(p *Project) (out []dagFile) {
	seen := map[string]bool{}
	for i, pattern := range p.Spec.Dags {
		at := []any{"spec", "dags", i}
		if clean := path.Clean(pattern); !fs.ValidPath(clean) {
			k.at(RulePath, at, fmt.Sprintf("the pattern %q leads out of the project's folder", pattern), "patterns are relative to the file that declares the project")
			continue
		}
		found, err := DagPaths(k.c.tree, p.Dir(), path.Clean(pattern))
		root := path.Join(p.Dir(), BeforeWildcard(path.Clean(pattern)))
		switch {
		case errors.Is(err, path.ErrBadPattern):
			k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%q is not a pattern", pattern), `write it like "dags/*.py" or "dags/**/*.py"`)
			continue
		case err != nil:
			k.at(RuleUnevaluated, at, fmt.Sprintf("the files of %q cannot be listed: %v", pattern, err), "")
			continue
		case len(found) == 0 && outside.Submodule(k.c.tree, root) != nil:
			k.at(RuleFile, at, outside.Submodule(k.c.tree, root).Error(), "")
		case len(found) == 0:
			k.at(RuleFile, at, fmt.Sprintf("no file matches the pattern %q", pattern), "patterns are relative to the file that declares the project")
		case len(seen)+len(found) > maxDagFiles:
			k.at(v1alpha1.RuleLimit, at, fmt.Sprintf("the project has more than %d DAG files", maxDagFiles), "")
			continue
		}
		for _, file := range found {
			if seen[file] {
				continue
			}
			seen[file] = true
			data, err := readDag(k.c.tree, file)
			if info, folder := fs.Stat(k.c.tree, file); folder == nil && info.IsDir() {
				k.at(RuleFile, at, fmt.Sprintf("%q is a folder, and no DAG file", file), fmt.Sprintf("name the files in it: %q", path.Join(path.Clean(pattern), "*.py")))
				continue
			}
			if err != nil {
				k.at(RuleUnevaluated, at, fmt.Sprintf("%q cannot be checked: %v", file, err), "")
				continue
			}
			if err := outside.Check(file, data); err != nil {
				k.at(RuleFile, at, err.Error(), "")
				continue
			}
			out = append(out, dagFile{file, root, data})
		}
	}
	return out
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
