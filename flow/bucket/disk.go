// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"trunkline.dev/trunkline/api/location"
)

// disk is a folder of this machine. Nothing of it is reached through a link that leads out of it.
type disk struct{ place location.Location }

// Close has nothing to give back: the folder is opened when it is used.
func (disk) Close() error { return nil }

func (d disk) dir() string { return filepath.Clean("/" + filepath.FromSlash(d.place.Folder)) }

// staging is where files are written before they have their name.
const staging = ".trunkline-writing"

// List walks the folders.
func (d disk) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		root, err := os.OpenRoot(d.dir())
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err == nil {
			defer func() { _ = root.Close() }()
			top, _ := path.Split(prefix)
			err = walk(ctx, root.FS(), path.Clean(top), prefix, func(o Object) bool { return yield(o, nil) })
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Object{}, wrap(err, "listing "+d.place.String()+prefix))
		}
	}
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// walk yields the files below a folder whose paths begin with the prefix, in the order of their paths. What cannot be read is an error:
// it is not known to be empty.
func walk(ctx context.Context, files fs.FS, dir, prefix string, yield func(Object) bool) error {
	entries, err := fs.ReadDir(files, dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return ctx.Err()
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	key := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(key(a), key(b)) })
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case name == staging:
		case e.IsDir():
			if strings.HasPrefix(name+"/", prefix) || strings.HasPrefix(prefix, name+"/") {
				err = walk(ctx, files, name, prefix, yield)
			}
		case e.Type().IsRegular() && strings.HasPrefix(name, prefix):
			info, failed := e.Info()
			if errors.Is(failed, fs.ErrNotExist) {
				continue // it was deleted meanwhile
			}
			if err = failed; err == nil && !yield(object(name, info)) {
				err = errEnough
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func object(key string, info fs.FileInfo) Object {
	return Object{Key: key, Written: info.ModTime().UTC(), ETag: stamp(info), Size: info.Size()}
}

// stamp stands for the content of a file.
func stamp(info fs.FileInfo) string {
	return fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size())
}

// Between cannot begin with a key: to know which files a folder has, all of them are read.
func (disk) Between(context.Context, string, string, string, int) (iter.Seq2[Object, error], bool) {
	return nil, false
}

// Read reads no more than max.
func (d disk) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	data, _, err := d.Get(ctx, key, limit)
	return data, err
}

// Get reads no more than max, of one file, whatever takes its name meanwhile.
func (d disk) Get(_ context.Context, key string, limit int64) ([]byte, Object, error) {
	data, info, err := d.read(key, limit)
	if err != nil {
		return nil, Object{}, wrap(err, "reading "+d.place.String()+key)
	}
	if int64(len(data)) > limit {
		return nil, Object{}, tooLarge(d.place, key, limit)
	}
	return data, object(key, info), nil
}

func (d disk) read(key string, limit int64) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenInRoot(d.dir(), filepath.FromSlash(key))
	if err != nil {
		return nil, nil, err
	}
	var data []byte
	info, err := f.Stat()
	if err == nil {
		data, err = readAll(f, limit)
	}
	return data, info, errors.Join(err, f.Close())
}

// Create writes a file under another name, and links it to its own if that is free, which the file system decides at once for all
// processes.
func (d disk) Create(_ context.Context, key string, data []byte) error {
	return wrap(d.write(key, data, (*os.Root).Link), "writing "+d.place.String()+key)
}

// Replace writes a file under another name, and gives it its own then.
func (d disk) Replace(_ context.Context, key string, data []byte) error {
	return wrap(d.write(key, data, (*os.Root).Rename), "writing "+d.place.String()+key)
}

// write writes a file under another name, and has it get its own in some way.
func (d disk) write(key string, data []byte, name func(root *os.Root, from, to string) error) (err error) {
	var f *os.File
	err = within(func() (err error) {
		f, err = os.CreateTemp(filepath.Join(d.dir(), staging), "*")
		return err
	}, func() error {
		return os.MkdirAll(filepath.Join(d.dir(), staging), 0o755) //nolint:gosec // what reads manifests may run as someone else
	})
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(d.dir())
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	temp := filepath.Join(staging, filepath.Base(f.Name()))
	defer func() {
		if gone := root.Remove(temp); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	own := filepath.FromSlash(key)
	err = within(func() error { return name(root, temp, own) }, func() error { return root.MkdirAll(filepath.Dir(own), 0o755) })
	if err != nil {
		return err
	}
	return syncFolder(root, filepath.Dir(own))
}

// within does something in a folder, which is made if it is not there: most are, and to look for each on the way to it takes longer than to write
// a file.
func within(do, mkdir func() error) error {
	err := do()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := mkdir(); err != nil {
		return err
	}
	return do()
}

// syncFolder has what is in a folder survive a power failure.
func syncFolder(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Delete deletes a file. Folders stay.
func (d disk) Delete(_ context.Context, key string) error {
	return wrap(d.remove(key), "deleting "+d.place.String()+key)
}

func (d disk) remove(key string) (err error) {
	root, err := os.OpenRoot(d.dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	name := filepath.FromSlash(key)
	if err := root.Remove(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return syncFolder(root, filepath.Dir(name))
}
