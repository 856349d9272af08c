// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"path"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/scaffold"
)

// fromNotebook returns the files of a workload that runs a notebook, and the change of its project.
func (n *creation) fromNotebook(cmd *cobra.Command, c *catalog.Catalog) ([]scaffold.File, *change, error) {
	p, _ := c.Project(n.project)
	for name := range n.given {
		if name != "image" {
			return nil, nil, usagef("--set %s: a workload from a notebook takes image alone", name)
		}
	}
	image := n.given["image"]
	if image == "" && p.Spec.Image.IsZero() {
		return nil, nil, usagef("the project %s has no image: name one with Python and papermill in it, with --set image=IMAGE", p.Name)
	}
	opened, err := os.Open(n.notebook)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the notebook: %w", err)
	}
	defer func() { _ = opened.Close() }() // it is read only
	data, err := io.ReadAll(io.LimitReader(opened, scaffold.MaxNotebook+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the notebook %s: %w", n.notebook, err)
	}
	files, notes, err := scaffold.FromNotebook(n.name, image, data, scaffold.NotebookRun(n.run))
	if err != nil {
		return nil, nil, fmt.Errorf("nothing is written: %s: %w", n.notebook, err)
	}
	for _, note := range notes {
		if err := println(cmd.ErrOrStderr(), "warning: "+plain(oneLine(note))); err != nil {
			return nil, nil, err
		}
	}
	for i, f := range files {
		if f.Path != scaffold.ItemFile {
			files[i].Path = path.Join(p.Dir(), f.Path)
		}
	}
	return n.insert(c, p, files)
}
