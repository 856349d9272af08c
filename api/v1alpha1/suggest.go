package v1alpha1

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxListed bounds how many valid names a hint lists when none is near.
const maxListed = 12

// Suggest gives the hint for a name that is not one of the valid ones: the nearest if there is one near enough
// to be what was meant, else a list of them.
func Suggest(name string, valid []string) string {
	if len(valid) == 0 {
		return ""
	}
	valid = slices.Sorted(slices.Values(valid))
	best, distance := "", len(name)/3+2
	for _, v := range valid {
		// A name that differs in case or dashes only is nearer than any other.
		if strings.EqualFold(strings.ReplaceAll(v, "-", ""), strings.NewReplacer("-", "", "_", "").Replace(name)) {
			return fmt.Sprintf("did you mean %q?", v)
		}
		if x := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(v)); x < distance {
			best, distance = v, x
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if more := len(valid) - maxListed; more > 0 {
		return fmt.Sprintf("known are: %s, and %d more", strings.Join(valid[:maxListed], ", "), more)
	}
	return "known are: " + strings.Join(valid, ", ")
}
