// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/render/internal/manifest"
)

const (
	// maxFiles bounds the files of one workload, and maxDepth how deep folders nest.
	maxFiles = 2000
	maxDepth = 24
)

// Input is what to read.
type Input struct {
	FS fs.FS
	// Paths are the files and folders, in their order. Of a folder it is all files of YAML and JSON in it and below, by their names.
	Paths []string
}

// Render returns the objects of the files, in the order in which they stand there.
func Render(ctx context.Context, in Input) ([]manifest.Object, error) {
	r := reader{ctx: ctx, fsys: in.FS, seen: map[string]bool{}}
	var wrong []error
	for _, p := range in.Paths {
		if err := r.add(p, true, 0); err != nil {
			wrong = append(wrong, err)
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	if len(r.out) == 0 {
		return nil, fmt.Errorf("there is no object in %s: files of manifests end in .yaml, .yml or .json", strings.Join(in.Paths, ", "))
	}
	return r.out, nil
}

type reader struct {
	ctx   context.Context //nolint:containedctx // it lives for one render
	fsys  fs.FS
	seen  map[string]bool
	bytes int
	out   []manifest.Object
}

// add reads a file, or what is in a folder. A file that is named itself is read whatever its name is. All that is wrong in a folder is
// reported.
func (r *reader) add(p string, named bool, depth int) error {
	if err := r.ctx.Err(); err != nil {
		return context.Cause(r.ctx)
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: folders nest deeper than %d levels; does a link lead back to a parent folder?", p, maxDepth)
	}
	info, err := fs.Stat(r.fsys, p)
	if elsewhere := outside.InSubmodule(err); elsewhere != nil {
		return fmt.Errorf("%s: %w", p, elsewhere)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no such file or folder", p)
	case err != nil:
		return fmt.Errorf("%s: %w", p, err)
	case !info.IsDir():
		if !named && !isManifest(p) || r.seen[p] {
			return nil
		}
		return r.file(p)
	}
	entries, err := fs.ReadDir(r.fsys, p)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	var wrong []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.Type().IsRegular() && !isManifest(e.Name()) {
			continue // not even looked at: the render does not depend on it
		}
		err := r.add(path.Join(p, e.Name()), false, depth+1)
		if _, deep := errors.AsType[*boundError](err); deep {
			return err
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// boundError ends the reading: what else is there does not matter any more.
type boundError struct{ text string }

func (e *boundError) Error() string { return e.text }

func isManifest(p string) bool {
	switch path.Ext(p) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

func (r *reader) file(p string) error {
	r.seen[p] = true
	if len(r.seen) > maxFiles {
		return &boundError{fmt.Sprintf("a workload has at most %d files of manifests", maxFiles)}
	}
	data, err := fs.ReadFile(r.fsys, p)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	if r.bytes += len(data); r.bytes > manifest.MaxBytes {
		return &boundError{fmt.Sprintf("%s: too large: the manifests of a workload have at most %d MiB together", p, manifest.MaxBytes>>20)}
	}
	if err := outside.Check(p, data); err != nil {
		return err
	}
	var objects []manifest.Object
	if path.Ext(p) == ".json" {
		objects, err = parseJSON(p, data)
	} else {
		objects, err = manifest.Parse(p, data)
	}
	if err != nil {
		return err
	}
	for _, o := range objects {
		if strings.HasPrefix(o.GetAPIVersion(), "kustomize.config.k8s.io/") {
			return fmt.Errorf("%s: is a kustomization, which is built and not applied: use the blueprint kustomize, or name the files beside it", p)
		}
	}
	r.out = append(r.out, objects...)
	return nil
}

// parseJSON reads the documents of a file of JSON, one after the other. As in YAML, a key given twice is refused.
func parseJSON(source string, data []byte) ([]manifest.Object, error) {
	var out []manifest.Object
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			at := dec.InputOffset()
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				at = max(at, syntax.Offset)
			}
			return nil, fmt.Errorf("%s:%d: it is not JSON: %w", source, lineAt(data, at), err)
		}
		line := lineAt(data, dec.InputOffset()-int64(len(raw)))
		if raw[0] != '{' {
			if string(raw) == "null" {
				continue
			}
			return nil, fmt.Errorf("%s:%d: a document that is not an object", source, line)
		}
		var content map[string]any
		twice, err := kjson.UnmarshalStrict(raw, &content)
		if err == nil && len(twice) > 0 {
			err = twice[0]
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", source, line, err)
		}
		if len(content) > 0 {
			out = append(out, manifest.Object{Unstructured: &unstructured.Unstructured{Object: content}, Source: source})
		}
	}
}

// lineAt is the line of an offset.
func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), int64(len(data)))], []byte("\n"))
}
