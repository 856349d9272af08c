// SPDX-License-Identifier: Apache-2.0

// Package stage starts what a program needs that shows or measures Trunkline with everything real: processes that end
// with it, the daemon, and a Git repository to make commits in.
//
// It may know console/client.
package stage
