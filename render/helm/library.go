// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"fmt"
	"maps"
	"path"
	"slices"
)

// Library is a library chart that every chart may use without vendoring it: its partials can be included, and
// it can be named as a dependency. A definition of the chart's own with the same name wins. It is parsed once
// for all renders, and only read by them.
type Library struct {
	name   string
	parsed []parsed
}

// NewLibrary parses the partials of a library chart, given by file name.
func NewLibrary(name string, partials map[string]string) (*Library, error) {
	lib := &Library{name: name}
	for _, file := range slices.Sorted(maps.Keys(partials)) {
		p, err := parseText(path.Join(name, "templates", file), partials[file])
		if err != nil {
			return nil, fmt.Errorf("library chart %s: %w", name, err)
		}
		lib.parsed = append(lib.parsed, p)
	}
	return lib, nil
}
