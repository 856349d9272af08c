package main

import (
	"cmp"
	"errors"
	"os"
	"slices"
)

// family is all processes of the demo.
type family struct {
	died    func(error)
	hold    *os.File // inherited by each, so that others can see when the last is gone
	members []*child
}

func newFamily(died func(error), hold *os.File) *family { return &family{died: died, hold: hold} }

// start adds a process.
func (f *family) start(spec childSpec) (*child, error) {
	c, err := startChild(spec, f.hold, f.died)
	if err != nil {
		return nil, err
	}
	f.members = append(f.members, c)
	return c, nil
}

// stop ends all processes: wave after wave, and those of one wave together.
func (f *family) stop() error {
	for _, c := range f.members {
		c.stopping.Store(true) // none of them ends by itself from here on
	}
	slices.SortStableFunc(f.members, func(a, b *child) int { return cmp.Compare(b.wave, a.wave) })
	var errs []error
	for len(f.members) > 0 {
		last := slices.IndexFunc(f.members, func(c *child) bool { return c.wave != f.members[0].wave })
		if last < 0 {
			last = len(f.members)
		}
		results := make(chan error)
		for _, c := range f.members[:last] {
			go func() { results <- c.stop() }()
		}
		for range last {
			errs = append(errs, <-results)
		}
		f.members = f.members[last:]
	}
	return errors.Join(errs...)
}
