// SPDX-License-Identifier: Apache-2.0

// Package rendercache keeps what releases rendered to on disk, so that a daemon that starts again renders nothing that
// it rendered before.
//
// An entry is kept under a key: everything of the release outside of the tree ([render.Fingerprint]), and the program
// that rendered it, which holds the engines and the embedded blueprints. In the entry stand the facts that the render
// depended on in the tree: the content of each path that was read, the absence of each that was looked for, the names
// in each folder that was listed. It counts for any tree in which all of these hold, whatever commit it is of. A tree
// of Git tells them without reading a file.
//
// What is rendered can hold Secrets, and decides what is applied. So the folder is the daemon's alone, and each entry
// is authenticated with a key that does not lie in it: one that was damaged, altered or put there by others is deleted,
// and its release is rendered again. No error of the cache is ever one of a render.
//
// It may import catalog and render, and what is below them.
package rendercache
