// SPDX-License-Identifier: Apache-2.0

// Package build finds the files of a project that its image is made of. They are those of a tree, whether that is a commit or a folder on
// disk, so that both make the same image.
//
// It is pure. Of Trunkline it may import api and build.
package build
