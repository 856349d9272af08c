// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxListed bounds how many valid names a hint lists when none is near.
const maxListed = 12

// maxSuggest bounds the length of a name that the nearest is looked for; no valid one is nearly as long.
const maxSuggest = 256

// Suggest returns the hint for a name that is not one of the valid ones: the nearest if there is one near enough
// to be what was meant, else a list of them, those that resemble it first.
func Suggest(name string, valid []string) string {
	if len(valid) == 0 {
		return ""
	}
	if hint := DidYouMean(name, valid); hint != "" {
		return hint
	}
	valid = ranked(name, valid)
	if more := len(valid) - maxListed; more > 0 {
		return fmt.Sprintf("want one of: %s, and %d more", strings.Join(valid[:maxListed], ", "), more)
	}
	return "want one of: " + strings.Join(valid, ", ")
}

// Instead is [Suggest] for the end of a sentence, such as "there is no project "order": did you mean "orders"?": it is not empty either if nothing
// is valid.
func Instead(name string, valid []string) string {
	if len(valid) == 0 {
		return "there are none"
	}
	return Suggest(name, valid)
}

// ranked sorts the valid names: first those that resemble the name, the nearest first, and then the others.
func ranked(name string, valid []string) []string {
	valid = slices.Sorted(slices.Values(valid))
	if len(name) > maxSuggest {
		return valid
	}
	const start = 3
	lower := strings.ToLower(name)
	distance := make(map[string]int, len(valid))
	for _, v := range valid {
		other := strings.ToLower(v)
		distance[v] = math.MaxInt
		if sharedStart(lower, other) >= start || len(lower) >= start && strings.Contains(other, lower) || len(other) >= start && strings.Contains(lower, other) {
			distance[v] = levenshtein.ComputeDistance(lower, other)
		}
	}
	slices.SortStableFunc(valid, func(a, b string) int { return cmp.Compare(distance[a], distance[b]) })
	return valid
}

// DidYouMean returns the hint for a name of which there are too many valid ones to list: the nearest if there is one
// near enough to be what was meant.
func DidYouMean(name string, valid []string) string {
	if name, near := nearest(name, valid); near {
		return fmt.Sprintf("did you mean %q?", name)
	}
	return ""
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
