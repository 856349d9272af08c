// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// collect reads the objects out of the rendered files.
func collect(c *chart.Chart, rendered map[string]string) ([]manifest.Object, error) {
	var objects []manifest.Object
	for _, crd := range c.CRDObjects() {
		parsed, err := manifest.Parse(crd.Filename, crd.File.Data)
		if err != nil {
			return nil, err
		}
		objects = append(objects, parsed...)
	}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if path.Base(name) == "NOTES.txt" || strings.TrimSpace(rendered[name]) == "" {
			continue
		}
		parsed, err := manifest.Parse(name, []byte(rendered[name]))
		if err != nil {
			return nil, err
		}
		for _, o := range parsed {
			keep, err := placeHook(o)
			if err != nil {
				return nil, err
			}
			if keep {
				objects = append(objects, o)
			}
		}
	}
	return objects, nil
}
