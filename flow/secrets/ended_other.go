// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package secrets

import "os"

// passed are the signals that are passed on.
var passed = []os.Signal{os.Interrupt}

// exitCode is how a program ended.
func exitCode(state *os.ProcessState) int { return state.ExitCode() }
