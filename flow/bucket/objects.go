// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/s3blob" // opens "s3://"

	"trunkline.dev/trunkline/api/location"
)

// objects is a folder of an object store.
type objects struct {
	place  location.Location
	bucket *blob.Bucket
}

func openObjects(ctx context.Context, p location.Location, opts Options) (Folder, error) {
	b, err := blob.OpenBucket(ctx, opener(p, opts))
	if err != nil {
		return nil, wrap(err, "opening "+p.String())
	}
	return &objects{p, b}, nil
}

// Location is the folder's address.
func (o *objects) Location() string { return o.place.String() }

// Close ends the connections.
func (o *objects) Close() error { return o.bucket.Close() }

// pageSize is how many objects are listed by a request.
const pageSize = 1000

// List asks for page after page.
func (o *objects) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		fail := func(err error) { yield(Object{}, wrap(err, "listing "+o.place.String()+prefix)) }
		token := blob.FirstPageToken
		for len(token) > 0 {
			page, next, err := o.bucket.ListPage(ctx, token, pageSize, &blob.ListOptions{Prefix: o.place.Folder + prefix})
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				fail(err)
				return
			}
			for _, found := range page {
				if !strings.HasPrefix(found.Key, o.place.Folder+prefix) {
					// A store that lists what was not asked for is not believed in anything.
					fail(fmt.Errorf("the store lists %q, which is not there", found.Key))
					return
				}
			}
			for _, found := range page {
				key := strings.TrimPrefix(found.Key, o.place.Folder)
				if !yield(Object{Key: key, Written: found.ModTime, ETag: etag(found), Size: found.Size}, nil) {
					return
				}
			}
			token = next
		}
	}
}

// Read reads no more than max.
func (o *objects) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	r, err := o.bucket.NewReader(ctx, o.place.Folder+key, nil)
	if err != nil {
		return nil, wrap(err, "reading "+o.place.String()+key)
	}
	data, err := readAll(r, limit)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, wrap(err, "reading "+o.place.String()+key)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(o.place, key, limit)
	}
	return data, nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) { return io.ReadAll(io.LimitReader(r, limit+1)) }

func tooLarge(p location.Location, key string, limit int64) error {
	return &Error{Class: Invalid, text: fmt.Sprintf("reading %s%s: it is larger than %d bytes, which is the limit", p, scrub(key), limit)}
}

// Create has the store refuse what is there.
func (o *objects) Create(ctx context.Context, key string, data []byte) error {
	err := o.bucket.WriteAll(ctx, o.place.Folder+key, data, &blob.WriterOptions{IfNotExist: true, ContentType: "application/json"})
	return wrap(err, "writing "+o.place.String()+key)
}

// Delete deletes an object.
func (o *objects) Delete(ctx context.Context, key string) error {
	err := wrap(o.bucket.Delete(ctx, o.place.Folder+key), "deleting "+o.place.String()+key)
	if ClassOf(err) == NotFound {
		return nil
	}
	return err
}
