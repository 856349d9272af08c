// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the devcluster program from outside. It must not import k8s.io/kubernetes, so that it compiles fast.
package e2e
