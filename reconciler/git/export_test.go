// SPDX-License-Identifier: Apache-2.0

package git

import "errors"

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
