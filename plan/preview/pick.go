// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// Picker chooses releases by patterns; the zero value chooses all.
type Picker struct{ patterns [][]string }

// NewPicker reads patterns: PROJECT, PROJECT/ENVIRONMENT or PROJECT/ENVIRONMENT/CLUSTER, where "*" stands for any part of
// a name. As releases are written elsewhere, with an "@" before the cluster, they are understood as well.
func NewPicker(patterns ...string) (Picker, error) {
	var p Picker
	for _, pattern := range patterns {
		parts := strings.Split(strings.Replace(pattern, "@", "/", 1), "/")
		if len(parts) > 3 || slices.Contains(parts, "") {
			return Picker{}, fmt.Errorf("%q names no release: write PROJECT, PROJECT/ENVIRONMENT or PROJECT/ENVIRONMENT/CLUSTER, with * for any", pattern)
		}
		for _, part := range parts {
			if _, err := path.Match(part, ""); err != nil {
				return Picker{}, fmt.Errorf("%q is no pattern: %w", pattern, err)
			}
		}
		p.patterns = append(p.patterns, parts)
	}
	return p, nil
}

// Picks reports whether a release is chosen.
func (p Picker) Picks(id catalog.ReleaseID) bool {
	return len(p.patterns) == 0 || slices.ContainsFunc(p.patterns, func(parts []string) bool { return fits(parts, id) })
}

// Unused returns the patterns that choose none of the releases.
func (p Picker) Unused(ids []catalog.ReleaseID) (unused []string) {
	for _, parts := range p.patterns {
		if !slices.ContainsFunc(ids, func(id catalog.ReleaseID) bool { return fits(parts, id) }) {
			unused = append(unused, strings.Join(parts, "/"))
		}
	}
	return unused
}

func fits(parts []string, id catalog.ReleaseID) bool {
	for i, name := range []string{id.Project, id.Environment, id.Cluster}[:len(parts)] {
		if ok, err := path.Match(parts[i], name); !ok || err != nil {
			return false
		}
	}
	return true
}
