// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"trunkline.dev/trunkline/api/schema"
)

// KubeVersion is the version of Kubernetes that charts are told if the cluster declares none.
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
	// KubeVersion is the version of Kubernetes that the chart is told; default: [KubeVersion].
	KubeVersion string
	// APIVersions are those that the chart is told that the cluster serves, besides those that Helm counts on without a
	// cluster; a list that has "v1" is complete, and replaces them.
	APIVersions []string
	// Steps bounds what the templates may take; default, and at most, [MaxSteps].
	Steps int
}

// Render returns the objects of a chart.
func Render(ctx context.Context, in Input) (out Result, err error) {
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
		return Result{}, failed(in, nil, err)
	}
	if out, err = render(ctx, c, in); err != nil {
		return Result{}, failed(in, c, err)
	}
	return out, nil
}

// render renders a chart once, and a second time if it asks for what differs on each render. See [chance].
func render(ctx context.Context, c *chart.Chart, in Input) (Result, error) {
	if err := prepare(c, in); err != nil {
		return Result{}, err
	}
	first := &chance{}
	out, err := renderOnce(ctx, c, in, first)
	if err != nil || first.calls == 0 {
		return out, err
	}
	second, err := renderOnce(ctx, c, in, &chance{other: true})
	if err != nil {
		return Result{}, err
	}
	if where := difference(out.Objects, second.Objects); where != "" {
		return Result{}, blame(ctx, c, in, out.Objects, first.calls, where)
	}
	return out, nil
}

func renderOnce(ctx context.Context, c *chart.Chart, in Input, chance *chance) (Result, error) {
	rendered, err := renderFiles(ctx, c, in, chance)
	if err != nil {
		return Result{}, err
	}
	return collect(c, rendered)
}

// prepare does what is done to a chart once: its dependencies are resolved, and their values imported, as the commands
// of Helm do it.
func prepare(c *chart.Chart, in Input) error {
	if strings.EqualFold(c.Metadata.Type, "library") {
		return errors.New("a chart of type library renders nothing by itself")
	}
	kube := cmp.Or(in.KubeVersion, KubeVersion)
	parsed, err := chartutil.ParseKubeVersion(kube)
	if err != nil {
		return fmt.Errorf("the version of Kubernetes, %q: %w", kube, err)
	}
	if v := c.Metadata.KubeVersion; v != "" && !chartutil.IsCompatibleRange(v, parsed.Version) {
		return fmt.Errorf("the chart wants Kubernetes %s; charts are rendered for %s: spec.kubeVersion of the cluster says for which", v, parsed.Version)
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, in.Values); err != nil {
		return err
	}
	vals, err := chartutil.CoalesceValues(c, withoutOwn(in.Values))
	if err != nil {
		return err
	}
	return checkValues(c, vals, nil)
}

// withoutOwn returns values without what Trunkline adds to them, which the schema of a chart need not know.
func withoutOwn(values map[string]any) map[string]any {
	global, isTable := values[schema.Reserved].(map[string]any)
	if !isTable {
		return values
	}
	values, global = maps.Clone(values), maps.Clone(global)
	delete(global, schema.Own)
	if values[schema.Reserved] = global; len(global) == 0 {
		delete(values, schema.Reserved)
	}
	return values
}

// coalesce merges values over those of a chart, as Helm does. What Trunkline adds is copied by hand where nothing is merged into it:
// Helm copies by reflection, which for that alone takes as long as executing a small chart.
func coalesce(c *chart.Chart, values map[string]any) (chartutil.Values, error) {
	global, _ := values[schema.Reserved].(map[string]any)
	own, ours := global[schema.Own].(map[string]any)
	if !ours || len(c.Dependencies()) > 0 { // subcharts get what is global as well
		return chartutil.CoalesceValues(c, values)
	}
	vals, err := chartutil.CoalesceValues(c, withoutOwn(values))
	if err != nil {
		return nil, err
	}
	shared, isTable := vals[schema.Reserved].(map[string]any)
	if _, defaults := shared[schema.Own]; defaults || vals[schema.Reserved] != nil && !isTable {
		return chartutil.CoalesceValues(c, values)
	}
	if shared == nil {
		shared = map[string]any{}
	}
	shared[schema.Own] = clone(own)
	vals[schema.Reserved] = shared
	return vals, nil
}

// clone copies tables and lists.
func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, below := range value {
			out[key] = clone(below)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, below := range value {
			out[i] = clone(below)
		}
		return out
	}
	return value
}

// renderFiles returns what each template of a prepared chart renders to.
func renderFiles(ctx context.Context, c *chart.Chart, in Input, chance *chance) (map[string]string, error) {
	// Templates can change what they see, so that each render has its own.
	vals, err := coalesce(c, in.Values)
	if err != nil {
		return nil, err
	}
	pages := map[string]page{}
	addPages(pages, c, map[string]any{"Values": vals}, builtins(in))
	return execute(ctx, pages, in.Library, in.Steps, chance)
}

// builtins are what templates see besides values and files.
func builtins(in Input) map[string]any {
	kube, err := chartutil.ParseKubeVersion(cmp.Or(in.KubeVersion, KubeVersion))
	if err != nil {
		panic(err) // prepare has read it
	}
	// A copy for each render, since a template can change what it sees.
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = *kube
	if slices.Contains(in.APIVersions, "v1") {
		caps.APIVersions = nil
	}
	caps.APIVersions = append(slices.Clone(caps.APIVersions), in.APIVersions...)
	return map[string]any{
		"Capabilities": caps,
		"Release": map[string]any{
			"Name": in.Name, "Namespace": in.Namespace, "Service": "Helm",
			"IsInstall": true, "IsUpgrade": false, "Revision": 1,
		},
	}
}

// chartInfo is .Chart: Chart.yaml, and whether it is the chart itself or a dependency.
type chartInfo struct {
	chart.Metadata

	IsRoot bool
}

// addPages collects the templates of a chart and its dependencies. Each chart sees its own values only, by the ones that
// its parent sees.
func addPages(pages map[string]page, c *chart.Chart, parent chartutil.Values, builtins map[string]any) map[string]any {
	subcharts := map[string]any{}
	data := map[string]any{
		"Chart": chartInfo{*c.Metadata, c.IsRoot()}, "Files": newFiles(c.Files), "Values": chartutil.Values{}, "Subcharts": subcharts,
	}
	maps.Copy(data, builtins)
	if c.IsRoot() {
		data["Values"] = parent["Values"]
	} else if vals, err := parent.Table("Values." + c.Name()); err == nil {
		data["Values"] = vals
	}
	for _, sub := range c.Dependencies() {
		subcharts[sub.Name()] = addPages(pages, sub, data, builtins)
	}
	base := path.Join(c.ChartFullPath(), "templates")
	for _, t := range c.Templates {
		// Of a library, partials are taken and nothing else.
		if strings.EqualFold(c.Metadata.Type, "library") && !strings.HasPrefix(path.Base(t.Name), "_") {
			continue
		}
		pages[path.Join(c.ChartFullPath(), t.Name)] = page{text: string(t.Data), data: data, base: base}
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
