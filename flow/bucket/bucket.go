// SPDX-License-Identifier: Apache-2.0

// Package bucket reads and writes folders of object stores: "s3://", and "s3a://" as Spark calls it, of AWS or of any endpoint, and
// "file:///" for folders of this machine; with the build tag stores_cloud also "gs://" and "azblob://". Credentials are those that the
// cloud's own tools use, and no text of an error has any.
//
// Of Trunkline it imports api/location only.
package bucket

import (
	"context"
	"iter"
	"net/url"
	"time"

	place "trunkline.dev/trunkline/api/location"
)

// Options say where stores are.
type Options struct {
	// Endpoint is the address of an S3 that is not AWS', with the bucket in the path; empty: AWS, in the region that its own
	// configuration says.
	Endpoint string
}

// Object is what a listing says of an object.
type Object struct {
	// Key is the object's path in the folder.
	Key string
	// Written is when it was, by the clock of the store.
	Written time.Time
	// ETag changes when the content does.
	ETag string
	Size int64
}

// Folder is a folder of a store, or a whole one. Its methods may be called by any goroutine, and their errors have a [Class].
type Folder interface {
	// Location is the address of the folder, which ends in "/".
	Location() string
	// List lists the objects whose keys begin with a prefix, in the order of their keys, without reading them. It holds no more than a
	// page of them. An error is the last that is yielded. A folder that is not there is empty.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Read returns the content of an object. One that is larger than max is Invalid.
	Read(ctx context.Context, key string, max int64) ([]byte, error)
	// Create writes an object as a whole or not at all. If there is one, the error is Exists and nothing was written; after any other
	// error it may have been.
	Create(ctx context.Context, key string, data []byte) error
	// Delete deletes an object; one that is not there is deleted.
	Delete(ctx context.Context, key string) error
	// Close gives back what was opened.
	Close() error
}

// Open opens a folder. That it is there is seen when it is used.
func Open(ctx context.Context, location string, opts Options) (Folder, error) {
	p, err := place.Parse(location)
	if err != nil {
		return nil, &Error{Invalid, scrub(err.Error()), err}
	}
	if p.Scheme == "file" {
		return disk{p}, nil
	}
	return openObjects(ctx, p, opts)
}

// anyRegion is what requests to an S3 that is not AWS' are signed for, which has no regions.
const anyRegion = "us-east-1"

// address is what gocloud opens a bucket by.
func address(p place.Location, opts Options) string {
	u := url.URL{Scheme: p.Scheme, Host: p.Bucket}
	if p.Scheme == "s3" && opts.Endpoint != "" {
		query := url.Values{}
		query.Set("endpoint", opts.Endpoint)
		query.Set("use_path_style", "true")
		query.Set("region", anyRegion)
		u.RawQuery = query.Encode()
	}
	return u.String()
}
