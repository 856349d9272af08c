// SPDX-License-Identifier: Apache-2.0

package plan

import "k8s.io/apimachinery/pkg/runtime/schema"

// Tally counts objects by kind.
type Tally map[schema.GroupKind]int

// Sum counts all of them.
func (t Tally) Sum() (n int) {
	for _, of := range t {
		n += of
	}
	return n
}

// Lost counts the objects for which another tally has none of their kind. An object that gets another name is replaced, and not
// lost: what names carry a hash or a version in them changes with each commit. One that becomes another kind is lost: nothing
// says that the new one does what it did.
func (t Tally) Lost(next Tally) (n int) {
	for kind, of := range t {
		n += max(0, of-next[kind])
	}
	return n
}
