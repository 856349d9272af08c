// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/rights"
)

const dataWidenedHint = "have it approved by an owner of the environment's declaration, whom spec.governance.owners or CODEOWNERS names"

// ofData says which accounts may read or write more data. It is said of the declaration that asks for it, and is the environment's to allow.
func (w *widening) ofData() {
	for _, c := range rights.Merge(w.Base, w.Catalog) {
		if c.Taken {
			continue
		}
		p, ok := w.Catalog.Project(c.Project)
		if !ok {
			continue
		}
		at := []any{"spec", "workloads"}
		if _, i, ok := p.Workload(c.Workload); ok {
			at = append(at, i, string(c.Kind), c.Role)
		}
		about := catalog.About(p.Document, at...)
		about.Environment = c.Environment
		whose := "the data of " + c.Dataset
		switch {
		case c.Foreign:
			whose += ", which is another project's"
		case c.Whole():
			whose += ", which are all of the bucket"
		}
		var files []string
		for _, cat := range []*catalog.Catalog{w.Catalog, w.Base} {
			if doc, ok := cat.Document(v1alpha1.KindEnvironment, c.Environment); ok {
				files = append(files, cat.Resolve(doc.File))
			}
		}
		w.problems = append(w.problems, v1alpha1.Problem{
			Rule: RuleDataWidened, Severity: v1alpha1.Deny, Position: p.Document.Position(at...), Path: v1alpha1.FieldPath(at...), About: about, Hint: dataWidenedHint,
			Message: fmt.Sprintf("%s/%s in %q may, as the account %s, %s: %s", c.Project, c.Workload, c.Environment, c.Account, c.What(), whose),
		})
		w.files = append(w.files, files)
	}
}

// roles refuses roles that the objects of several projects, or of one in several environments, would make: each of them would take away the rights
// that the others give.
func roles(cat *catalog.Catalog) (problems v1alpha1.Problems) {
	type owner struct{ project, env string }
	made := map[string]owner{}
	gives := func(e *v1alpha1.Environment) bool { return e.Spec.DataAccess != nil && e.Spec.DataAccess.Via != "" }
	if !slices.ContainsFunc(slices.Collect(maps.Values(cat.Environments)), gives) {
		return nil
	}
	for p := range cat.Projects() {
		for _, a := range rights.AccountsOf(cat, p) {
			if !gives(cat.Environments[a.Environment]) {
				continue
			}
			for _, at := range a.Places {
				role, mine := at.In(catalog.AWS), owner{p.Name, a.Environment}
				first, there := made[role]
				if !there {
					made[role] = mine
				}
				if !there || first == mine {
					continue
				}
				path := []any{"spec", "environments"}
				about := catalog.About(p.Document, path...)
				about.Environment = a.Environment
				problems = append(problems, v1alpha1.Problem{
					Rule: catalog.RuleResourceOwner, Severity: v1alpha1.Deny, Position: p.Document.Position(path...), Path: v1alpha1.FieldPath(path...), About: about,
					Message: fmt.Sprintf("the account %s of %s in %q is the role %s, as one of %s in %q is: each role has one owner", a.Name, p.Name, a.Environment, role, first.project, first.env),
					Hint:    `put "<environment>" and "<project>" into the name of the role, or give the workload another identity`,
				})
				break
			}
		}
	}
	return problems
}
