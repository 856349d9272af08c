// SPDX-License-Identifier: Apache-2.0

// Package health says how objects of a cluster are doing, and why one is not well. It decides over values: an object, or
// what was gathered around it.
//
// [Of] returns the state of one object, cheaply, as each event of a watch comes in. [Explain] finds the reason in the
// pods, events and conditions around an object, once someone has gathered them, which costs requests.
//
// Everything that it reads was written by others: it may be malformed, large or meant for a terminal. Texts are made one
// line of bounded length, and nothing in a status can make the package fail.
//
// The package is pure. Of Trunkline it may import api, policy/cel/guard and policy/subject.
package health
