// SPDX-License-Identifier: Apache-2.0

// Package helm renders Helm charts in memory, as a template engine only: no release, no cluster. Hooks become objects of
// earlier and later waves.
//
// Charts are loaded, their values merged and their dependencies resolved by Helm's own packages. The templates
// are executed by this package and not by Helm's engine, because a chart comes from a pull request and Helm's
// engine cannot be held to anything while it runs: `repeat 1000000000000 "x"` takes all memory, two templates
// that include each other twice run forever, `set $d "self" $d` printed ends the process, and `now` or `keys`
// give other bytes each time. Here a render has a budget of steps and bytes and stops with its context, and
// every function either returns the same result each time or refuses to be called. What a well-behaved chart
// renders to is what Helm renders it to: a test compares the two byte by byte.
//
// The package is pure. It may import nothing of Trunkline but api/schema and render/internal.
package helm
