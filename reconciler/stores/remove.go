// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/flow/bucket"
)

const (
	// atOnce is how many objects are deleted at a time, and pageSize how many are listed before they are.
	atOnce, pageSize = 16, 1000
	// maxRounds is how often a folder is listed until it is empty: others may still write there.
	maxRounds = 10
)

// Remove deletes everything in the folder of a store, and nothing outside of it: "pr-1/" is not "pr-10/". It returns how many
// objects were deleted, also with an error; calling it again goes on. A folder or bucket that is not there is empty. Of a store that
// keeps versions, the older ones stay.
func (s *Stores) Remove(ctx context.Context, address string) (int, error) {
	p, err := parse(address)
	if err != nil {
		return 0, err
	}
	var removed int
	if p.Scheme == "file" {
		err = removeFolder(p)
	} else {
		removed, err = s.removeObjects(ctx, address)
	}
	if err != nil {
		return removed, fmt.Errorf("removing what is in %s: %w", address, err)
	}
	return removed, nil
}

// removeFolder deletes a folder of this machine. A link in it is deleted, and not followed.
func removeFolder(p location.Location) error {
	dir, name, err := root(p)
	if err != nil || dir == nil {
		return err
	}
	return errors.Join(dir.RemoveAll(name), dir.Close())
}

// removeObjects deletes the objects of a folder until there is none.
func (s *Stores) removeObjects(ctx context.Context, address string) (removed int, err error) {
	folder, err := bucket.Open(ctx, address, s.opts)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	for range maxRounds {
		n, err := sweep(ctx, folder)
		removed += n
		if bucket.ClassOf(err) == bucket.NoStore {
			return removed, nil
		}
		if n == 0 || err != nil {
			return removed, err
		}
	}
	return removed, errors.New("something still writes there")
}

// sweep deletes the objects that a folder holds now.
func sweep(ctx context.Context, folder bucket.Folder) (removed int, err error) {
	page := make([]string, 0, pageSize)
	remove := func() error {
		group, deleting := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, key := range page {
			group.Go(func() error { return folder.Delete(deleting, key) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		removed += len(page)
		page = page[:0]
		return nil
	}
	for o, err := range folder.List(ctx, "") {
		if err != nil {
			return removed, err
		}
		if page = append(page, o.Key); len(page) == pageSize {
			if err := remove(); err != nil {
				return removed, err
			}
		}
	}
	return removed, remove()
}
