// Package kustomize renders Kustomize bases and overlays out of a tree.
//
// The package is pure. It may import nothing of Trunkline but render/internal.
package kustomize
