// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"regexp"

	"trunkline.dev/trunkline/plan"
)

// digested are the names that end with a digest of the content, as the blueprints make them.
var digested = regexp.MustCompile(`^(.*)-[0-9a-f]{8,10}$`)

// Replaced finds, for the objects that are created, those that are deleted and that they take the place of: of the same
// kind and namespace, and with the same name but for the digest at its end. Where there are several it cannot be told,
// and there is none.
func Replaced(steps []plan.Step) map[plan.Ref]plan.Ref {
	created, deleted := map[plan.Ref][]plan.Ref{}, map[plan.Ref][]plan.Ref{}
	for _, s := range steps {
		stem := s.Ref
		parts := digested.FindStringSubmatch(s.Ref.Name)
		if parts == nil {
			continue
		}
		stem.Name = parts[1]
		switch s.Action {
		case plan.Create:
			created[stem] = append(created[stem], s.Ref)
		case plan.Delete:
			deleted[stem] = append(deleted[stem], s.Ref)
		case plan.Update, plan.Adopt, plan.Keep, plan.Blocked:
		}
	}
	out := map[plan.Ref]plan.Ref{}
	for stem, refs := range created {
		if len(refs) == 1 && len(deleted[stem]) == 1 {
			out[refs[0]] = deleted[stem][0]
		}
	}
	return out
}
