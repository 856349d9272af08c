// SPDX-License-Identifier: Apache-2.0

package shard

import "strings"

// Term is for how long one replica leads without another in between.
type Term struct {
	// Of is the same for all terms that can be compared; that of a later one has a greater Epoch.
	Of    string
	Epoch int64
}

// Term returns that of the replica that leads, as this one knows it. While this one leads it is its own.
func (c *Coordinator) Term() Term {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.term
}

// Heir reports whether the replica that led last before this one had the same identity. It is false if that is not known.
func (c *Coordinator) Heir() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	random, ok := strings.CutPrefix(c.before, c.opts.Group+"."+c.opts.Identity+".")
	return ok && len(random) == randomLen
}
