// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package s3test

import "os/exec"

// harden changes nothing here: a test that is killed leaves its server behind.
func harden(*exec.Cmd) {}
