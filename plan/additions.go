// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/plan/ownership"
)

// FieldManager is the name under which Trunkline owns fields. Changing it would orphan every field that it
// owns in every cluster.
const FieldManager = "trunkline"

// Additions says what to do about what others have added to objects of a release, such as a container, an environment
// variable or a pause.
type Additions string

// What can be done about additions.
const (
	// LeaveAdditions lists them and no more; it is the default.
	LeaveAdditions Additions = ""
	// ReportAdditions counts them as drift that is left.
	ReportAdditions Additions = "report"
	// CorrectAdditions takes them back.
	CorrectAdditions Additions = "correct"
)

// Addition is what others have added to one object.
type Addition struct {
	Ref Ref
	// Fields are sorted by path; each says who has it, and since when.
	Fields []ownership.Field
}

// additions finds what others have added to an object, without what they may: fields of controllers by contract, and those
// that the environment ignores.
func additions(o *unstructured.Unstructured, owners ownership.Owners, contract []clause, r rules) ([]ownership.Field, error) {
	all, err := ownership.Added(owners, FieldManager)
	if err != nil {
		return nil, err
	}
	var out []ownership.Field
	ref := RefOf(o)
	for _, f := range all {
		if !r.ignored(ref, f) && !contracted(contract, f) {
			out = append(out, f)
		}
	}
	return out, nil
}

// contracted reports whether a field is a controller's by contract, whatever the contract says of a declared one.
func contracted(of []clause, f ownership.Field) bool {
	for _, c := range of {
		if f.Path.Has(c.pattern) {
			return true
		}
	}
	return false
}
