// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/cloud"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// clusterUsage says how a cluster is named.
const clusterUsage = "a cluster and how to reach it: NAME=KUBECONFIG, NAME=KUBECONFIG#CONTEXT, NAME=in-cluster, or the address of one that a cloud runs, " +
	"NAME=eks://…, gke://… or aks://… (docs/clouds.md); repeat for each"

// newClouds makes what reaches clusters and registries of clouds.
func newClouds() *cloud.Clouds { return cloud.New(cloud.Options{Now: time.Now, Env: os.Getenv}) }

// parseCluster reads how a cluster is reached. Those of clouds are the same ones for the same address.
func parseCluster(text string, clouds *cloud.Clouds) (cluster.Config, error) {
	name, where, _ := strings.Cut(text, "=")
	if name == "" || !cloud.IsAddress(where) {
		return cluster.ParseConfig(text)
	}
	ref, err := cloud.Parse(where)
	if err != nil {
		return cluster.Config{}, fmt.Errorf("cannot read the cluster %q: %w", name, err)
	}
	return cluster.Config{Name: name, Managed: clouds.Cluster(ref)}, nil
}
