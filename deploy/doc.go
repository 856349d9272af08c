// SPDX-License-Identifier: Apache-2.0

// Package deploy is how the daemon is installed on Kubernetes: a Helm chart in charts, and manifests for Kustomize in kustomize, made from the
// chart. The chart is embedded. The tests of this package make what is generated (with -update), and install the chart on a cluster.
//
// It imports nothing of Trunkline; its tests import what they need to make schemas, and to look at a daemon.
package deploy

import _ "embed"

// DaemonRights are the manifests of the daemon's account, with the least rights that it needs on a cluster.
//
//go:embed kustomize/rbac/daemon.yaml
var DaemonRights []byte
