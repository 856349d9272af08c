// SPDX-License-Identifier: Apache-2.0

// Package bucket reads and writes folders of object stores: "s3://", and "s3a://" as Spark calls it, of AWS or of any endpoint, and
// "file:///" for folders of this machine; with the build tag stores_cloud also "gs://" and "azblob://". Credentials are those that the
// cloud's own tools use, and no text of an error has any.
//
// Of Trunkline it imports nothing.
package bucket

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"
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

// Place is where a folder is.
type Place struct {
	// Scheme is that of the store's own address: "s3a" is "s3".
	Scheme string
	// Bucket is empty for a folder of this machine.
	Bucket string
	// Folder is the path below the bucket or on the disk; it is empty, or ends in "/".
	Folder string
}

// String is the address of the folder, which ends in "/".
func (p Place) String() string { return p.Scheme + "://" + p.Bucket + "/" + p.Folder }

// Parse reads the location of a folder, such as "s3://lake/orders/". One that could be read in two ways is refused.
func Parse(location string) (Place, error) {
	bad := func(why string) (Place, error) {
		return Place{}, &Error{Class: Invalid, text: fmt.Sprintf("the location %q %s", scrub(location), why)}
	}
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		return bad("is no address of a store, such as s3://bucket/folder/")
	}
	p := Place{Scheme: scheme}
	p.Bucket, p.Folder, _ = strings.Cut(rest, "/")
	switch scheme {
	case "s3a", "s3n":
		p.Scheme = "s3"
	case "s3", "gs", "azblob", "file":
	default:
		return bad(fmt.Sprintf("is in a kind of store, %.20s, that is not known; want one of: s3, gs, azblob, file", scheme))
	}
	if p.Folder != "" && !strings.HasSuffix(p.Folder, "/") {
		p.Folder += "/"
	}
	segments := strings.Split(strings.TrimSuffix(p.Folder, "/"), "/")
	switch {
	case (p.Bucket == "") != (p.Scheme == "file"):
		return bad("names no bucket; a folder of this machine is written file:///folder/")
	case strings.ContainsAny(p.Bucket, "?#@:%"):
		return bad("names no bucket: the part before the first / has one of ?#@:%")
	case p.Folder == "" && p.Scheme == "file":
		return bad("is the whole disk; name a folder of it")
	case p.Folder != "" && slices.ContainsFunc(segments, func(s string) bool { return s == "" || s == "." || s == ".." }):
		return bad(`is no folder of a store: a part of it is empty, "." or ".."`)
	case strings.ContainsRune(p.Folder, 0):
		return bad("has a character that no file has")
	}
	return p, nil
}

// Open opens a folder. That it is there is seen when it is used.
func Open(ctx context.Context, location string, opts Options) (Folder, error) {
	p, err := Parse(location)
	if err != nil {
		return nil, err
	}
	if p.Scheme == "file" {
		return disk{p}, nil
	}
	return openObjects(ctx, p, opts)
}

// anyRegion is what requests to an S3 that is not AWS' are signed for, which has no regions.
const anyRegion = "us-east-1"

// address is what gocloud opens a bucket by.
func address(p Place, opts Options) string {
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
