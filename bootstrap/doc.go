// SPDX-License-Identifier: Apache-2.0

// Package bootstrap says what a platform begins with that deploys itself: the files of its repository, among them the daemon as a
// project of it, and the rights that the daemon needs in its cluster. What is there already is compared with that, and kept: [Compare] decides
// which files are written, which follow the version of the program, and what is refused.
//
// The package is pure. reconciler/workdir is the repository on disk, and reconciler/install the cluster.
//
// Of Trunkline it may import api, catalog, deploy, render and scaffold.
package bootstrap
