// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"trunkline.dev/trunkline/api/location"
)

// objects is a folder of an object store.
type objects struct {
	*client

	place location.Location
	// denied is called when the store refuses the credentials, and release when the folder is closed.
	denied  func()
	release func() error
}

func openObjects(ctx context.Context, l location.Location, opts Options) (Folder, error) {
	if opts.Shared != nil {
		return opts.Shared.folder(ctx, l, opts)
	}
	return openOwn(ctx, l, opts)
}

// openOwn opens a folder with a client of its own.
func openOwn(ctx context.Context, l location.Location, opts Options) (Folder, error) {
	b, remove, err := openBucket(ctx, l, opts, ownConnections)
	if err != nil {
		return nil, err
	}
	return &objects{&client{bucket: b, remove: remove}, l, func() {}, b.Close}, nil
}

// openBucket makes a client.
func openBucket(ctx context.Context, l location.Location, opts Options, how connections) (*blob.Bucket, func(ctx context.Context, key string) error, error) {
	if l.Scheme == "s3" {
		return openS3(ctx, l, opts, how)
	}
	b, err := blob.OpenBucket(ctx, l.Scheme+"://"+l.Bucket)
	if err != nil {
		return nil, nil, wrap(err, "opening "+l.String())
	}
	return b, b.Delete, nil
}

// wrap gives an error its class. Credentials that are refused are read again.
func (o *objects) wrap(err error, doing string) error {
	err = wrap(err, doing)
	if ClassOf(err) == Denied {
		o.denied()
	}
	return err
}

// Close ends the connections, unless others use them.
func (o *objects) Close() error { return o.release() }

// pageSize is how many objects are listed by a request.
const pageSize = 1000

// List asks for page after page.
func (o *objects) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return o.list(ctx, prefix, pageSize, nil)
}

// list asks for page after page of some size. Before changes what is asked for.
func (o *objects) list(ctx context.Context, prefix string, size int, before func(as func(any) bool) error) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		fail := func(err error) { yield(Object{}, o.wrap(err, "listing "+o.place.String()+prefix)) }
		token := blob.FirstPageToken
		for len(token) > 0 {
			page, next, err := o.bucket.ListPage(ctx, token, size, &blob.ListOptions{Prefix: o.place.Folder + prefix, BeforeList: before})
			if err != nil {
				// An end of the connection is one of these, and not the end of the list: that is a page without a next one.
				fail(err)
				return
			}
			for _, found := range page {
				if !strings.HasPrefix(named(found), o.place.Folder+prefix) {
					// A store that lists what was not asked for is not believed in anything.
					fail(fmt.Errorf("the store lists %q, which is not there", named(found)))
					return
				}
			}
			for _, found := range page {
				key := strings.TrimPrefix(named(found), o.place.Folder)
				if !yield(Object{Key: key, Written: found.ModTime, ETag: etag(found), Size: found.Size}, nil) {
					return
				}
			}
			token = next
		}
	}
}

// Between has S3 begin with the first key. A page is not larger than what is looked for, and what others have beside it.
func (o *objects) Between(ctx context.Context, prefix, first, last string, few int) (iter.Seq2[Object, error], bool) {
	if o.place.Scheme != "s3" {
		return nil, false
	}
	begin := func(as func(any) bool) error { //nolint:unparam // it is gocloud that has it return one
		var in *s3.ListObjectsV2Input
		if as(&in) && in.ContinuationToken == nil && len(first) > len(prefix) {
			in.StartAfter = aws.String(o.place.Folder + first[:len(first)-1]) // it is not listed itself
		}
		return nil
	}
	return func(yield func(Object, error) bool) {
		for found, err := range o.list(ctx, prefix, min(pageSize, 2*few+10), begin) {
			switch {
			case err == nil && found.Key < first: // it began earlier
			case err == nil && found.Key > last && !strings.HasPrefix(found.Key, last):
				return
			case !yield(found, err):
				return
			}
		}
	}, true
}

// Read reads no more than max.
func (o *objects) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	data, _, err := o.Get(ctx, key, limit)
	return data, err
}

// Get reads no more than max. Of gocloud's stores, S3 says the tag with the content.
func (o *objects) Get(ctx context.Context, key string, limit int64) ([]byte, Object, error) {
	r, err := o.open(ctx, o.place.Folder+key)
	if err != nil {
		return nil, Object{}, o.wrap(err, "reading "+o.place.String()+key)
	}
	data, err := readAll(r, limit)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, Object{}, o.wrap(err, "reading "+o.place.String()+key)
	}
	if int64(len(data)) > limit {
		return nil, Object{}, tooLarge(o.place, key, limit)
	}
	found := Object{Key: key, Written: r.ModTime(), Size: r.Size()}
	var got s3.GetObjectOutput
	if r.As(&got) && got.ETag != nil {
		found.ETag = strings.Trim(*got.ETag, `"`)
	}
	return data, found, nil
}

func (o *objects) open(ctx context.Context, key string) (*blob.Reader, error) {
	if err := plain(key); err != nil {
		return nil, err
	}
	return o.bucket.NewReader(ctx, key, nil)
}

// plain refuses keys that gocloud would write in its own way, so that another object would be meant.
func plain(key string) error {
	if strings.Contains(key, "__0x") || strings.Contains(key+"/", "../") || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' }) {
		return &Error{Class: Invalid, text: fmt.Sprintf("%q is not the key of an object that can be read or written here", scrub(key))}
	}
	return nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) { return io.ReadAll(io.LimitReader(r, limit+1)) }

func tooLarge(p location.Location, key string, limit int64) error {
	return &Error{Class: Invalid, text: fmt.Sprintf("reading %s%s: it is larger than %d bytes, which is the limit", p, scrub(key), limit)}
}

// Create has the store refuse what is there.
func (o *objects) Create(ctx context.Context, key string, data []byte) error {
	if err := plain(o.place.Folder + key); err != nil {
		return err
	}
	err := o.bucket.WriteAll(ctx, o.place.Folder+key, data, &blob.WriterOptions{IfNotExist: true, ContentType: "application/json"})
	return o.wrap(err, "writing "+o.place.String()+key)
}

// Replace does not ask what is there.
func (o *objects) Replace(ctx context.Context, key string, data []byte) error {
	if err := plain(o.place.Folder + key); err != nil {
		return err
	}
	err := o.bucket.WriteAll(ctx, o.place.Folder+key, data, &blob.WriterOptions{ContentType: "application/octet-stream"})
	return o.wrap(err, "writing "+o.place.String()+key)
}

// Delete deletes an object.
func (o *objects) Delete(ctx context.Context, key string) error {
	err := o.wrap(o.remove(ctx, o.place.Folder+key), "deleting "+o.place.String()+key)
	if ClassOf(err) == NotFound {
		return nil
	}
	return err
}
