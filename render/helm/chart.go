// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/render/internal/manifest"
)

const (
	// maxChartBytes and maxChartFiles bound a chart with all that it vendors, unpacked.
	maxChartBytes = 8 << 20
	maxChartFiles = 2000
	maxChartDepth = 24
)

// load reads the chart in a folder of the tree.
func load(fsys fs.FS, dir string, provided []string) (*chart.Chart, error) {
	files, err := readChart(fsys, dir)
	if err != nil {
		return nil, err
	}
	if files, err = unpackArchives(files); err != nil {
		return nil, err
	}
	for _, f := range files {
		switch path.Base(f.Name) {
		case "Chart.yaml", "values.yaml", "requirements.yaml":
			if err := manifest.CheckAliases(f.Data); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	c, err := loader.LoadFiles(files)
	if err != nil {
		return nil, err
	}
	return c, checkChart(c, provided)
}

// readChart reads a chart's files as Helm reads a folder: all but those that its .helmignore names.
func readChart(fsys fs.FS, dir string) ([]*loader.BufferedFile, error) {
	rules, err := ignoreRules(fsys, dir)
	if err != nil {
		return nil, err
	}
	r := reader{fsys: fsys, dir: dir, rules: rules, budget: maxChartBytes}
	if err := r.read(".", 0); err != nil {
		return nil, err
	}
	if len(r.files) == 0 {
		_, err := fs.Stat(fsys, path.Join(dir, "Chart.yaml"))
		if elsewhere := outside.InSubmodule(err); elsewhere != nil {
			return nil, elsewhere
		}
	}
	return r.files, nil
}

func ignoreRules(fsys fs.FS, dir string) (*ignore.Rules, error) {
	rules := ignore.Empty()
	data, err := fs.ReadFile(fsys, path.Join(dir, ".helmignore"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if rules, err = ignore.Parse(bytes.NewReader(data)); err != nil {
			return nil, fmt.Errorf(".helmignore: %w", err)
		}
	}
	rules.AddDefaults()
	return rules, nil
}

// pictures are the extensions of files that people look at, and no chart renders.
var pictures = []string{".gif", ".jpeg", ".jpg", ".md", ".pdf", ".png", ".svg", ".webp"}

type reader struct {
	fsys   fs.FS
	dir    string
	rules  *ignore.Rules
	files  []*loader.BufferedFile
	budget int
}

// read walks by hand: [fs.WalkDir] does not follow links, and a link inside the tree is allowed. One that
// leads back to where it stands ends at the bound of depth or of files.
func (r *reader) read(rel string, depth int) error {
	if depth > maxChartDepth {
		return fmt.Errorf("%s: folders nest deeper than %d levels; does a link lead back to a parent folder?", rel, maxChartDepth)
	}
	entries, err := fs.ReadDir(r.fsys, path.Join(r.dir, rel))
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return outside.Submodule(r.fsys, path.Join(r.dir, rel))
	}
	for _, entry := range entries {
		name := path.Join(rel, entry.Name())
		info, err := fs.Stat(r.fsys, path.Join(r.dir, name))
		if err != nil {
			return err
		}
		if r.rules.Ignore(name, info) {
			continue
		}
		if info.IsDir() {
			if err := r.read(name, depth+1); err != nil {
				return err
			}
			continue
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s: neither a file nor a folder", name)
		}
		data, err := fs.ReadFile(r.fsys, path.Join(r.dir, name))
		if err != nil {
			return err
		}
		if !slices.Contains(pictures, path.Ext(name)) {
			if err := outside.Check(name, data); err != nil {
				return err
			}
		}
		if r.budget -= len(data); r.budget < 0 {
			return fmt.Errorf("the chart has more than %d MiB", maxChartBytes>>20)
		}
		if len(r.files) == maxChartFiles {
			return fmt.Errorf("the chart has more than %d files", maxChartFiles)
		}
		bom := []byte{0xEF, 0xBB, 0xBF}
		r.files = append(r.files, &loader.BufferedFile{Name: name, Data: bytes.TrimPrefix(data, bom)})
	}
	return nil
}

// checkChart refuses what Helm would only find out, or fetch, at another time.
func checkChart(c *chart.Chart, provided []string) error {
	name := c.Name()
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\") {
		return fmt.Errorf("the name %q in Chart.yaml cannot be that of a chart", name)
	}
	subcharts := c.Dependencies()
	// The loader goes over a map, and the order decides whose values come first.
	slices.SortFunc(subcharts, func(a, b *chart.Chart) int { return cmp.Compare(a.Name(), b.Name()) })
	vendored := make([]string, len(subcharts))
	for i, sub := range subcharts {
		vendored[i] = sub.Name()
		if err := checkChart(sub, provided); err != nil {
			return fmt.Errorf("chart %s: %w", sub.Name(), err)
		}
	}
	for i, dep := range c.Metadata.Dependencies {
		if dep == nil {
			return fmt.Errorf("dependencies[%d] in Chart.yaml is empty", i)
		}
		if slices.Contains(vendored, dep.Name) || slices.Contains(provided, dep.Name) {
			continue
		}
		err := fmt.Errorf("the dependency %q is not in charts/; Trunkline fetches nothing: run `helm dependency build` "+
			"and commit the folder charts", dep.Name)
		if len(vendored) > 0 {
			err = fmt.Errorf("%w (%s)", err, v1alpha1.Suggest(dep.Name, vendored))
		}
		return err
	}
	return nil
}
