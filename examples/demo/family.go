// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"os"
	"slices"

	"trunkline.dev/trunkline/test/stage"
)

// member is a process of the demo. Those of the highest wave are stopped first, because they use the others.
type member struct {
	*stage.Process

	wave int
}

// family is all processes of the demo.
type family struct {
	exited  func(error)
	hold    *os.File // inherited by each, so that others can see when the last is gone
	members []member
}

func newFamily(exited func(error), hold *os.File) *family { return &family{exited: exited, hold: hold} }

// start adds a process.
func (f *family) start(spec stage.Spec, wave int) (*stage.Process, error) {
	spec.Files = append(spec.Files, f.hold)
	spec.Exited = func(err *stage.ExitedError) { f.exited(err) }
	p, err := stage.Start(spec)
	if err != nil {
		return nil, err
	}
	f.members = append(f.members, member{p, wave})
	return p, nil
}

// stop ends all processes: wave after wave, and those of one wave together.
func (f *family) stop() error {
	for _, m := range f.members {
		m.Expect()
	}
	slices.SortStableFunc(f.members, func(a, b member) int { return cmp.Compare(b.wave, a.wave) })
	var errs []error
	for len(f.members) > 0 {
		last := slices.IndexFunc(f.members, func(m member) bool { return m.wave != f.members[0].wave })
		if last < 0 {
			last = len(f.members)
		}
		results := make(chan error)
		for _, m := range f.members[:last] {
			go func() { results <- m.Stop() }()
		}
		for range last {
			errs = append(errs, <-results)
		}
		f.members = f.members[last:]
	}
	return errors.Join(errs...)
}
