// SPDX-License-Identifier: Apache-2.0

package subject

// File is a file of the tree.
type File struct {
	// Path is the file's in the tree, with slashes.
	Path string
	Data []byte
}

// Folder is a folder of policies, with all files below it.
type Folder struct {
	// Path is the folder's in the tree; empty: the tree's root.
	Path  string
	Files []File
}
