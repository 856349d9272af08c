// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// ofAccess compares who has which role. That nothing is declared any more gives everybody with a token of the daemon everything.
func (w *widening) ofAccess() {
	before, after := w.Base.Granted(), w.Catalog.Granted()
	if len(before) > 0 && len(after) == 0 {
		if doc, ok := w.Base.Document(v1alpha1.KindAccess, before[0].Metadata.Name); ok {
			w.doc = doc
			w.say([]any{"metadata", "name"}, "no Access is declared any more: whoever has a token of the daemon may do everything")
		}
		return
	}
	had := map[string]bool{}
	for _, a := range before {
		for i := range a.Spec.Bindings {
			for _, g := range grantsOf(a, &a.Spec.Bindings[i]) {
				had[g] = true
			}
		}
	}
	for _, a := range after {
		doc, ok := w.Catalog.Document(v1alpha1.KindAccess, a.Metadata.Name)
		if !ok {
			continue
		}
		w.doc = doc
		for i := range a.Spec.Bindings {
			b := &a.Spec.Bindings[i]
			more := slices.DeleteFunc(grantsOf(a, b), func(g string) bool { return had[g] })
			if len(more) > 0 {
				w.say([]any{"spec", "bindings", i}, "more people or machines get the role %s: %s", b.Role, strings.Join(more[:min(len(more), maxGrants)], "; "))
			}
		}
	}
}

// maxGrants bounds how many are named.
const maxGrants = 5

// grantsOf are who gets a role by a binding, and on what, each in words that are the same wherever it is declared.
func grantsOf(a *v1alpha1.Access, b *v1alpha1.AccessBinding) (out []string) {
	var who []string
	add := func(what string, names []string) {
		for _, n := range names {
			who = append(who, what+n)
		}
	}
	add("", b.Users)
	add("group ", b.Groups)
	for _, t := range a.Spec.Teams {
		if slices.Contains(b.Teams, t.Name) {
			add("", t.Users)
			add("group ", t.Groups)
			add("team of GitHub ", t.GitHub)
		}
	}
	on := slices.Concat(b.Projects, b.Environments)
	if len(on) == 0 {
		on = []string{"the platform"}
	}
	for _, w := range who {
		for _, o := range on {
			out = append(out, w+" is "+string(b.Role)+" of "+o)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
