// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The files that are written.
const (
	KeyFile  = "trunkline-github.pem"
	HookFile = "trunkline-github-hook-secret"
)

// Files are the places of an App's secrets. They are made before GitHub is asked for anything: it hands the key out once.
type Files struct {
	key, hook *os.File
}

// Reserve makes the files in a folder, empty and for nobody else to read. Those that are there are never written over.
func Reserve(folder string) (*Files, error) {
	f := &Files{}
	for _, each := range []struct {
		name string
		into **os.File
	}{{KeyFile, &f.key}, {HookFile, &f.hook}} {
		name := filepath.Join(folder, each.name)
		made, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case errors.Is(err, fs.ErrExist):
			err = fmt.Errorf("%s exists already, and may be the secret of an App that is in use: move it away, or choose another folder", name)
		case err != nil:
			err = fmt.Errorf("making the file for a secret of the App: %w", err)
		}
		if err != nil {
			return nil, errors.Join(err, f.Discard())
		}
		*each.into = made
	}
	return f, nil
}

// Discard removes the files that were not written.
func (f *Files) Discard() error {
	return errors.Join(remove(&f.key), remove(&f.hook))
}

func remove(file **os.File) error {
	if *file == nil {
		return nil
	}
	name := (*file).Name()
	err := errors.Join((*file).Close(), os.Remove(name))
	*file = nil
	return err
}

// Write writes the secrets of an App. Without a webhook there may be none, and no file then.
func (f *Files) Write(app App) error {
	err := write(&f.key, app.Key)
	if len(app.HookSecret) == 0 {
		return errors.Join(err, remove(&f.hook))
	}
	return errors.Join(err, write(&f.hook, app.HookSecret))
}

// write fills a file. One that cannot be written completely is removed: half a key helps nobody.
func write(file **os.File, secret Secret) error {
	_, err := (*file).Write(secret)
	if err = errors.Join(err, (*file).Sync()); err != nil {
		return errors.Join(fmt.Errorf("writing a secret of the App: %w", err), remove(file))
	}
	err = (*file).Close()
	*file = nil
	return err
}
