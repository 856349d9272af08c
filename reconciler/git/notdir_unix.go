// SPDX-License-Identifier: Apache-2.0

//go:build unix

package git

import "syscall"

// errNotDir is the error of opening a file "inside" a file.
var errNotDir error = syscall.ENOTDIR
