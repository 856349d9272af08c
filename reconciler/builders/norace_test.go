// SPDX-License-Identifier: Apache-2.0

//go:build !race

package builders_test

const racing = false
