// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// compareEvery is how often a cluster is compared with what it is declared to be if nothing else gives a reason to: it may have
// been upgraded behind a load balancer that never was down.
const compareEvery = 10 * time.Minute

// doubt has it looked at again whether the cluster is as declared.
func (c *clusterState) doubt() {
	select {
	case c.doubtful <- struct{}{}:
	default:
	}
}

// doubtChanged doubts the clusters that a catalog declares to be something else than the one before, which is nil for the first.
func (r *Reconciler) doubtChanged(before, after *catalog.Catalog) {
	for name, c := range r.clusters.all() {
		is, declared := after.KubernetesOf(name)
		if before != nil {
			was, known := before.KubernetesOf(name)
			if declared == known && is.Version == was.Version && slices.Equal(is.APIVersions, was.APIVersions) {
				continue
			}
		}
		c.doubt()
	}
}

// compareCluster tells, for as long as ctx lasts, if a cluster is not what charts are told that it is. What is rendered depends
// on what is declared alone, so that it is the same here and without a cluster at hand.
func (r *Reconciler) compareCluster(ctx context.Context, c *clusterState) {
	told := ""
	for {
		if warning, known := r.differences(ctx, c); known {
			if r.report(c, &warning); warning != "" && warning != told {
				r.opts.Log.Warn("a cluster is not as it is declared", "cluster", c.Name(), "warning", warning)
			}
			told = warning
		}
		select {
		case <-ctx.Done():
			return
		case <-c.doubtful:
		case <-time.After(compareEvery):
		}
	}
}

// differences says how a cluster differs from what is declared of it, if that can be known now.
func (r *Reconciler) differences(ctx context.Context, c *clusterState) (warning string, known bool) {
	r.mu.Lock()
	cat := r.catalog
	r.mu.Unlock()
	if cat == nil || !c.State().Reachable {
		return "", false
	}
	declared, ok := cat.KubernetesOf(c.Name())
	if !ok {
		return "", true // nothing is rendered for it
	}
	call, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	conn, err := c.Connect(ctx, call)
	if err != nil {
		return "", false // the board has it
	}
	var served catalog.Kubernetes
	var silent []string
	if len(declared.APIVersions) == 0 {
		served.Version, err = conn.Version(call)
	} else {
		all, failed := conn.Served(call)
		served, silent, err = catalog.Kubernetes{Version: all.KubeVersion, APIVersions: all.APIVersions}, all.Silent, failed
	}
	if err != nil {
		return "", false // so has it here
	}
	found := render.Differences(declared, served, silent)
	if len(found) == 0 {
		return "", true
	}
	return strings.Join(found, "; ") + `; "trunkline cluster capabilities" writes what it is into its declaration`, true
}
