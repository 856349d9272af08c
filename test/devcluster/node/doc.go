// SPDX-License-Identifier: Apache-2.0

// Package node plays the nodes of a devcluster: it registers them, keeps them alive, and brings the pods that are
// scheduled to them to an end that suits the mode.
//
//   - [Fake]: nothing runs. A pod is Running and Ready at once, a Job's pod Succeeded. For scale.
//   - [Exec]: pods of the image trunkline.local/host run as processes of this machine (subpackage container).
//
// It may import client-go and its relatives, never k8s.io/kubernetes.
package node
