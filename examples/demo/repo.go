// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"

	"trunkline.dev/trunkline/test/stage"
)

// repository is that of the example.
type repository struct{ *stage.Repository }

// seed fills a bare repository, with a first commit on main that is the content of a folder, as a function changes it. Pushes go to
// the remote. It returns the commit.
func seed(ctx context.Context, bare, remote, work, from, subject string, change func(work string) error) (*repository, string, error) {
	r := &repository{&stage.Repository{Bare: bare, Work: work, Author: "Demo"}}
	if err := os.CopyFS(work, os.DirFS(from)); err != nil {
		return nil, "", fmt.Errorf("copying %s: %w", from, err)
	}
	if err := change(work); err != nil {
		return nil, "", fmt.Errorf("changing the example: %w", err)
	}
	if err := r.Init(ctx); err != nil {
		return nil, "", err
	}
	if _, err := r.Git(ctx, "-C", work, "remote", "set-url", "origin", remote); err != nil {
		return nil, "", err
	}
	hash, err := r.Commit(ctx, subject)
	if err != nil {
		return nil, "", err
	}
	return r, hash, r.Push(ctx)
}

// projects returns the names of the projects, sorted.
func (r *repository) projects() ([]string, error) {
	files, err := fs.Glob(os.DirFS(r.Work), "projects/*/project.yaml")
	if err != nil {
		return nil, fmt.Errorf("looking for projects: %w", err)
	}
	for i, f := range files {
		files[i] = path.Base(path.Dir(f))
	}
	return files, nil
}
