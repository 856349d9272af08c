// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package git

import "io/fs"

// errNotDir is the error of opening a file "inside" a file.
var errNotDir = fs.ErrNotExist
