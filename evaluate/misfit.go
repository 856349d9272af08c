// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/kinds"
)

// misfits collects the objects that an API server would refuse, so that one mistake becomes one problem: in however many
// objects, environments and clusters it shows, and if it stands in a file, of however many workloads.
type misfits struct {
	tree    fs.FS
	sources map[string]*manifests
	found   []*mistake
	seen    map[[3]string]*mistake
}

// mistake is one field, and the objects that have it from one place.
type mistake struct {
	v1alpha1.Problem

	first   *render.MisfitError
	objects map[[2]string]bool
}

// add takes a field of an object of a release. The problem has the place of the workload, and the files are what was read
// for the release.
func (m *misfits) add(problem v1alpha1.Problem, rel *catalog.Release, files []string, e *render.MisfitError) {
	problem.Rule, problem.Hint = policy.RuleObject, e.Fault.Hint
	place := anywhere(rel)
	key := [3]string{rel.ID.Project, problem.About.Workload, place.Replace(general(e.Fault.Path) + " " + e.Fault.Message)}
	if at, declared := m.declared(e, files); declared {
		problem.Position, problem.Path = at, v1alpha1.FieldPath(e.Fault.Path...)
		key = [3]string{at.String(), e.Fault.Message}
	}
	one := m.seen[key]
	if one == nil {
		one = &mistake{Problem: problem, first: e, objects: map[[2]string]bool{}}
		if m.seen == nil {
			m.seen = map[[3]string]*mistake{}
		}
		m.seen[key], m.found = one, append(m.found, one)
	}
	one.objects[[2]string{e.Kind, place.Replace(rel.ID.Project + "/" + e.Name)}] = true
}

// general is a path without the places in lists: the third container has the same mistake as the first.
func general(path []any) string {
	var keys []any
	for _, step := range path {
		if _, isKey := step.(string); isKey {
			keys = append(keys, step)
		}
	}
	return v1alpha1.FieldPath(keys...)
}

// problems returns one for each mistake.
func (m *misfits) problems() (problems v1alpha1.Problems) {
	for _, one := range m.found {
		e, from := one.first, ""
		if e.Source != "" {
			from = " (" + e.Source + ")"
		}
		one.Message = fmt.Sprintf("%s %q%s of the workload %q cannot be applied: %s", e.Kind, e.Name, from, one.About.Workload, e.Wrong())
		switch others := len(one.objects) - 1; {
		case others == 1:
			one.Message += "; and 1 more object likewise"
		case others > 1:
			one.Message += fmt.Sprintf("; and %d more objects likewise", others)
		}
		problems = append(problems, one.Problem)
	}
	return problems
}

// foreign counts the objects of kinds that neither Kubernetes nor their release defines, whose fields are not checked.
type foreign struct {
	mu    sync.Mutex
	kinds map[string]int
}

func (f *foreign) add(objects *render.Packed) {
	defined := map[string]bool{} // groups, by which definitions are named
	for _, part := range objects.Parts() {
		if part.Group == apiextensions.GroupName {
			_, group, _ := strings.Cut(part.Name, ".")
			defined[group] = true
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, part := range objects.Parts() {
		if kinds.Has(part.GroupKind) || defined[part.Group] {
			continue
		}
		if f.kinds == nil {
			f.kinds = map[string]int{}
		}
		f.kinds[part.String()]++
	}
}

// maxForeign bounds the kinds that are named.
const maxForeign = 5

// words says what is not checked; nothing if there is nothing.
func (f *foreign) words() []string {
	if len(f.kinds) == 0 {
		return nil
	}
	total, named := 0, []string{}
	for _, kind := range slices.Sorted(maps.Keys(f.kinds)) {
		total += f.kinds[kind]
		named = append(named, fmt.Sprintf("%d of %s", f.kinds[kind], kind))
	}
	if more := len(named) - maxForeign; more > 0 {
		named = append(named[:maxForeign], fmt.Sprintf("and %d more kinds", more))
	}
	return []string{fmt.Sprintf("the fields of %d objects of kinds that neither Kubernetes nor their release defines: %s", total, strings.Join(named, ", "))}
}
