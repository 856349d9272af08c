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

// Result is what a chart renders to.
type Result struct {
	// Objects are those of crds/ first, then those of the templates by file name.
	Objects []manifest.Object
	// Warnings are what is left out, or done otherwise than Helm does it.
	Warnings []manifest.Warning
}

// collect reads the objects out of the rendered files.
func collect(c *chart.Chart, rendered map[string]string) (Result, error) {
	var out Result
	for _, crd := range c.CRDObjects() {
		parsed, warnings, err := manifest.ParseDocuments(crd.Filename, manifest.Split(crd.File.Data))
		if err != nil {
			return Result{}, err
		}
		out.Objects, out.Warnings = append(out.Objects, parsed...), append(out.Warnings, warnings...)
	}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if strings.HasSuffix(path.Base(name), "NOTES.txt") {
			continue
		}
		parsed, warnings, err := manifest.ParseDocuments(name, documents(rendered[name]))
		if err != nil {
			return Result{}, err
		}
		out.Warnings = append(out.Warnings, warnings...)
		for _, o := range parsed {
			keep, odd := PlaceHook(o)
			for _, message := range odd {
				out.Warnings = append(out.Warnings, manifest.Warning{Source: name, Message: message})
			}
			if keep {
				out.Objects = append(out.Objects, o)
			}
		}
	}
	return out, nil
}
