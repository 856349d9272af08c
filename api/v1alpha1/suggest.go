// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxListed bounds how many valid names a hint lists when none is near.
const maxListed = 12

// maxSuggest bounds the length of a name that the nearest is looked for; no valid one is nearly as long.
const maxSuggest = 256

// Suggest returns the hint for a name that is not one of the valid ones: the nearest if there is one near enough
// to be what was meant, else a list of them.
func Suggest(name string, valid []string) string {
	if len(valid) == 0 {
		return ""
	}
	if name, near := nearest(name, valid); near {
		return fmt.Sprintf("did you mean %q?", name)
	}
	valid = slices.Sorted(slices.Values(valid))
	if more := len(valid) - maxListed; more > 0 {
		return fmt.Sprintf("known are: %s, and %d more", strings.Join(valid[:maxListed], ", "), more)
	}
	return "known are: " + strings.Join(valid, ", ")
}

// nearest returns the valid name that was probably meant; of several that are equally near, the first by name.
func nearest(name string, valid []string) (string, bool) {
	if len(name) > maxSuggest {
		return "", false
	}
	best, distance := "", len(name)/3+2
	bare := strings.NewReplacer("-", "", "_", "").Replace(name)
	for _, v := range slices.Sorted(slices.Values(valid)) {
		// A name that differs in case or dashes only is nearer than any other.
		if strings.EqualFold(strings.ReplaceAll(v, "-", ""), bare) {
			return v, true
		}
		// Texts differ in at least as many places as in length; most names are out of reach by that alone.
		if d := len(v) - len(name); max(d, -d) > distance+4 {
			continue
		}
		x := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(v))
		if sharedStart(name, v) > max(3, len(name)/2) {
			x-- // "retry" for "retries": people get the beginning of a word right
		}
		if x < distance {
			best, distance = v, x
		}
	}
	return best, best != ""
}

// sharedStart is how many bytes two names begin with in common.
func sharedStart(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
