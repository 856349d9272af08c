// SPDX-License-Identifier: Apache-2.0

// Package cloud reaches what clouds run for us with the identity that they give this process, so that no secret is stored: clusters of EKS, GKE
// and AKS, and registries of images (ECR, Artifact Registry, ACR). The identity is that of the pod or the machine, or of a federation: what AWS',
// Google's and Azure's own tools find without being told.
//
// A [Clouds] keeps what it was told for as long as it is good, and renews tokens before they end. Tokens are in no error, log or configuration.
//
// It imports nothing of Trunkline.
package cloud
