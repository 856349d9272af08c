// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

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

// dags reads the Airflow DAG files that a project names.
func (j *judge) dags() (modules []*airflow.Module) {
	seen := map[string]bool{}
	for i, pattern := range j.p.Spec.Dags {
		at := []any{"spec", "dags", i}
		if clean := path.Clean(pattern); !fs.ValidPath(clean) {
			j.at(catalog.RulePath, at, fmt.Sprintf("the pattern %q leads out of the project's folder", pattern), "patterns are relative to the file that declares the project")
			continue
		}
		files, err := fs.Glob(j.cat.Tree(), path.Join(literal(j.p.Dir()), pattern))
		switch {
		case errors.Is(err, path.ErrBadPattern):
			j.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%q is not a pattern", pattern), `write it like "dags/*.py"`)
			continue
		case err != nil:
			j.at(RuleUnevaluated, at, fmt.Sprintf("the files of %q cannot be listed: %v", pattern, err), "")
			continue
		case len(files) == 0:
			j.at(catalog.RuleFile, at, fmt.Sprintf("no file is of the pattern %q", pattern), "patterns are relative to the file that declares the project")
		case len(seen)+len(files) > maxDagFiles:
			j.at(v1alpha1.RuleLimit, at, fmt.Sprintf("the project has more than %d DAG files", maxDagFiles), "")
			continue
		}
		for _, file := range files {
			if seen[file] {
				continue
			}
			seen[file] = true
			data, err := readDag(j.cat.Tree(), file)
			if err != nil {
				j.at(RuleUnevaluated, at, fmt.Sprintf("%q cannot be judged: %v", file, err), "")
				continue
			}
			modules = append(modules, airflow.Parse(file, data))
		}
	}
	return modules
}

// literal returns the pattern that a folder's own name alone is of, whatever the name holds.
func literal(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}

// readDag reads a DAG file, if it is not too large for one.
func readDag(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDagBytes+1))
	if err == nil && len(data) > maxDagBytes {
		err = fmt.Errorf("it has more than %d bytes", maxDagBytes)
	}
	return data, err
}

// dagProblems returns what is wrong with all DAG files, which one Airflow may load together.
func (r *Result) dagProblems() v1alpha1.Problems {
	var all []*airflow.Module
	owner := map[string]string{}
	r.modules.Scan(func(project string, modules []*airflow.Module) bool {
		for _, m := range modules {
			if _, twice := owner[m.File]; !twice {
				owner[m.File] = project
				all = append(all, m)
			}
		}
		return true
	})
	problems := airflow.Check(all)
	for i := range problems {
		problems[i].About.Project = owner[problems[i].Position.File]
	}
	return problems
}
