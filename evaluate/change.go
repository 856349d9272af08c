// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"errors"
	"io/fs"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
)

// Change is what is known of a change besides its content.
type Change struct {
	// People made and approved the change; the first made it. Nobody means that it is not known who did.
	People []policy.Person
}

// judge has the change since a base judged, and returns what of it cannot be. What cannot be judged although all that it
// takes was given refuses the head.
func (c *Change) judge(in *policy.Input, base *catalog.Catalog, changed []string) (unjudged []string) {
	in.Base, in.Changed, in.People = base, changed, c.People
	if base.Platform != nil {
		if len(c.People) == 0 {
			unjudged = append(unjudged, "whether an owner made or approved the change, since it is not known who did")
		}
		return unjudged
	}
	if _, err := fs.Lstat(base.Tree(), catalog.PlatformFile); errors.Is(err, fs.ErrNotExist) {
		return []string{"what the change breaks, since the base declares no platform"}
	}
	// Its settings, owners and policies are there and cannot be read: the head's own must not judge instead.
	in.Objects = append(in.Objects, v1alpha1.Problem{
		Rule: catalog.RuleUnevaluated, Severity: v1alpha1.Deny, Position: v1alpha1.Position{File: catalog.PlatformFile},
		Message: "the change cannot be judged: " + catalog.PlatformFile + " of the base, which says by what and by whom, is not valid",
		Hint:    "compare with the last commit that was accepted",
	})
	return nil
}
