// SPDX-License-Identifier: Apache-2.0

// Package stores removes folders of the object stores that the datasets of an environment are in: a location such as
// "s3://acme-dev/previews/pr-7/", which ends in "/" and is no whole store.
//
// Of Trunkline it imports flow/bucket, which opens the stores.
package stores

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/flow/bucket"
)

// Stores opens object stores. Its methods may be called by any goroutine.
type Stores struct{ opts bucket.Options }

// New returns the stores.
func New(opts bucket.Options) *Stores { return &Stores{opts: opts} }

// Check returns why nothing can be removed from a location; nil: it can.
func (s *Stores) Check(address string) error {
	_, err := parse(address)
	return err
}

// parse reads the location of what is removed as a whole.
func parse(address string) (location.Location, error) {
	l, err := bucket.Parse(address)
	if err == nil && (l.Folder == "" || !strings.HasSuffix(address, "/")) {
		err = fmt.Errorf("the location %q is no folder: it does not end in /, or is a whole store", address)
	}
	return l, err
}

// root opens the folder that a folder of this machine is in. Without it, there is nothing in the store.
func root(p location.Location) (dir *os.Root, name string, err error) {
	path := filepath.Clean("/" + filepath.FromSlash(p.Folder))
	dir, err = os.OpenRoot(filepath.Dir(path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("opening the store: %w", err)
	}
	return dir, filepath.Base(path), nil
}
