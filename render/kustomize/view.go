// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Kind is what is at a path.
type Kind byte

// The kinds of an [Entry].
const (
	Missing    Kind = 'm'
	Folder     Kind = 'd'
	File       Kind = 'f'
	Unreadable Kind = 'u'
)

// Entry is what is at a path.
type Entry struct {
	Kind Kind
	// Data is the content of a File, of one that is Unreadable why, and of a Folder that a link leads to its own path.
	Data []byte
}

// view shows Kustomize the files of a job, to be read only.
type view struct {
	job  Job
	more map[string]Entry // what was looked at beyond what the job came with
}

var _ filesys.FileSystem = (*view)(nil)

var errReadOnly = errors.New("the tree cannot be written to")

func (v *view) entry(name string) Entry {
	name = path.Clean(name)
	if e, known := v.job.Seen[name]; known {
		return e
	}
	if e, known := v.more[name]; known {
		return e
	}
	e := Entry{Kind: Missing}
	if v.job.Stat != nil {
		e = v.job.Stat(name)
	}
	v.more[name] = e
	return e
}

// ReadFile implements [filesys.FileSystem].
func (v *view) ReadFile(name string) ([]byte, error) {
	switch e := v.entry(name); e.Kind {
	case File:
		return e.Data, nil
	case Folder:
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a folder")}
	case Unreadable:
		return nil, errors.New(string(e.Data))
	default:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
}

// IsDir implements [filesys.FileSystem].
func (v *view) IsDir(name string) bool { return v.entry(name).Kind == Folder }

// Exists implements [filesys.FileSystem].
func (v *view) Exists(name string) bool { return v.entry(name).Kind != Missing }

// CleanedAbs implements [filesys.FileSystem]. A folder is where the link that leads to it ends; the tree follows links to
// files by itself, and none out of it.
func (v *view) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	name = path.Clean("/" + name)
	switch e := v.entry(name); e.Kind {
	case Folder:
		if len(e.Data) > 0 {
			name = string(e.Data)
		}
		return filesys.ConfirmedDir(name), "", nil
	case File, Unreadable:
		return filesys.ConfirmedDir(path.Dir(name)), path.Base(name), nil
	default:
		return "", "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
}

// Open implements [filesys.FileSystem]. Kustomize reads whole files only.
func (v *view) Open(name string) (filesys.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}

// ReadDir implements [filesys.FileSystem]. Kustomize does not list what it renders.
func (v *view) ReadDir(name string) ([]string, error) {
	return nil, &fs.PathError{Op: "list", Path: name, Err: errors.ErrUnsupported}
}

// Glob implements [filesys.FileSystem].
func (v *view) Glob(string) ([]string, error) { return nil, errors.ErrUnsupported }

// Walk implements [filesys.FileSystem].
func (v *view) Walk(string, filepath.WalkFunc) error { return errors.ErrUnsupported }

// Create implements [filesys.FileSystem].
func (v *view) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir implements [filesys.FileSystem].
func (v *view) Mkdir(string) error { return errReadOnly }

// MkdirAll implements [filesys.FileSystem].
func (v *view) MkdirAll(string) error { return errReadOnly }

// RemoveAll implements [filesys.FileSystem].
func (v *view) RemoveAll(string) error { return errReadOnly }

// WriteFile implements [filesys.FileSystem].
func (v *view) WriteFile(string, []byte) error { return errReadOnly }
