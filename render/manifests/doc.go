// SPDX-License-Identifier: Apache-2.0

// Package manifests reads plain manifests out of a tree, such as CI has rendered: files of YAML and JSON, taken as they are.
//
// The package is pure. It may import nothing of Trunkline but api and render/internal.
package manifests
