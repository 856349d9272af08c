// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
	"golang.org/x/sync/errgroup"
)

const (
	// atOnce is how many objects are deleted at a time.
	atOnce = 16
	// maxRounds is how often a folder is listed until it is empty: others may still write there.
	maxRounds = 10
)

// Remove deletes everything in the folder of a store, and nothing outside of it: "pr-1/" is not "pr-10/". It returns how many
// objects were deleted, also with an error; calling it again goes on. A folder or bucket that is not there is empty. Of a store that
// keeps versions, the older ones stay.
func (s *Stores) Remove(ctx context.Context, location string) (int, error) {
	p, err := parse(location)
	if err != nil {
		return 0, err
	}
	var removed int
	if p.scheme == "file" {
		err = removeFolder(p)
	} else {
		removed, err = s.removeObjects(ctx, p)
	}
	if err != nil {
		return removed, fmt.Errorf("removing what is in %s: %w", location, err)
	}
	return removed, nil
}

// removeFolder deletes a folder of this machine. A link in it is deleted, and not followed.
func removeFolder(p place) error {
	dir, name, err := root(p)
	if err != nil || dir == nil {
		return err
	}
	return errors.Join(dir.RemoveAll(name), dir.Close())
}

// removeObjects deletes the objects of a folder until there is none.
func (s *Stores) removeObjects(ctx context.Context, p place) (removed int, err error) {
	b, err := s.bucket(ctx, p)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for range maxRounds {
		n, err := sweep(ctx, b, p.folder)
		removed += n
		if gcerrors.Code(err) == gcerrors.NotFound {
			return removed, nil // there is no such bucket
		}
		if n == 0 || err != nil {
			return removed, err
		}
	}
	return removed, errors.New("something still writes there")
}

// sweep deletes the objects that a folder holds now.
func sweep(ctx context.Context, b *blob.Bucket, folder string) (removed int, err error) {
	list := b.List(&blob.ListOptions{Prefix: folder})
	for {
		page, err := page(ctx, list, folder)
		if err != nil || len(page) == 0 {
			return removed, err
		}
		group, deleting := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, key := range page {
			group.Go(func() error {
				if err := b.Delete(deleting, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
					return fmt.Errorf("deleting %s: %w", key, err)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return removed, err
		}
		removed += len(page)
	}
}

// pageSize is how many objects are listed before they are deleted.
const pageSize = 1000

// page returns the next objects of a list; none: it has ended. A store that lists what is not in the folder is not to be trusted
// with what is.
func page(ctx context.Context, list *blob.ListIterator, folder string) (keys []string, err error) {
	for len(keys) < pageSize {
		o, err := list.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return keys, nil
		case err != nil:
			return nil, fmt.Errorf("listing: %w", err)
		case !strings.HasPrefix(o.Key, folder):
			return nil, fmt.Errorf("listing: the store lists %q, which is not there", o.Key)
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}
