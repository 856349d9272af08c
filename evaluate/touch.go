// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"slices"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
)

// Touches reports whether the change from a base to a head, which was evaluated after it, can mean anything to the platform:
// something in a project's folder, a declaration, a policy or a blueprint changes, or who owns them, or what a release
// renders from. Whatever else changes in the repository is none of ours.
func Touches(base, head *Evaluation) bool {
	if head.anyNews() {
		return true
	}
	if projects, whole := head.catalog.Relinked(); whole || len(projects) > 0 {
		return true
	}
	return slices.ContainsFunc(head.changed, func(file string) bool {
		return slices.Contains(policy.OwnerFiles(), file) || ours(base.catalog, file) || ours(head.catalog, file)
	})
}

func ours(c *catalog.Catalog, file string) bool {
	return file == catalog.PlatformFile || c.InProject(file) || c.Named(file) || len(c.GoverningIn(file)) > 0
}
