// SPDX-License-Identifier: Apache-2.0

// Package manifest reads the YAML that engines consume and produce: strictly, and within bounds.
//
// It is pure. Of Trunkline it may import api only.
package manifest
