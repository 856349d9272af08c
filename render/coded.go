// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"trunkline.dev/trunkline/api/unfilled"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render/cue"
	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/render/jsonnet"
	"trunkline.dev/trunkline/render/manifests"
)

// coded renders plain manifests, or a program: that of a blueprint, or, for the embedded blueprints, that of the project which the
// workload's params name.
func (r *Renderer) coded(
	ctx context.Context, tree fs.FS, rel catalog.Release, w catalog.Workload, values *contextValues,
) (objects []manifest.Object, err error) {
	switch w.Blueprint.Spec.Engine {
	case v1alpha1.Manifests:
		objects, err = plainManifests(ctx, tree, rel, w)
	case v1alpha1.Jsonnet:
		objects, err = r.jsonnet(ctx, tree, rel, w, values)
	default:
		objects, err = r.cue(ctx, tree, rel, w, values)
	}
	if err != nil {
		return nil, err
	}
	var wrong []error
	for _, o := range objects {
		if err := manifest.LabelPods(o.Unstructured, identity(rel, w.Name)); err != nil {
			wrong = append(wrong, located(o, err))
		}
	}
	return objects, errors.Join(wrong...)
}

func plainManifests(ctx context.Context, tree fs.FS, rel catalog.Release, w catalog.Workload) ([]manifest.Object, error) {
	in := manifests.Input{FS: tree, Paths: []string{w.Blueprint.Source}}
	if w.Blueprint.Embedded {
		var err error
		if in.Paths, err = ownPaths(rel, "paths", w.Params["paths"], "a file or folder"); err != nil {
			return nil, err
		}
	}
	return manifests.Render(ctx, in)
}

func (r *Renderer) jsonnet(
	ctx context.Context, tree fs.FS, rel catalog.Release, w catalog.Workload, values *contextValues,
) ([]manifest.Object, error) {
	in := jsonnet.Input{FS: tree, Path: w.Blueprint.Source, Context: values.own(), Args: w.Params, MayIgnore: true, Evaluator: r.evaluators[v1alpha1.Jsonnet]}
	if w.Blueprint.Embedded {
		entry, _ := w.Params["path"].(string)
		var err error
		if in.Path, err = ownPath(rel, "path", entry, "a file or folder"); err != nil {
			return nil, err
		}
		if in.Libraries, err = ownPaths(rel, "libraries", w.Params["libraries"], "a folder"); err != nil {
			return nil, err
		}
		in.Args, _ = w.Params["args"].(map[string]any)
		in.Vars, _ = w.Params["vars"].(map[string]any)
		in.MayIgnore = false
	} else {
		in.Context["params"] = w.Params
	}
	return jsonnet.Render(ctx, in)
}

func (r *Renderer) cue(
	ctx context.Context, tree fs.FS, rel catalog.Release, w catalog.Workload, values *contextValues,
) ([]manifest.Object, error) {
	in := cue.Input{FS: tree, Dir: w.Blueprint.Source, Context: values.own(), Evaluator: r.evaluators[v1alpha1.CUE]}
	if w.Blueprint.Embedded {
		folder, _ := w.Params["path"].(string)
		var err error
		if in.Dir, err = ownPath(rel, "path", folder, "a folder"); err != nil {
			return nil, err
		}
		in.Package, _ = w.Params["package"].(string)
		in.Expression, _ = w.Params["expression"].(string)
		in.Values, _ = w.Params["values"].(map[string]any)
		in.Tags, _ = w.Params["tags"].(map[string]any)
	} else {
		in.Optional = map[string]any{cue.Params: w.Params}
	}
	return cue.Render(ctx, in)
}

// ownPath is the path in the tree of one that a param names, which is relative to the folder of the project.
func ownPath(rel catalog.Release, param, name, what string) (string, error) {
	full := path.Join(rel.Dir, name)
	if held := unfilled.Find(name); held != "" {
		return "", fmt.Errorf("params.%s: nothing replaces %s in %q: name %s itself", param, held, name, what)
	}
	if name == "" || path.IsAbs(name) || !fs.ValidPath(full) {
		return "", fmt.Errorf("params.%s: %q is not %s of the repository", param, name, what)
	}
	return full, nil
}

// ownPaths are those of a list.
func ownPaths(rel catalog.Release, param string, names any, what string) ([]string, error) {
	list, _ := names.([]any)
	out := make([]string, len(list))
	for i, item := range list {
		name, _ := item.(string)
		var err error
		if out[i], err = ownPath(rel, fmt.Sprintf("%s[%d]", param, i), name, what); err != nil {
			return nil, err
		}
	}
	return out, nil
}
