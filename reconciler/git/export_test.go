// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// OnStep has a function called between the steps that change what is on disk.
func (s *Store) OnStep(step func(name string)) { s.step = step }

// ClassOf returns the class of an error of this package; an error of unknown origin is transient,
// because trying again is the harmless guess.
func ClassOf(err error) Class {
	if c, ok := errors.AsType[interface {
		error
		Class() Class
	}](err); ok {
		return c.Class()
	}
	return Transient
}

// WithLimits replaces the default limits.
func WithLimits(l Limits) Option { return func(to *Limits) { *to = l } }

// IsComposition reports whether the bytes of a commit are those of one that joins others.
func IsComposition(raw []byte) bool {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.CommitObject)
	_, _ = o.Write(raw)
	c := &object.Commit{}
	if err := c.Decode(o); err != nil {
		return false
	}
	_, ok := compositionOf(c)
	return ok
}
