// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	numbers "trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/build"
	"trunkline.dev/trunkline/build/image"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	remoteflow "trunkline.dev/trunkline/flow/remote"
)

// How code of an image gets to where it runs.
const (
	asFiles = "files"
	asLayer = "layer"
)

// projectCode is what an image is built of.
type projectCode struct {
	tree     fs.FS
	catalog  *catalog.Catalog
	settings v1alpha1.Build
}

// code adds the code on disk to what is run: as files if they are small, or as a layer on what is deployed.
func (r *remoteRun) code(cmd *cobra.Command, c *client.Client, of projectCode, request *console.RunRequest) error {
	p, _ := of.catalog.Project(r.project)
	files, err := codeFiles(cmd.Context(), r.from, of.tree, p.Dir(), p.Document.File, of.settings)
	if err != nil {
		return err
	}
	small := remoteflow.Fits(request.Files, files)
	switch {
	case r.as == asFiles && !small:
		return fmt.Errorf("its code has %s, which is more than travels as files: let it travel as a layer", numbers.Count(len(files), "file"))
	case r.as != asLayer && small:
		request.Code = map[string]console.RunFile{}
		for _, f := range files {
			request.Code[f.Path] = console.RunFile{Data: f.Data, Executable: f.Executable}
		}
		return nil
	}
	base, err := c.RunBase(cmd.Context(), r.env, r.project, console.BaseQuery{Workload: r.workload, Cluster: r.cluster, Lot: r.lot})
	switch {
	case err != nil:
		return refused(err)
	case base.Registry == "" && r.as == asLayer:
		return fmt.Errorf("%s has no registry for code of runs: have runs.registry declared for the environment", r.env)
	case base.Registry == "":
		return fmt.Errorf("its code has %s, which is more than travels as files, and %s has no registry for code of runs: have runs.registry declared for the environment",
			numbers.Count(len(files), "file"), r.env)
	case !strings.Contains(base.Image, "@"):
		return fmt.Errorf("what is deployed, %s, is named by a tag: deploy it by its digest, so that it is known what code is put on", plain(base.Image))
	}
	request.Layer, err = r.layer(cmd, of.settings, files, base)
	return err
}

// layer pushes what is deployed with code on it.
func (r *remoteRun) layer(cmd *cobra.Command, settings v1alpha1.Build, files []build.File, of console.RunBase) (*console.RunLayer, error) {
	ctx := cmd.Context()
	asked, err := userImages()
	if err != nil {
		return nil, err
	}
	base, known := r.bases[of.Image]
	if !known {
		if base, err = asked.Base(ctx, of.Image, settings.Platforms); err != nil {
			return nil, errors.New(plain(oneLine(err.Error())))
		}
		r.bases = map[string]image.Base{of.Image: base}
	}
	papers, err := image.PapersOf(base.Index, base.Images)
	if err != nil {
		return nil, fmt.Errorf("reading what is deployed: %w", err)
	}
	code, err := image.Layer(files, settings.Folder())
	if err != nil {
		return nil, err
	}
	made, err := image.Swap(base, code)
	if err != nil {
		return nil, err
	}
	more, err := image.PapersOf(made.Index, made.Images)
	if err != nil {
		return nil, err
	}
	const digits = 12
	if err := asked.Push(ctx, of.Registry, "run-"+made.Digest.Hex[:digits], made, nil); err != nil {
		return nil, errors.New(plain(oneLine(err.Error())))
	}
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "a layer of %s on %s is pushed to %s\n", numbers.Count(len(files), "file"), plain(of.Image), plain(of.Registry))
	return &console.RunLayer{Image: of.Registry + "@" + made.Digest.String(), Papers: append(papers, more...)}, nil
}
