// SPDX-License-Identifier: Apache-2.0

// Package signers says who signed a commit, and whether that is someone who may: the holders of OpenPGP keys and of SSH
// keys that whoever runs the daemon lists. It knows commits as the bytes that Git stores, since these are what is signed.
//
// It reads no files, asks no server and has no clock. It may import nothing of Trunkline.
package signers
