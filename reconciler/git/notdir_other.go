// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package git

import "io/fs"

// errNotDir is what asking for a file "inside" a file gives.
var errNotDir = fs.ErrNotExist
