// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"

	"gocloud.dev/blob"
)

// Data are the objects of a folder of a store, of any size: they are read and written in parts, and none is held as a whole. The methods
// may be called by any goroutine, and their errors have a [Class].
type Data interface {
	// Folder is the address of the folder, which ends in "/".
	Folder() string
	// Open opens an object to be read.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	// Put writes an object as a whole, in place of one that is there, or not at all if the content ends in an error.
	Put(ctx context.Context, key string, content io.Reader) error
	// CopyFrom copies an object of another folder. In one bucket, the store itself copies it, if it is not larger than 5 GiB.
	CopyFrom(ctx context.Context, from Data, fromKey, key string) error
	// Close releases what was opened.
	Close() error
}

// OpenData opens the data of a folder. That it is there is seen when it is used.
func OpenData(ctx context.Context, address string, opts Options) (Data, error) {
	folder, err := Open(ctx, address, opts)
	if err != nil {
		return nil, err
	}
	data, ok := folder.(Data)
	if !ok {
		return nil, errors.Join(&Error{Class: Invalid, text: "the data of " + address + " cannot be read in parts"}, folder.Close())
	}
	return data, nil
}

// partsAtOnce is how many parts of 5 MiB of an object are written at a time.
const partsAtOnce = 2

// maxCopied is how many bytes S3 copies by one request; a larger object goes through this program.
const maxCopied = 5 << 30

// Folder is the address.
func (o *objects) Folder() string { return o.place.String() }

// Open opens an object. What breaks while it is read has a class, too.
func (o *objects) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := o.open(ctx, o.place.Folder+key)
	if err != nil {
		return nil, o.wrap(err, "reading "+o.place.String()+key)
	}
	return &reading{r, "reading " + o.place.String() + key}, nil
}

// reading classifies the errors of a reader.
type reading struct {
	io.ReadCloser

	doing string
}

// Read reads. An error has a class.
func (r *reading) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = wrap(err, r.doing)
	}
	return n, err
}

// Put has gocloud write part after part. The object is there once the last one is.
func (o *objects) Put(ctx context.Context, key string, content io.Reader) error {
	doing := "writing " + o.place.String() + key
	if err := plain(o.place.Folder + key); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := o.bucket.NewWriter(ctx, o.place.Folder+key, &blob.WriterOptions{MaxConcurrency: partsAtOnce})
	if err != nil {
		return o.wrap(err, doing)
	}
	if _, err := io.Copy(w, content); err != nil {
		cancel() // which has Close write nothing
		_ = w.Close()
		return o.wrap(err, doing)
	}
	return o.wrap(w.Close(), doing)
}

// CopyFrom has the store copy what lies in the same bucket.
func (o *objects) CopyFrom(ctx context.Context, from Data, fromKey, key string) error {
	source, ok := from.(*objects)
	if !ok || source.place.Scheme != o.place.Scheme || source.place.Bucket != o.place.Bucket {
		return through(ctx, from, fromKey, o, key)
	}
	if err := errors.Join(plain(source.place.Folder+fromKey), plain(o.place.Folder+key)); err != nil {
		return err
	}
	doing := "copying " + source.place.String() + fromKey + " to " + o.place.String() + key
	found, err := o.bucket.Attributes(ctx, source.place.Folder+fromKey)
	if err != nil {
		return o.wrap(err, doing)
	}
	if found.Size > maxCopied {
		return through(ctx, from, fromKey, o, key)
	}
	return o.wrap(o.bucket.Copy(ctx, o.place.Folder+key, source.place.Folder+fromKey, nil), doing)
}

// through copies an object through this program.
func through(ctx context.Context, from Data, fromKey string, to Data, key string) error {
	r, err := from.Open(ctx, fromKey)
	if err != nil {
		return err
	}
	return errors.Join(to.Put(ctx, key, r), r.Close())
}

// Folder is the address.
func (d disk) Folder() string { return d.place.String() }

// Open opens a file.
func (d disk) Open(_ context.Context, key string) (io.ReadCloser, error) {
	f, err := os.OpenInRoot(d.dir(), filepath.FromSlash(key))
	if err != nil {
		return nil, wrap(err, "reading "+d.place.String()+key)
	}
	return &reading{f, "reading " + d.place.String() + key}, nil
}

// Put writes a file under another name, which begins as that of no data does, and moves it to its own.
func (d disk) Put(ctx context.Context, key string, content io.Reader) error {
	return wrap(d.put(ctx, filepath.FromSlash(key), content), "writing "+d.place.String()+key)
}

func (d disk) put(ctx context.Context, name string, content io.Reader) (err error) {
	if err := os.MkdirAll(d.dir(), 0o755); err != nil { //nolint:gosec // what reads the data may run as someone else
		return err
	}
	root, err := os.OpenRoot(d.dir())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	dir := filepath.Dir(name)
	if err := root.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp := filepath.Join(dir, staging+"-"+rand.Text())
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, until(ctx, content))
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	return nil
}

// until is a reader that ends with a context.
func until(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// CopyFrom copies through this program.
func (d disk) CopyFrom(ctx context.Context, from Data, fromKey, key string) error {
	return through(ctx, from, fromKey, d, key)
}
