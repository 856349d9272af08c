// SPDX-License-Identifier: Apache-2.0

// Package component runs one part of a Kubernetes control plane in this process: etcd and the API server, the
// controller manager, or the scheduler. Each wants a process for itself (each installs the process's signal handler),
// so the devcluster program re-executes itself once per part; see package controlplane for the other side.
//
// It is the only package of this module that may import k8s.io/kubernetes, which takes minutes to compile.
package component
