// SPDX-License-Identifier: Apache-2.0

// Package bucket reads and writes folders of object stores: "s3://", and "s3a://" as Spark calls it, of AWS or of any endpoint, and
// "file:///" for folders of this machine; with the build tag stores_cloud also "gs://" and "azblob://". Credentials are those that the
// cloud's own tools use, and no text of an error has any.
//
// Of Trunkline it imports api/location only.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"time"

	"gocloud.dev/blob"

	"trunkline.dev/trunkline/api/location"
)

// Options say where stores are.
type Options struct {
	// Endpoint is the address of an S3 that is not AWS', with the bucket in the path; empty: AWS, in the region that its own
	// configuration says.
	Endpoint string
	// Shared has the clients of stores used again; nil: each folder that is opened has one of its own.
	Shared *Shared
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
type Folder interface { //nolint:interfacebloat // it is all that a store does; who needs less declares less
	// List lists the objects whose keys begin with a prefix, in the order of their keys, without reading them. It holds no more than a
	// page of them. An error is the last that is yielded. A folder that is not there is empty.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Between lists the objects whose keys begin with a prefix, from the first key on up to those that begin with the last. Few is about
	// how many there are. Where the store can begin with a key, that is one request for each thousand; elsewhere ok is false.
	Between(ctx context.Context, prefix, first, last string, few int) (found iter.Seq2[Object, error], ok bool)
	// Read returns the content of an object. One that is larger than max is Invalid.
	Read(ctx context.Context, key string, max int64) ([]byte, error)
	// Get returns the content of an object with what a listing says of it. Its ETag is empty where the store does not say it with the
	// content, and when it was written may be said in whole seconds.
	Get(ctx context.Context, key string, max int64) ([]byte, Object, error)
	// Create writes an object as a whole or not at all. If there is one, the error is Exists and nothing was written; after any other
	// error it may have been.
	Create(ctx context.Context, key string, data []byte) error
	// Replace writes an object as a whole or not at all, whatever is there.
	Replace(ctx context.Context, key string, data []byte) error
	// Delete deletes an object; one that is not there is deleted.
	Delete(ctx context.Context, key string) error
	// Close releases what was opened.
	Close() error
}

// With opens a folder for as long as something is done with it.
func With(ctx context.Context, address string, opts Options, do func(Folder) error) error {
	f, err := Open(ctx, address, opts)
	if err != nil {
		return err
	}
	return errors.Join(do(f), f.Close())
}

// Parse reads the location of a folder, and refuses one of a kind of store that this program has no client of.
func Parse(address string) (location.Location, error) {
	l, err := location.Parse(address)
	if err == nil && l.Scheme != "file" && !blob.DefaultURLMux().ValidBucketScheme(l.Scheme) {
		err = fmt.Errorf("%s: this program was built without the client of %s; build it with the tag stores_cloud", l, l.Scheme)
	}
	if err != nil {
		return location.Location{}, &Error{Invalid, scrub(err.Error()), err}
	}
	return l, nil
}

// Open opens a folder. That it is there is seen when it is used.
func Open(ctx context.Context, address string, opts Options) (Folder, error) {
	p, err := Parse(address)
	if err != nil {
		return nil, err
	}
	if p.Scheme == "file" {
		return disk{p}, nil
	}
	if u, err := url.Parse(opts.Endpoint); err != nil || u.User != nil || u.RawQuery != "" {
		return nil, &Error{Class: Invalid, text: "the endpoint of S3 is no plain URL such as https://minio.example.com; credentials are those of AWS' own tools"}
	}
	return openObjects(ctx, p, opts)
}
