// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// filesInterval is how often files are looked at that may be replaced, at most.
const filesInterval = time.Second

// files returns what some files say, as they are now. Whoever renews it replaces them; what cannot be used leaves what was
// read before in use.
type files[T any] struct {
	what  string
	names []string
	read  func() (T, error)
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	current T
	// state is that of the files that current was read from, and looked when they were last looked at.
	state  []fileState
	looked time.Time
}

// fileState differs once a file was replaced.
type fileState struct {
	modified time.Time
	size     int64
}

// newFiles reads the files, which have to be good at first. Names that are empty stand for none.
func newFiles[T any](what string, names []string, read func() (T, error), now func() time.Time, log *slog.Logger) (*files[T], error) {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	f := &files[T]{what: what, names: names, read: read, now: now, log: log}
	state, statErr := f.stat() // before they are read: what comes in between is read again
	current, err := read()
	if err == nil {
		err = statErr
	}
	f.current, f.state, f.looked = current, state, now()
	return f, err
}

func (f *files[T]) get() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= filesInterval || now.Before(f.looked) {
		f.looked = now
		state, err := f.stat()
		if err == nil && !slices.Equal(state, f.state) {
			var next T
			// They may be replaced one after the other: then they do not fit each other, and are read again later.
			if next, err = f.read(); err == nil {
				f.current, f.state = next, state
				f.log.Info("files were replaced and are read again", "what", f.what)
			}
		}
		if err != nil {
			f.log.Warn("cannot read files that were replaced; what they said before stays in use", "what", f.what, "err", err.Error())
		}
	}
	return f.current
}

func (f *files[T]) stat() ([]fileState, error) {
	state := make([]fileState, len(f.names))
	for i, name := range f.names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.what, err)
		}
		state[i] = fileState{info.ModTime(), info.Size()}
	}
	return state, nil
}
