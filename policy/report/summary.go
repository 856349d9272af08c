// SPDX-License-Identifier: Apache-2.0

package report

import (
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// isWarning tells warnings from errors. A severity that is not known refuses.
func isWarning(p v1alpha1.Problem) bool { return p.Severity == v1alpha1.Warn }

// word is the severity as people know it from compilers.
func word(p v1alpha1.Problem) string {
	if isWarning(p) {
		return "warning"
	}
	return "error"
}

// tally counts problems, and the files that they are in.
type tally struct{ errors, warnings, files int }

func (r Report) tally() tally {
	var t tally
	files := map[string]bool{}
	for _, p := range r.Problems {
		if isWarning(p) {
			t.warnings++
		} else {
			t.errors++
		}
		if !files[p.Position.File] {
			files[p.Position.File] = true
			t.files++
		}
	}
	return t
}

// verdict says in a few words what was found: "3 errors, 1 warning in 2 files".
func (t tally) verdict() string {
	found := counted(nil, t.errors, "error")
	found = counted(found, t.warnings, "warning")
	if len(found) == 0 {
		return "no problems"
	}
	return strings.Join(found, ", ") + " in " + number.Count(t.files, "file")
}

// scope says what was looked at: "120 projects, 640 datasets in 131 files at 1a2b3c4d"; empty when that is not known.
func (s Summary) scope() string {
	parts := counted(nil, s.Projects, "project")
	parts = counted(parts, s.Datasets, "dataset")
	parts = counted(parts, s.Workloads, "workload")
	parts = counted(parts, s.Releases, "release")
	text := strings.Join(parts, ", ")
	if s.Files > 0 {
		text = strings.TrimSpace(text + " in " + number.Count(s.Files, "file"))
	}
	if s.Revision != "" {
		text += " at " + revision(s.Revision)
	}
	if s.Base != "" {
		text += ", compared with " + revision(s.Base)
	}
	return strings.TrimPrefix(strings.TrimSpace(text), ", ")
}

// sentence is the verdict and what was checked.
func (r Report) sentence() string {
	verdict, scope := r.tally().verdict(), r.Summary.scope()
	if scope == "" {
		return verdict
	}
	return verdict + "; " + scope
}

// hash is the name of a commit in full, by SHA-1 or SHA-256.
var hash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// revision shortens the name of a commit as Git does.
func revision(s string) string {
	if hash.MatchString(s) {
		return s[:8]
	}
	return name(s)
}

func counted(parts []string, n int, noun string) []string {
	if n == 0 {
		return parts
	}
	return append(parts, number.Count(n, noun))
}

// broken lists the ids of the rules that are broken, sorted.
func (r Report) broken() []string {
	seen := map[string]bool{}
	var ids []string
	for _, p := range r.Problems {
		if !seen[p.Rule] {
			seen[p.Rule] = true
			ids = append(ids, p.Rule)
		}
	}
	slices.Sort(ids)
	return ids
}
