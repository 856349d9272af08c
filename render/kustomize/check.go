// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/outside"
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
//
// Build builds the kustomization of a folder that was checked: what plugins are configured with may be built itself.
func check(files *fileSystem, dir string, build func(dir string) ([]manifest.Object, error)) (*types.Kustomization, error) {
	c := checker{files: files, build: build}
	return c.folder(dir)
}

type checker struct {
	files        *fileSystem
	build        func(dir string) ([]manifest.Object, error)
	loads        int
	replacements int
	objectCount  int
	charts       int
	bytes        int
	stack        []string
	// namespace is the one that charts of helmCharts without one of their own get, from the kustomizations above.
	namespace string
}

// folder checks the kustomization in a folder, and returns it.
func (c *checker) folder(dir string) (*types.Kustomization, error) {
	if err := c.files.ctx.Err(); err != nil {
		return nil, context.Cause(c.files.ctx)
	}
	dir = c.files.real(dir)
	if slices.Contains(c.stack, dir) {
		return nil, fmt.Errorf("kustomizations load each other in a loop: %s -> %s", strings.Join(c.stack, " -> "), dir)
	}
	c.stack = append(c.stack, dir)
	defer func() { c.stack = c.stack[:len(c.stack)-1] }()
	if len(c.stack) > maxNesting {
		return nil, fmt.Errorf("kustomizations nest deeper than %d levels, does a link lead back to a parent folder: %s",
			maxNesting, strings.Join(c.stack, " -> "))
	}
	if c.loads++; c.loads > maxLoads {
		return nil, fmt.Errorf("more than %d kustomizations are loaded, each counted as often as it is", maxLoads)
	}
	file, content, k, err := c.read(dir)
	if err != nil {
		return nil, err
	}
	inherited := c.namespace
	c.namespace = cmp.Or(k.Namespace, inherited)
	defer func() { c.namespace = inherited }()
	in := kustomization{checker: c, Kustomization: k, dir: dir, name: file, altered: new(bool), generated: new([]generated)}
	if err := in.check(); err != nil {
		return nil, placed(file, content, err)
	}
	if *in.altered {
		data, err := yaml.Marshal(k)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		c.files.altered[path.Join(treeRoot, file)] = data
	}
	return k, nil
}

// read decodes the one kustomization that a folder has.
func (c *checker) read(dir string) (string, []byte, *types.Kustomization, error) {
	var found []string
	var content []byte
	var elsewhere error
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := path.Join(dir, name)
		data, err := c.files.ReadFile(path.Join(treeRoot, file))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			elsewhere = outside.InSubmodule(err)
		case isPointer(err):
			return "", nil, nil, err
		case err != nil:
			return "", nil, nil, fmt.Errorf("reading %s: %w", file, err)
		default:
			found, content = append(found, file), data
		}
	}
	switch len(found) {
	case 0:
		if elsewhere != nil {
			return "", nil, nil, elsewhere
		}
		return "", nil, nil, fmt.Errorf("the folder %s has no kustomization.yaml", dir)
	case 1:
	default:
		return "", nil, nil, fmt.Errorf("more than one kustomization in a folder: %s", strings.Join(found, ", "))
	}
	var k types.Kustomization
	if err := k.Unmarshal(content); err != nil {
		return "", nil, nil, fmt.Errorf("%s: %w", found[0], err)
	}
	k.FixKustomization()
	return found[0], content, &k, nil
}

// isPointer reports whether an error says already which file is kept elsewhere.
func isPointer(err error) bool {
	_, is := errors.AsType[*outside.Error](err)
	return is
}

// kustomization is one that is being checked.
type kustomization struct {
	*checker
	*types.Kustomization

	dir string
	// name is the file that it was read from.
	name string
	// altered says that what was read here is built instead of what the file has.
	altered *bool
	// generated are the charts of its generators.
	generated *[]generated
}

func (k kustomization) check() error {
	steps := []func() error{
		k.checkResources, k.checkFiles, k.checkSchemas, k.checkPatches, k.checkGenerators, k.checkPlugins, k.checkCharts,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (k kustomization) checkResources() error {
	for i, entry := range k.Resources {
		full, disguised, err := k.locate(entry)
		if disguised {
			k.Resources[i] = k.plainly(entry)
		}
		if err == nil && k.files.IsDir(path.Join(treeRoot, full)) {
			_, err = k.folder(full)
		} else if err == nil {
			err = k.objects(full)
		}
		if err != nil {
			return at("resources", i, err)
		}
	}
	for i, entry := range k.Components {
		full, err := join(k.dir, entry)
		if err == nil {
			_, err = k.folder(full)
		}
		if err != nil {
			return at("components", i, err)
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
	if errors.Is(err, fs.ErrNotExist) && outside.InSubmodule(err) == nil {
		return nil, fmt.Errorf("%s: %w", full, fs.ErrNotExist)
	}
	return data, err
}

// path checks an entry that names a file.
func (k kustomization) path(entry string) ([]byte, error) {
	full, _, err := k.locate(entry)
	if err != nil {
		return nil, err
	}
	return k.file(full)
}

func (k kustomization) checkFiles() error {
	for i, entry := range k.Configurations {
		if _, err := k.path(entry); err != nil {
			return at("configurations", i, err)
		}
	}
	for i, r := range k.Replacements {
		if err := k.replacement(r.Path); err != nil {
			return at("replacements", i, err)
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
