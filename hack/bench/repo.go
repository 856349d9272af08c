// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"path/filepath"

	"trunkline.dev/trunkline/test/stage"
)

// repository is a repository that whole trees of files are pushed to.
type repository struct{ *stage.Repository }

// newRepository makes one in a folder that is there, with a first commit.
func newRepository(ctx context.Context, dir string, files tree) (*repository, error) {
	r := &repository{&stage.Repository{Bare: filepath.Join(dir, "bare.git"), Work: filepath.Join(dir, "work"), Author: "Bench"}}
	if err := r.Init(ctx); err != nil {
		return nil, err
	}
	_, err := r.push(ctx, "first", files)
	return r, err
}

// push commits files, pushes them and returns the commit. Other files stay as they are.
func (r *repository) push(ctx context.Context, subject string, files tree) (string, error) {
	var paths []string
	for path, text := range files {
		if err := r.Write(path, text); err != nil {
			return "", err
		}
		paths = append(paths, path)
	}
	if len(paths) > 1 {
		paths = nil // a command line holds only so many; one file alone must not have git look through thousands
	}
	commit, err := r.Commit(ctx, subject, paths...)
	if err != nil {
		return "", err
	}
	return commit, r.Push(ctx)
}
