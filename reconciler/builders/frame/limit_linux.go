// SPDX-License-Identifier: Apache-2.0

package frame

import "syscall"

// limitData bounds the memory that the process can write to. The address space is not bounded: Go reserves more of
// it than it uses. Where it fails, the garbage collector's own limit is what remains.
func limitData(bytes int64) {
	limit := syscall.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)} //nolint:gosec // more than nothing
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &limit)
}
