// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

// members is what was seen of the objects of the release.
type members struct {
	// judged is how each was when it was last planned or applied: only something else is news.
	judged map[plan.Ref]Sight
	// later are those that were seen during a run, which are compared with what it has done once that is known.
	later map[plan.Ref]MemberChanged
	// under is the target of the run under way, which may have applied what is gone by the time that it ends; nil if there is none.
	under *Target
	// gone are those that were deleted since the last run began, and given those that the run under way was told of.
	gone, given map[plan.Ref]plan.Vanished
	// additions are what others have added, and instead what runs instead of what is declared, as it was applied last.
	additions []plan.Addition
	instead   map[plan.Ref][]ownership.Difference
	// waiting is set while the last plan waits for objects to become healthy or to be gone.
	waiting bool
}

// maxAdditions bounds how many objects with additions are published, and maxValue how long a value may be, in characters.
const (
	maxAdditions = 20
	maxValue     = 120
)

// added says what others have added: an entry for each object and manager.
func (m *members) added() (out []Addition) {
	for _, a := range m.additions {
		by := map[string][]string{}
		for _, f := range a.Fields {
			who := ownership.Manager{Name: f.Manager, Subresource: f.Subresource}.String()
			by[who] = append(by[who], f.Path.String())
		}
		for _, who := range slices.Sorted(maps.Keys(by)) {
			if len(out) < maxAdditions {
				out = append(out, Addition{Object: a.Ref.String(), Manager: who, Fields: by[who]})
			}
		}
	}
	return out
}

// differences says what runs instead of what is declared. Values are shown of images alone: others may be secret.
func (m *members) differences() (out []Difference) {
	for _, ref := range slices.SortedFunc(maps.Keys(m.instead), plan.Ref.Compare) {
		for _, d := range m.instead[ref] {
			one := Difference{Object: ref.String(), Field: d.Path.String()}
			if strings.HasSuffix(one.Field, ".image") {
				one.Declared, one.Runs = value(d.Declared), value(d.Runs)
			}
			out = append(out, one)
		}
	}
	return out
}

func value(v any) string {
	if v == nil {
		return ""
	}
	text := fmt.Sprint(v)
	return text[:min(len(text), maxValue)]
}
