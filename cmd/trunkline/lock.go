// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// lock claims the data folder for this process: two daemons in one folder would damage each other's copy.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	l := flock.New(filepath.Join(dir, "lock"))
	ours, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", err)
	}
	if !ours {
		return nil, fmt.Errorf("the data folder %s is used by another trunkline: end that one, or choose another folder with --data", dir)
	}
	return func() {
		_ = l.Unlock() // it ends with the process in any case
	}, nil
}

// untilEOF returns a context that also ends when a reader does.
func untilEOF(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, r) // an error is an end too
	}()
	return ctx
}
