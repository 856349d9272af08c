// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

var (
	unknownName  = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	unknownField = regexp.MustCompile(`^undefined field '([^']*)'`)
)

// hint says what to do about what CEL's compiler found.
func (w *work) hint(issue string) string {
	if m := unknownField.FindStringSubmatch(issue); m != nil {
		if of := w.compiler.fields[m[1]]; len(of) > 0 {
			return fmt.Sprintf("it is a field of %s", strings.Join(slices.Sorted(slices.Values(of)), ", "))
		}
		return v1alpha1.Suggest(m[1], slices.Collect(maps.Keys(w.compiler.fields)))
	}
	m := unknownName.FindStringSubmatch(issue)
	if m == nil {
		return ""
	}
	switch m[1] {
	case varVariables:
		return "the policy has no variables"
	case "now":
		return "there is no clock: the same commit gets the same verdict at any time"
	case "params", "oldObject", "request", "authorizer", "namespaceObject":
		return fmt.Sprintf("%q is for ValidatingAdmissionPolicies", m[1])
	}
	var there []string
	for _, on := range v1alpha1.PolicyTargets() {
		if slices.Contains(around(on), m[1]) {
			there = append(there, fmt.Sprintf("on: %s", on))
		}
	}
	if len(there) > 0 {
		return fmt.Sprintf("%q exists only in policies with %q", m[1], strings.Join(there, `" or "`))
	}
	return v1alpha1.Suggest(m[1], w.target.names)
}

// hintAt says what to do about an expression that failed.
func hintAt(failure string) string {
	switch {
	case strings.Contains(failure, "no such key"):
		return `test with has(...) for an optional field, or give a default, as in "workload.?retries.orValue(0)"`
	case strings.Contains(failure, "actual cost limit exceeded"):
		return fmt.Sprintf("an expression may cost at most %d: look at less, or narrow it with spec.match", ExpressionCost)
	case strings.Contains(failure, "no such overload"):
		return "a value has another type than the expression expects"
	default:
		return ""
	}
}

// groupOf returns the API group of an apiVersion.
func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}
