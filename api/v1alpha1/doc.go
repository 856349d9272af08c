// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the declarations that teams write into the monorepo, and the strict decoder that
// turns their YAML or JSON into values without losing where each of them stands.
//
// It may import nothing else of Trunkline. A declaration is a document whose apiVersion is
// "trunkline.dev/v1alpha1"; every other document is foreign and is ignored.
package v1alpha1
