// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
)

// Object is one of a lot's data.
type Object struct {
	// URI is its address as manifests have it.
	URI     string
	Written time.Time
	Size    int64
}

// ErrMore says that not all was listed.
var ErrMore = errors.New("there is more")

// Objects lists the data in a folder of a store, in the order of their keys. Of more than the limit it returns as many, and [ErrMore].
func Objects(ctx context.Context, location string, opts bucket.Options, limit int) (found []Object, err error) {
	l, err := bucket.Parse(location)
	if err != nil {
		return nil, err
	}
	folder, err := bucket.Open(ctx, location, opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	for o, err := range folder.List(ctx, "") {
		if err != nil {
			return found, err
		}
		if len(found) == limit {
			return found, fmt.Errorf("listing %s: it has more than %d objects, which is the limit: %w", l, limit, ErrMore)
		}
		found = append(found, Object{manifest.URI(l.String(), o.Key), o.Written, o.Size})
	}
	return found, nil
}
