// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/render/helm"
	"trunkline.dev/trunkline/render/internal/manifest"
)

// chartsRoot is where Kustomize sees what charts were rendered to, beside the tree.
const chartsRoot = overlayRoot + "/helmCharts"

// chartGenerator is the kind of what makes objects of a chart.
const chartGenerator = "HelmChartInflationGenerator"

// defaultRelease is what `helm template` calls a release without a name.
const defaultRelease = "release-name"

// maxCharts bounds the charts of one build; each can take as many steps as one may.
const maxCharts = 50

// generated is a chart that a file of generators configures, and what Kustomize says its objects come from.
type generated struct {
	types.HelmGlobals `json:",inline"`
	types.HelmChart   `json:",inline"`

	origin resource.Origin
	// entry is that of generators.
	entry int
}

// checkCharts renders the charts of a kustomization, and puts a component with their objects in their place: Kustomize would
// run the program helm. A component comes after what generators make, as charts do, and before everything that changes
// objects.
func (k kustomization) checkCharts() error {
	if len(k.HelmCharts) == 0 && len(*k.generated) == 0 {
		return nil
	}
	component := types.Kustomization{TypeMeta: types.TypeMeta{APIVersion: types.ComponentVersion, Kind: types.ComponentKind}}
	folder := path.Join(chartsRoot, k.dir)
	if len(k.HelmCharts) > 0 {
		var objects bytes.Buffer
		for i := range k.HelmCharts {
			c := chart{kustomization: k, HelmChart: k.HelmCharts[i], field: "helmGlobals.chartHome"}
			if k.HelmGlobals != nil {
				c.home = k.HelmGlobals.ChartHome
			}
			c.Namespace = cmp.Or(c.Namespace, k.namespace)
			if err := c.render(&objects); err != nil {
				return at("helmCharts", i, err)
			}
		}
		component.Resources = append(component.Resources, "objects.yaml")
		if err := k.addObjects(path.Join(folder, "objects.yaml"), objects.Bytes(), resource.Origin{ConfiguredIn: k.name}); err != nil {
			return at("helmCharts", 0, err)
		}
	}
	for i, g := range *k.generated {
		var objects bytes.Buffer
		err := chart{kustomization: k, HelmChart: g.HelmChart, home: g.ChartHome, field: "chartHome"}.render(&objects)
		name := fmt.Sprintf("generated-%d.yaml", i)
		component.Resources = append(component.Resources, name)
		if err == nil {
			err = k.addObjects(path.Join(folder, name), objects.Bytes(), g.origin)
		}
		if err != nil {
			return at("generators", g.entry, fmt.Errorf("%s: %w", g.origin.ConfiguredIn, err))
		}
	}
	k.HelmCharts, k.HelmGlobals = nil, nil
	entry, err := filepath.Rel(path.Join(treeRoot, k.dir), folder)
	if err != nil {
		return err
	}
	k.Components = append([]string{entry}, k.Components...)
	*k.altered = true
	data, err := yaml.Marshal(component)
	if err != nil {
		return err
	}
	k.files.overlay[path.Join(folder, "kustomization.yaml")] = data
	return nil
}

// addObjects puts what charts were rendered to beside the tree, as a file.
func (k kustomization) addObjects(file string, objects []byte, origin resource.Origin) error {
	if before, twice := k.files.overlay[file]; twice && !bytes.Equal(before, objects) {
		return errors.New("the charts are rendered for several namespaces in one build: say in each chart which namespace it has")
	}
	if k.bytes += len(objects); k.bytes > manifest.MaxBytes {
		return fmt.Errorf("a build has at most %d MiB", manifest.MaxBytes>>20)
	}
	origin.ConfiguredBy.APIVersion, origin.ConfiguredBy.Kind = "builtin", chartGenerator
	k.files.overlay[file] = objects
	k.files.charts[file] = origin
	return nil
}

// chart is one that is rendered for a kustomization.
type chart struct {
	kustomization
	types.HelmChart

	// home is the folder of charts, default that of Kustomize, and field the one that has it.
	home, field string
}

func (c chart) render(out *bytes.Buffer) error {
	if c.charts++; c.charts > maxCharts {
		return fmt.Errorf("a build renders at most %d charts, each counted as often as it is loaded", maxCharts)
	}
	dir, err := c.place()
	if err != nil {
		return err
	}
	values, err := c.values(dir)
	if err != nil {
		return err
	}
	name, err := c.release()
	if err != nil {
		return err
	}
	in := helm.Input{
		FS: c.files.tree, Dir: dir, Name: name, Values: values,
		Namespace:   cmp.Or(c.Namespace, "default"),
		KubeVersion: cmp.Or(c.KubeVersion, c.files.kubeVersion),
		APIVersions: append(append([]string{}, c.files.apiVersions...), c.ApiVersions...),
	}
	text, err := helm.Template(c.files.ctx, in, helm.Printing{CRDs: c.IncludeCRDs, NoHooks: c.SkipHooks, NoTests: c.SkipTests})
	if err != nil {
		return err
	}
	objects, _, err := manifest.ParseDocuments(dir, manifest.Split(text))
	if err != nil {
		return err
	}
	if c.objectCount += len(objects); c.objectCount > maxObjects {
		return fmt.Errorf("a build has at most %d objects", maxObjects)
	}
	for _, o := range objects {
		if err := mark(o.Object); err != nil {
			return fmt.Errorf("chart %s: %w", dir, err)
		}
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "---\n%s", data)
	}
	return nil
}

// mark has Kustomize take an object for one of a chart, whose namespace it leaves as the chart made it. Of a list, the items
// become objects.
func mark(object map[string]any) error {
	if items, isList := object["items"].([]any); isList && object["metadata"] == nil {
		for _, item := range items {
			if o, isObject := item.(map[string]any); isObject {
				if err := mark(o); err != nil {
					return err
				}
			}
		}
		return nil
	}
	metadata, isMap := object["metadata"].(map[string]any)
	if !isMap {
		return fmt.Errorf("a %v has no metadata", object["kind"])
	}
	annotations, isMap := metadata["annotations"].(map[string]any)
	if !isMap {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	annotations[konfig.HelmGeneratedAnnotation] = "true"
	return nil
}

// place returns the folder of the chart, which is where Kustomize looks before it fetches a chart, and where it puts one
// that it has fetched.
func (c chart) place() (string, error) {
	if c.Name == "" {
		return "", errors.New("the chart has no name")
	}
	home, err := join(c.dir, cmp.Or(c.home, types.HelmDefaultHome))
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.field, err)
	}
	if c.Version != "" && c.Repo != "" {
		home = path.Join(home, c.Name+"-"+c.Version)
	}
	dir, err := join(home, c.Name)
	switch {
	case err != nil:
		return "", err
	case c.files.IsDir(path.Join(treeRoot, dir)):
		return dir, nil
	case c.Repo == "":
		return "", fmt.Errorf("there is no chart in %s; %s says where charts are, default: charts", dir, c.field)
	}
	return "", fmt.Errorf("the chart %s is of %s, and is not in %s. Trunkline fetches nothing while it renders: commit the chart to that folder, "+
		"as %s writes it", c.Name, c.Repo, dir, c.pull(home))
}

// pull is the command that puts the chart where it is looked for.
func (c chart) pull(home string) string {
	from := "--repo " + c.Repo + " " + c.Name
	if strings.HasPrefix(c.Repo, "oci://") {
		from = strings.TrimSuffix(c.Repo, "/") + "/" + c.Name
	}
	version := ""
	if c.Version != "" {
		version = " --version " + c.Version
	}
	return fmt.Sprintf("`helm pull --untar --untardir %s %s%s`", home, from, version)
}

func (c chart) release() (string, error) {
	switch {
	case c.ReleaseName != "" && c.NameTemplate != "":
		return "", errors.New("it has both a releaseName and a nameTemplate, which Helm refuses: leave one out")
	case c.NameTemplate != "":
		name, err := helm.NameOf(c.files.ctx, c.NameTemplate)
		if err != nil {
			return "", fmt.Errorf("nameTemplate: %w", err)
		}
		return name, nil
	}
	return cmp.Or(c.ReleaseName, defaultRelease), nil
}

// values merges the files and the inline values, in Kustomize's ways and order.
func (c chart) values(dir string) (map[string]any, error) {
	file := path.Join(dir, "values.yaml")
	if c.ValuesFile != "" {
		var err error
		if file, _, err = c.locate(c.ValuesFile); err != nil {
			return nil, fmt.Errorf("valuesFile: %w", err)
		}
	}
	data, err := c.file(file)
	if err != nil {
		return nil, fmt.Errorf("valuesFile: %w", err)
	}
	if len(c.ValuesInline) > 0 {
		if data, err = c.mergeInline(data); err != nil {
			return nil, err
		}
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i, entry := range c.AdditionalValuesFiles {
		data, err := c.path(entry)
		more := map[string]any{}
		if err == nil {
			err = yaml.Unmarshal(data, &more)
		}
		if err != nil {
			return nil, fmt.Errorf("additionalValuesFiles[%d]: %w", i, err)
		}
		values = merge(values, more)
	}
	return values, nil
}

// mergeInline merges valuesInline with the text of a file. The one that is merged into the other yields.
func (c chart) mergeInline(file []byte) ([]byte, error) {
	inline := c.ValuesInline
	switch c.ValuesMerge {
	case "replace":
		return yaml.Marshal(inline)
	case "", "override", "merge":
	default:
		return nil, fmt.Errorf("valuesMerge is %q; want one of: merge, override, replace", c.ValuesMerge)
	}
	theirs, err := kyaml.Parse(string(file))
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file of values is empty, and Kustomize merges valuesInline with none that is: write {} into it")
	}
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	ours, err := kyaml.FromMap(inline)
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	over, under := ours, theirs
	if c.ValuesMerge == "merge" {
		over, under = theirs, ours
	}
	merged, err := merge2.Merge(over, under.Copy(), kyaml.MergeOptions{})
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	table, err := merged.Map()
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	return yaml.Marshal(table)
}

// merge puts the values of a later file over those of the ones before, as Helm does with several files.
func merge(under, over map[string]any) map[string]any {
	for key, value := range over {
		table, isTable := value.(map[string]any)
		if below, wasTable := under[key].(map[string]any); isTable && wasTable {
			value = merge(below, table)
		}
		under[key] = value
	}
	return under
}
