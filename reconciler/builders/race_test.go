// SPDX-License-Identifier: Apache-2.0

//go:build race

package builders_test

// racing reports whether the race detector is on: it takes memory that no limit can hold.
const racing = true
