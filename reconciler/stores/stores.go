// SPDX-License-Identifier: Apache-2.0

// Package stores works on the object stores that the datasets of an environment are in. What is named is a folder of a store:
// a location such as "s3://acme-dev/previews/pr-7/", which ends in "/".
//
// Locations begin with "s3://", or "s3a://", as Spark calls it, or with "file:///". Credentials are those that the cloud's own
// tools use.
//
// Of Trunkline it imports nothing.
package stores

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/s3blob" // opens "s3://"
)

// Options say where stores are.
type Options struct {
	// Endpoint is the address of an S3 that is not AWS', with the bucket in the path; empty: AWS, in the region that its own
	// configuration says.
	Endpoint string
}

// Stores opens object stores. Its methods may be called by any goroutine.
type Stores struct{ opts Options }

// New returns the stores.
func New(opts Options) *Stores { return &Stores{opts: opts} }

// Check returns why nothing can be done about a location; nil: it can.
func (s *Stores) Check(location string) error {
	_, err := parse(location)
	return err
}

// place is a folder of a store.
type place struct {
	scheme, bucket string
	// folder is the path below the bucket, or on the disk; it ends in "/", and is not empty.
	folder string
}

// parse reads a location. One that could be read in two ways, or that is a whole store, is refused.
func parse(location string) (place, error) {
	bad := func(why string) (place, error) { return place{}, fmt.Errorf("the location %q %s", location, why) }
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		return bad("is no address of a store, such as s3://bucket/folder/")
	}
	p := place{scheme: scheme}
	p.bucket, p.folder, _ = strings.Cut(rest, "/")
	switch scheme {
	case "s3a", "s3n":
		p.scheme = "s3"
	case "s3", "file":
	default:
		return bad(fmt.Sprintf("is in a kind of store, %s, in which nothing can be removed; those that can are s3 and file", scheme))
	}
	segments := strings.Split(strings.TrimSuffix(p.folder, "/"), "/")
	switch {
	case (p.bucket == "") != (p.scheme == "file"):
		return bad("names no bucket; a folder of this machine is written file:///folder/")
	case strings.ContainsAny(p.bucket, "?#@:%"):
		return bad("names no bucket")
	case !strings.HasSuffix(p.folder, "/"):
		return bad("is no folder: it does not end in /")
	case slices.ContainsFunc(segments, func(s string) bool { return s == "" || s == "." || s == ".." }):
		return bad("is no folder of a store: a part of it is empty, \".\" or \"..\"")
	case strings.ContainsRune(p.folder, 0):
		return bad("has a character that no file has")
	}
	return p, nil
}

// anyRegion is what requests to an S3 that is not AWS' are signed for, which has no regions.
const anyRegion = "us-east-1"

// bucket opens the bucket of a place.
func (s *Stores) bucket(ctx context.Context, p place) (*blob.Bucket, error) {
	u := url.URL{Scheme: p.scheme, Host: p.bucket}
	query := url.Values{}
	if s.opts.Endpoint != "" {
		query.Set("endpoint", s.opts.Endpoint)
		query.Set("use_path_style", "true")
		query.Set("region", anyRegion)
	}
	u.RawQuery = query.Encode()
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, fmt.Errorf("opening the bucket %s: %w", p.bucket, err)
	}
	return b, nil
}

// root opens the folder that a folder of this machine is in. Without it, there is nothing in the store.
func root(p place) (dir *os.Root, name string, err error) {
	path := filepath.Clean("/" + filepath.FromSlash(p.folder))
	dir, err = os.OpenRoot(filepath.Dir(path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("opening the store: %w", err)
	}
	return dir, filepath.Base(path), nil
}
