// SPDX-License-Identifier: Apache-2.0

// Package image puts the files of a project on an image, as its last layer: the same files on the same image are the same one, byte for
// byte. It also judges whether that is all that an image is.
//
// It asks nobody: what it is given reads what is needed of a registry. Of Trunkline it may import api and build.
package image
