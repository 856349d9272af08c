// SPDX-License-Identifier: Apache-2.0

//go:build unix

package git

import "syscall"

// errNotDir is what asking for a file "inside" a file gives.
var errNotDir error = syscall.ENOTDIR
