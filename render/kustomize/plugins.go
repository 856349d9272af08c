// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// checkPatches checks the patches of a kustomization, in whichever of the three fields.
func (k kustomization) checkPatches() error {
	for _, field := range []struct {
		name    string
		patches []types.Patch
	}{{"patches", k.Patches}, {"patchesJson6902", k.PatchesJson6902}} { //nolint:staticcheck // deprecated, and still taken
		for i, p := range field.patches {
			if err := k.patch(p.Path, p.Patch); err != nil {
				return at(field.name, i, err)
			}
		}
	}
	for i, p := range k.PatchesStrategicMerge { //nolint:staticcheck // deprecated, and still taken
		if err := k.pathOrInline(string(p)); err != nil {
			return at("patchesStrategicMerge", i, err)
		}
	}
	return nil
}

func (k kustomization) patch(file, inline string) error {
	text := []byte(inline)
	if file != "" {
		data, err := k.path(file)
		if err != nil {
			return err
		}
		text = data
	}
	return manifest.CheckAliases(text)
}

// inlineStart is how an object written into a kustomization begins. Anything else is a path, and what Kustomize
// could take for a URL never begins like this.
var inlineStart = regexp.MustCompile(`^((apiVersion|kind|metadata|spec|data|\$patch)\s*:|"|---\s|#)`)

func isInline(entry string) bool {
	trimmed := strings.TrimSpace(entry)
	return strings.HasPrefix(trimmed, "{") || strings.Contains(trimmed, "\n") && inlineStart.MatchString(trimmed)
}

func (k kustomization) pathOrInline(entry string) error {
	if !isInline(entry) {
		_, err := k.path(entry)
		return err
	}
	if _, err := manifest.Parse("the inline text", []byte(entry)); err != nil {
		return err
	}
	return nil
}

// checkGenerators checks the files that ConfigMaps and Secrets are made of.
func (k kustomization) checkGenerators() error {
	for i, g := range k.ConfigMapGenerator {
		if err := k.sources(g.KvPairSources); err != nil {
			return at("configMapGenerator", i, err)
		}
	}
	for i, g := range k.SecretGenerator {
		if err := k.sources(g.KvPairSources); err != nil {
			return at("secretGenerator", i, err)
		}
	}
	return nil
}

func (k kustomization) sources(s types.KvPairSources) error {
	entries := append([]string{}, s.EnvSources...)
	if s.EnvSource != "" {
		entries = append(entries, s.EnvSource)
	}
	for _, f := range s.FileSources {
		// [key=]path; Kustomize refuses more than one "=".
		if _, file, hasKey := strings.Cut(f, "="); hasKey {
			f = file
		}
		entries = append(entries, f)
	}
	for _, entry := range entries {
		if _, err := k.path(entry); err != nil {
			return err
		}
	}
	return nil
}

// pluginConfig has the fields by which a built-in plugin names files.
type pluginConfig struct {
	types.KvPairSources `json:",inline"`

	Path         string                   `json:"path"`
	TargetFile   string                   `json:"targetFilePath"`
	Paths        []string                 `json:"paths"`
	Patch        string                   `json:"patch"`
	JSONOp       string                   `json:"jsonOp"`
	Replacements []types.ReplacementField `json:"replacements"`
}

// plugins are the built-in plugins that may be configured by a file of their own. The first seven read
// files.
var plugins = map[string]bool{
	"ConfigMapGenerator": true, "SecretGenerator": true, "PatchTransformer": true, "PatchJson6902Transformer": true,
	"PatchStrategicMergeTransformer": true, "ReplacementTransformer": true, "ValueAddTransformer": true,
	"AnnotationsTransformer": true, "HashTransformer": true, "ImageTagTransformer": true, "LabelTransformer": true,
	"NamespaceTransformer": true, "PrefixSuffixTransformer": true, "PrefixTransformer": true, "SuffixTransformer": true,
	"ReplicaCountTransformer": true, "IAMPolicyGenerator": true,
}

// checkPlugins checks generators, transformers and validators. Those of a folder are what its kustomization builds to, which
// may be something else than its files say.
func (k kustomization) checkPlugins() error {
	for _, field := range []struct {
		name    string
		entries []string
	}{{"generators", k.Generators}, {"transformers", k.Transformers}, {"validators", k.Validators}} {
		for i, entry := range field.entries {
			configs, err := k.plugin(field.entries, i, entry)
			if err == nil {
				err = k.configs(field.name, configs)
			}
			if err == nil && field.name == "generators" {
				err = k.takeCharts(i, configs)
			}
			if err != nil {
				return at(field.name, i, err)
			}
		}
	}
	k.Generators = slices.DeleteFunc(k.Generators, func(entry string) bool { return entry == "" })
	return nil
}

// plugin reads what an entry configures.
func (k kustomization) plugin(entries []string, i int, entry string) ([]manifest.Object, error) {
	if isInline(entry) {
		return manifest.Parse("the inline text", []byte(entry))
	}
	full, disguised, err := k.locate(entry)
	if err != nil {
		return nil, err
	}
	if k.files.IsDir(path.Join(treeRoot, full)) {
		return k.pluginFolder(full)
	}
	if disguised {
		entries[i] = k.plainly(entry)
	}
	data, err := k.file(full)
	if err != nil {
		return nil, err
	}
	return manifest.Parse(entry, data)
}

// pluginFolder builds the plugins of a folder.
func (k kustomization) pluginFolder(full string) ([]manifest.Object, error) {
	if _, err := k.folder(full); err != nil {
		return nil, err
	}
	configs, err := k.build(full)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", full, err)
	}
	for i := range configs {
		configs[i].Source = full
	}
	return configs, nil
}

func (k kustomization) configs(field string, all []manifest.Object) error {
	for _, o := range all {
		if err := k.config(field, o); err != nil {
			return fmt.Errorf("%s: %w", o.Source, err)
		}
	}
	return nil
}

// takeCharts takes the charts out of what an entry of generators configures: they are rendered here, see [kustomization.checkCharts].
// What else it configures takes the place of the entry.
func (k kustomization) takeCharts(entry int, configs []manifest.Object) error {
	var rest bytes.Buffer
	found := false
	for _, o := range configs {
		data, err := yaml.Marshal(o.Object)
		if err != nil {
			return err
		}
		if !isChart(o) {
			fmt.Fprintf(&rest, "---\n%s", data)
			continue
		}
		found = true
		g := generated{entry: entry}
		if err := yaml.Unmarshal(data, &g); err != nil {
			return fmt.Errorf("%s: %w", o.Source, err)
		}
		g.origin = resource.Origin{ConfiguredIn: k.name, ConfiguredBy: kyaml.ResourceIdentifier{
			NameMeta: kyaml.NameMeta{Name: o.GetName(), Namespace: o.GetNamespace()},
		}}
		if !isInline(k.Generators[entry]) {
			g.origin.ConfiguredIn, _ = join(k.dir, k.Generators[entry]) // it was read from there
		}
		for _, other := range *k.generated {
			if other.origin.ConfiguredBy == g.origin.ConfiguredBy {
				return fmt.Errorf("%s: there is another %s %q", o.Source, chartGenerator, o.GetName())
			}
		}
		*k.generated = append(*k.generated, g)
	}
	if found {
		k.Generators[entry] = rest.String()
	}
	return nil
}

func isChart(o manifest.Object) bool {
	return o.GetAPIVersion() == "builtin" && o.GetKind() == chartGenerator
}

//nolint:staticcheck // Trunkline is a name
var errPlugin = errors.New("Trunkline runs no plugins and no functions while it renders: " +
	"render with the built-in transformers, or make it a blueprint of engine helm")

func (k kustomization) config(field string, o manifest.Object) error {
	for name := range o.GetAnnotations() {
		if strings.HasPrefix(name, "config.k8s.io/") || strings.HasPrefix(name, "config.kubernetes.io/function") {
			return fmt.Errorf("the annotation %s makes %s a function: %w", name, o.GetKind(), errPlugin)
		}
	}
	if isChart(o) {
		if field != "generators" {
			return fmt.Errorf("%s makes objects and is none of the %s: name it in generators", chartGenerator, field)
		}
		return nil
	}
	if o.GetAPIVersion() != "builtin" || !plugins[o.GetKind()] {
		return fmt.Errorf("%s %s is a plugin: %w", o.GetAPIVersion(), o.GetKind(), errPlugin)
	}
	data, err := yaml.Marshal(o.Object)
	if err != nil {
		return err
	}
	var p pluginConfig
	if err := yaml.Unmarshal(data, &p); err != nil {
		return err
	}
	if err := k.sources(p.KvPairSources); err != nil {
		return err
	}
	if err := k.patch(p.Path, p.Patch); err != nil {
		return err
	}
	if err := k.patch("", p.JSONOp); err != nil {
		return err
	}
	if p.TargetFile != "" {
		if _, err := k.path(p.TargetFile); err != nil {
			return err
		}
	}
	for _, entry := range p.Paths {
		if err := k.pathOrInline(entry); err != nil {
			return err
		}
	}
	for _, r := range p.Replacements {
		if err := k.replacement(r.Path); err != nil {
			return err
		}
	}
	return nil
}
