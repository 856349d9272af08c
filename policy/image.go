// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/image"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// WrongImage says why a text names no image, and what to do; the message is empty if it names one.
func WrongImage(text string) (message, hint string) {
	if e, ok := errors.AsType[*image.Error](image.Check(text)); ok {
		return fmt.Sprintf("%q is not an image: %s", text, e.Message), e.Hint
	}
	return "", ""
}

// images checks that what projects declare as images can be some; of a change, in the projects that it touches.
func images(in Input, touched []string) (problems v1alpha1.Problems) {
	for p := range in.Catalog.Projects() {
		if _, found := slices.BinarySearch(touched, p.Name); in.Base != nil && !found {
			continue
		}
		j := &checker{cat: in.Catalog, p: p, doc: p.Document}
		j.wrongImage(p.Spec.Image, "spec", "image")
		for i := range p.Spec.Workloads {
			j.wrongImage(p.Spec.Workloads[i].Image, "spec", "workloads", i, "image")
		}
		for _, env := range slices.Sorted(maps.Keys(p.Spec.Environments)) {
			over := p.Spec.Environments[env]
			j.wrongImage(over.Image, "spec", "environments", env, "image")
			for _, name := range slices.Sorted(maps.Keys(over.Workloads)) {
				j.wrongImage(over.Workloads[name].Image, "spec", "environments", env, "workloads", name, "image")
			}
		}
		problems = append(problems, j.problems...)
	}
	return problems
}

func (j *checker) wrongImage(i v1alpha1.Image, at ...any) {
	if i.Follows() {
		return // the catalog looks at what is followed
	}
	if message, hint := WrongImage(i.Reference()); message != "" {
		j.at(RuleImage, at, message, hint)
	}
}
