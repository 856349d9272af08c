// SPDX-License-Identifier: Apache-2.0

// Package manifest reads the YAML that engines take in and give out: strictly, and within bounds.
//
// It is pure and imports nothing of Trunkline.
package manifest
