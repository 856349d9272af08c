// SPDX-License-Identifier: Apache-2.0

// Package e2e holds tests of the daemon as a process: the real binary, a real repository, a real API server.
package e2e
