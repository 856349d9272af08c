// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// packagesChanged finds versions of packages that a change makes something else of, or forgets: a version that was released stays what it is, and its
// number is never that of something else.
func packagesChanged(base, head *catalog.Catalog) (problems v1alpha1.Problems) {
	for _, name := range slices.Sorted(maps.Keys(base.Packages)) {
		before := base.Packages[name]
		after, is := head.Packages[name]
		if !is && head.MayDeclare(v1alpha1.KindPackage, name) {
			continue // it may be there, and what is wrong with it is reported
		}
		for i, was := range before.Spec.Versions {
			doc, at := before.Document, []any{"spec", "versions", i}
			p := v1alpha1.Problem{
				Rule: RulePackageChanged, Severity: v1alpha1.Deny,
				Message: fmt.Sprintf("the version %s of the package %q was released, and is not declared any more", was.Version, name),
				Hint:    `keep it, with "withdrawn: WHY" if nobody may use it any more: its folder may then be deleted`,
			}
			if is {
				now, j, released := after.Version(was.Version)
				if released && now.Digest == was.Digest {
					continue
				}
				doc, at = after.Document, []any{"spec", "versions"}
				if released {
					at = []any{"spec", "versions", j, "digest"}
					p.Message = fmt.Sprintf("the version %s of the package %q was released as %s, and cannot become something else", was.Version, name, was.Digest)
					p.Hint = "put back what it was, and release what is new as another version"
				}
			}
			p.Position, p.Path, p.About = doc.Position(at...), v1alpha1.FieldPath(at...), catalog.About(doc, at...)
			problems = append(problems, p)
		}
	}
	return problems
}
