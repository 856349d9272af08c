// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/render/internal/manifest"
)

// KubeVersion is the version of Kubernetes that charts are told, whatever the cluster has: a release renders
// the same on all of them, and before any is asked.
const KubeVersion = "v1.36.0"

// Input is one chart to render, and what it is given.
type Input struct {
	FS fs.FS
	// Dir is the folder of the chart.
	Dir string
	// Values are merged over the chart's own.
	Values map[string]any
	// Name and Namespace are those of .Release.
	Name, Namespace string
	// Library can be used by the chart; nil for none.
	Library *Library
	// Steps bounds what the templates may take; default, and at most, [MaxSteps].
	Steps int
}

// Render returns the objects of a chart: those of crds/ first, then those of its templates by file name.
func Render(ctx context.Context, in Input) (objects []manifest.Object, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("chart %s: the engine failed: %v", in.Dir, r)
		}
	}()
	var provided []string
	if in.Library != nil {
		provided = append(provided, in.Library.name)
	}
	c, err := load(in.FS, in.Dir, provided)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", in.Dir, err)
	}
	if objects, err = render(ctx, c, in); err != nil {
		return nil, fmt.Errorf("chart %s: %w", in.Dir, err)
	}
	return objects, nil
}

func render(ctx context.Context, c *chart.Chart, in Input) ([]manifest.Object, error) {
	rendered, err := renderFiles(ctx, c, in)
	if err != nil {
		return nil, err
	}
	return collect(c, rendered)
}

// renderFiles returns what each template renders to.
func renderFiles(ctx context.Context, c *chart.Chart, in Input) (map[string]string, error) {
	if strings.EqualFold(c.Metadata.Type, "library") {
		return nil, fmt.Errorf("a chart of type library renders nothing by itself")
	}
	if v := c.Metadata.KubeVersion; v != "" && !chartutil.IsCompatibleRange(v, KubeVersion) {
		return nil, fmt.Errorf("the chart wants Kubernetes %s; charts are rendered for %s", v, KubeVersion)
	}
	if err := chartutil.ProcessDependencies(c, in.Values); err != nil {
		return nil, err
	}
	vals, err := chartutil.CoalesceValues(c, in.Values)
	if err != nil {
		return nil, err
	}
	if err := checkValues(c, vals, nil); err != nil {
		return nil, err
	}
	pages := map[string]page{}
	addPages(pages, c, vals, builtins(in))
	return execute(ctx, pages, in.Library, in.Steps)
}

// builtins are what templates see besides values and files.
func builtins(in Input) map[string]any {
	kube, err := chartutil.ParseKubeVersion(KubeVersion)
	if err != nil {
		panic(err) // a constant
	}
	// A copy for each render, since a template can change what it sees.
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = *kube
	caps.APIVersions = slices.Clone(chartutil.DefaultVersionSet)
	return map[string]any{
		"Capabilities": caps,
		"Release": map[string]any{
			"Name": in.Name, "Namespace": in.Namespace, "Service": "Trunkline",
			"IsInstall": true, "IsUpgrade": false, "Revision": 1,
		},
	}
}

// chartInfo is .Chart: Chart.yaml, and whether it is the chart itself or a dependency.
type chartInfo struct {
	chart.Metadata

	IsRoot bool
}

// addPages collects the templates of a chart and its dependencies. Each chart sees its own values only.
func addPages(pages map[string]page, c *chart.Chart, vals map[string]any, builtins map[string]any) map[string]any {
	subcharts := map[string]any{}
	data := map[string]any{
		"Chart": chartInfo{*c.Metadata, c.IsRoot()}, "Files": newFiles(c.Files), "Values": vals, "Subcharts": subcharts,
	}
	maps.Copy(data, builtins)
	for _, sub := range c.Dependencies() {
		subvals, ok := vals[sub.Name()].(map[string]any)
		if !ok {
			subvals = map[string]any{}
		}
		subcharts[sub.Name()] = addPages(pages, sub, subvals, builtins)
	}
	base := path.Join(c.ChartFullPath(), "templates")
	for _, t := range c.Templates {
		// Of a library, partials are taken and nothing else.
		if strings.EqualFold(c.Metadata.Type, "library") && !strings.HasPrefix(path.Base(t.Name), "_") {
			continue
		}
		name := path.Join(c.ChartFullPath(), t.Name)
		own := maps.Clone(data)
		own["Template"] = map[string]any{"Name": name, "BasePath": base}
		pages[name] = page{text: string(t.Data), data: own}
	}
	return data
}

// checkValues holds the values of a chart and its dependencies to their values.schema.json. Helm's own check
// is not used: it fetches what a schema refers to.
func checkValues(c *chart.Chart, vals map[string]any, at []string) error {
	if c.Schema != nil {
		s, err := schema.CompileJSON(c.Schema)
		if err != nil {
			return fmt.Errorf("%s: %w", path.Join(c.ChartFullPath(), "values.schema.json"), err)
		}
		if problems := s.Check(vals); len(problems) > 0 {
			p := problems[0]
			for _, key := range slices.Backward(at) {
				p.Path = append([]any{key}, p.Path...)
			}
			return fmt.Errorf("%s: %s", path.Join(c.ChartFullPath(), "values.schema.json"), p)
		}
	}
	for _, sub := range c.Dependencies() {
		subvals, ok := vals[sub.Name()].(map[string]any)
		if !ok {
			continue
		}
		if err := checkValues(sub, subvals, append(slices.Clone(at), sub.Name())); err != nil {
			return err
		}
	}
	return nil
}
