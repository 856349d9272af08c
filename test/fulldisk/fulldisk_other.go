// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package fulldisk

import "testing"

// Run skips the test: a disk can be mounted by anybody on Linux only.
func Run(t *testing.T, _ int64, _ func(t *testing.T, d *Disk)) {
	t.Helper()
	t.Skip("no disk can be mounted here: that takes Linux")
}
