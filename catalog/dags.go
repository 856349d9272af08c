// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

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

// DagSet are the DAG files of a project as one version of Airflow loads them.
type DagSet struct {
	Version v1alpha1.AirflowVersion
	Modules []*airflow.Module
}

// Dags are the DAG files of the project, once for each version of Airflow that loads them in one of its environments.
func (p *Project) Dags() []DagSet { return p.dags }

// airflows are the versions of Airflow that load the DAG files of a project, sorted.
func (c *Catalog) airflows(p *Project) (versions []v1alpha1.AirflowVersion) {
	for name := range p.Spec.Environments {
		env := c.Environments[name]
		switch {
		case p.Spec.Airflow != "":
			versions = append(versions, p.Spec.Airflow)
		case env != nil && env.Spec.Airflow != "":
			versions = append(versions, env.Spec.Airflow)
		default:
			versions = append(versions, c.Platform.Spec.Airflow)
		}
	}
	if len(versions) == 0 {
		versions = append(versions, c.Platform.Spec.Airflow)
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}

// readDags reads the Airflow DAG files that a project names, once for each version of Airflow that loads them.
func (k *checker) readDags(p *Project) {
	p.dags = nil
	if len(p.Spec.Dags) == 0 {
		return
	}
	files := k.dagFiles(p)
	for _, version := range k.c.airflows(p) {
		set := DagSet{Version: version}
		readers := map[string]*airflow.Reader{}
		for _, f := range files {
			if f.ignored(k.c.tree, version) {
				continue
			}
			r := readers[f.root]
			if r == nil {
				r = &airflow.Reader{Version: version, Tree: k.c.tree, Roots: roots(p.Dir(), f.root)}
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
		found, err := dagPaths(k.c.tree, p.Dir(), path.Clean(pattern))
		root := path.Join(p.Dir(), beforeWildcard(path.Clean(pattern)))
		switch {
		case errors.Is(err, path.ErrBadPattern):
			k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%q is not a pattern", pattern), `write it like "dags/*.py" or "dags/**/*.py"`)
			continue
		case err != nil:
			k.at(RuleUnevaluated, at, fmt.Sprintf("the files of %q cannot be listed: %v", pattern, err), "")
			continue
		case len(found) == 0 && inSubmodule(k.c.tree, root) != nil:
			k.at(RuleFile, at, inSubmodule(k.c.tree, root).Error(), "")
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

// beforeWildcard is the folder of a pattern that no wildcard is in.
func beforeWildcard(pattern string) string {
	dir := path.Dir(pattern)
	for strings.ContainsAny(dir, `*?[\`) {
		dir = path.Dir(dir)
	}
	return dir
}
