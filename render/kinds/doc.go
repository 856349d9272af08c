// SPDX-License-Identifier: Apache-2.0

// Package kinds knows the kinds that Kubernetes has by itself: in which versions they are served, and which fields they
// have. It holds objects to them as the API server does when they are applied, with the code that the API server uses for it.
//
// It is pure, and may import package api/v1alpha1 of Trunkline.
package kinds
