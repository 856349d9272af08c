// SPDX-License-Identifier: Apache-2.0

package compat

import "slices"

// String returns the change on one line, for the messages of tests.
func (c Change) String() string {
	if c.Path == "" {
		return c.Message
	}
	return c.Path + ": " + c.Message
}

// Breaking reports whether changes are known to break readers; those that are left are undecided.
func Breaking(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return !c.Undecided })
}
