// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"

	"trunkline.dev/trunkline/render/internal/manifest"
)

const (
	// maxLoads bounds the kustomizations of one build, each counted as often as it is loaded: two overlays
	// that each take the same two bases, and so on, double at every level.
	maxLoads = 500
	// maxNesting bounds kustomizations that load kustomizations. A link that leads back to a folder above makes
	// a path that never repeats; it ends here.
	maxNesting = 30
	// maxReplacements bounds the replacements of one build: each can copy as much as there is.
	maxReplacements = 500
	// maxObjects bounds the objects of one build, before patches delete any.
	maxObjects = 5000
)

// check reads the kustomization in a folder and all that it loads, as Kustomize would, and refuses what is not
// known to stay inside the tree. It decodes with Kustomize's own types: a field in another letter case is the
// same field for both.
func check(files *fileSystem, dir string) (kind string, err error) {
	c := checker{files: files}
	return c.folder(dir)
}

type checker struct {
	files        *fileSystem
	loads        int
	replacements int
	objectCount  int
	bytes        int
	stack        []string
}

// folder checks the kustomization in a folder, and returns its kind.
func (c *checker) folder(dir string) (string, error) {
	if err := c.files.ctx.Err(); err != nil {
		return "", context.Cause(c.files.ctx)
	}
	if slices.Contains(c.stack, dir) {
		return "", fmt.Errorf("kustomizations load each other in a loop: %s -> %s", strings.Join(c.stack, " -> "), dir)
	}
	c.stack = append(c.stack, dir)
	defer func() { c.stack = c.stack[:len(c.stack)-1] }()
	if len(c.stack) > maxNesting {
		return "", fmt.Errorf("kustomizations nest deeper than %d levels, does a link lead back to a folder above: %s",
			maxNesting, strings.Join(c.stack, " -> "))
	}
	if c.loads++; c.loads > maxLoads {
		return "", fmt.Errorf("more than %d kustomizations are loaded, each counted as often as it is", maxLoads)
	}
	file, k, err := c.read(dir)
	if err != nil {
		return "", err
	}
	in := kustomization{checker: c, Kustomization: k, dir: dir}
	if err := in.check(); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return k.Kind, nil
}

// read decodes the one kustomization that a folder has.
func (c *checker) read(dir string) (string, *types.Kustomization, error) {
	var found []string
	var content []byte
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, name)
		data, err := c.files.ReadFile(path.Join(treeRoot, file))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", nil, fmt.Errorf("reading %s: %w", file, err)
		default:
			found, content = append(found, file), data
		}
	}
	switch len(found) {
	case 0:
		return "", nil, fmt.Errorf("the folder %s has no kustomization.yaml", dir)
	case 1:
	default:
		return "", nil, fmt.Errorf("more than one kustomization in a folder: %s", strings.Join(found, ", "))
	}
	var k types.Kustomization
	if err := k.Unmarshal(content); err != nil {
		return "", nil, fmt.Errorf("%s: %w", found[0], err)
	}
	refused := refusedFields(&k)
	k.FixKustomization()
	if refused != nil {
		return "", nil, fmt.Errorf("%s: %w", found[0], refused)
	}
	return found[0], &k, nil
}

// refusedFields refuses what runs programs, or cannot be bounded, and says what to do instead.
func refusedFields(k *types.Kustomization) error {
	switch {
	case len(k.HelmCharts) > 0 || len(k.HelmChartInflationGenerator) > 0 || k.HelmGlobals != nil:
		return errors.New("helmCharts runs the program helm and fetches charts: make the chart a blueprint of engine helm instead")
	case len(k.Crds) > 0:
		return errors.New("crds is not taken: Kustomize does not return from a definition that refers to itself; " +
			"name the fields in configurations instead, and the CustomResourceDefinition itself in resources")
	case len(k.OpenAPI) > 0:
		return errors.New("openapi is not taken: it would hold for every build of this process; use a JSON patch for lists of custom resources")
	}
	return nil
}

// kustomization is one that is being checked.
type kustomization struct {
	*checker
	*types.Kustomization

	dir string
}

func (k kustomization) check() error {
	steps := []func() error{k.checkResources, k.checkFiles, k.checkPatches, k.checkGenerators, k.checkPlugins}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (k kustomization) checkResources() error {
	for i, entry := range k.Resources {
		full, err := join(k.dir, entry)
		if err == nil && k.files.IsDir(path.Join(treeRoot, full)) {
			_, err = k.folder(full)
		} else if err == nil {
			err = k.objects(full)
		}
		if err != nil {
			return fmt.Errorf("resources[%d]: %w", i, err)
		}
	}
	for i, entry := range k.Components {
		full, err := join(k.dir, entry)
		if err == nil {
			_, err = k.folder(full)
		}
		if err != nil {
			return fmt.Errorf("components[%d]: %w", i, err)
		}
	}
	return nil
}

// objects reads a file of resources as strictly as anything else that becomes an object.
func (k kustomization) objects(full string) error {
	data, err := k.file(full)
	if err != nil {
		return err
	}
	objects, err := manifest.Parse(full, data)
	if err != nil {
		return err
	}
	k.bytes += len(data)
	if k.objectCount += len(objects); k.objectCount > maxObjects || k.bytes > manifest.MaxBytes {
		return fmt.Errorf("a build has at most %d objects and %d MiB, each counted as often as it is loaded",
			maxObjects, manifest.MaxBytes>>20)
	}
	return nil
}

func (k kustomization) file(full string) ([]byte, error) {
	data, err := k.files.ReadFile(path.Join(treeRoot, full))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", full, fs.ErrNotExist)
	}
	return data, err
}

// path checks an entry that names a file.
func (k kustomization) path(entry string) ([]byte, error) {
	full, err := join(k.dir, entry)
	if err != nil {
		return nil, err
	}
	return k.file(full)
}

func (k kustomization) checkFiles() error {
	for i, entry := range k.Configurations {
		if _, err := k.path(entry); err != nil {
			return fmt.Errorf("configurations[%d]: %w", i, err)
		}
	}
	for i, r := range k.Replacements {
		if err := k.replacement(r.Path); err != nil {
			return fmt.Errorf("replacements[%d]: %w", i, err)
		}
	}
	return nil
}

func (k kustomization) replacement(file string) error {
	n := 1
	if file != "" {
		data, err := k.path(file)
		if err != nil {
			return err
		}
		// A file holds one replacement or a list; each has one source.
		n = max(1, strings.Count(strings.ToLower(string(data)), "source"))
	}
	if k.replacements += n; k.replacements > maxReplacements {
		return fmt.Errorf("a build has at most %d replacements", maxReplacements)
	}
	return nil
}
