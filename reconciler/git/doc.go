// SPDX-License-Identifier: Apache-2.0

// Package git turns a Git repository into values: a bare object store on disk that is fetched into,
// trees that are read from its objects as file systems, and the difference between two of them.
//
// Pull requests are fetched from the repository that they are to be merged into ([Store.FetchPulls]), and two commits are
// merged in the store, as git merges them ([Store.Merge]).
//
// Nothing is ever checked out. A [Tree] reads blobs by hash, so a repository has no path to write
// outside of, no link to escape through, and any number of commits can be read side by side.
//
// What a server or a repository can send is treated as hostile: URLs, branch names, credentials on
// redirects, packs, tree objects, symbolic links and sizes all have a bound and a refusal of their own.
// An error never moves what the store calls its head, so whatever runs stays as it is.
//
// The package may import the standard library, go-git, x/crypto/ssh with known_hosts, and a back-off;
// nothing of Trunkline.
package git
