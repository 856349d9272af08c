// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// TestAConflictOnADeletion does not leave behind what was to be deleted, of a release that stays nor of one that goes.
func TestAConflictOnADeletion(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	d := start(t, faults.Kubeconfig)
	project := func(id, objects string) tree {
		return tree{id + "/project.yaml": manifests(id), id + "/objects/kustomization.yaml": kustomization, id + "/objects/all.yaml": objects}
	}
	files := platform("refuse", project("refuse-a", configMap("stays", "1")+"---\n"+configMap("goes", "1"))).with(project("refuse-b", configMap("b", "1")))
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	var mu sync.Mutex
	refused := map[string]bool{}
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodDelete || refused[r.URL.Path] {
			return clustertest.Fault{}
		}
		refused[r.URL.Path] = true
		return clustertest.Fault{Status: http.StatusConflict}
	})
	now := files.with(project("refuse-a", configMap("stays", "1"))).with(tree{"refuse-b/project.yaml": ""})
	d.mustAccept("c2", now, "refuse-a/objects/all.yaml", "refuse-b/project.yaml")
	if err := c.awaitGone(configMaps, "refuse-a-dev", "goes"); err != nil {
		t.Error(err)
	}
	if err := c.awaitGone(namespaces, "", "refuse-b-dev"); err != nil {
		t.Error(err)
	}
	d.await("the release to be off the board", func(p status.Platform) bool { return len(p.Releases) == 1 && p.Fine() })
}

// TestARefusedReleaseCostsNoOther: while the writes of one release are refused as if by a proxy that knows nobody, with
// credentials that are still the same, the watches of all others stay as they are.
func TestARefusedReleaseCostsNoOther(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	d := start(t, faults.Kubeconfig)
	files := platform("unknown", tree{"b.yaml": service("unknown-b", "img:1")})
	objects := func(value string) tree {
		return tree{"a/project.yaml": manifests("unknown-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", value)}
	}
	d.mustAccept("c1", files.with(objects("1")))
	d.awaitFine("c1")
	var watches, refused atomic.Int64
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		switch {
		case clustertest.IsWatch(r):
			watches.Add(1)
		case r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/namespaces/unknown-a-dev/configmaps/a"):
			refused.Add(1)
			return clustertest.Fault{Status: http.StatusUnauthorized}
		}
		return clustertest.Fault{}
	})
	d.mustAccept("c2", files.with(objects("2")), "a/objects/all.yaml")
	d.failedRuns("unknown-a", 3)
	if p := d.board.Snapshot(); !p.Clusters[0].Reachable || watches.Load() != 0 || refused.Load() > 10 {
		t.Errorf("%d requests were refused, and %d watches begun again; the cluster: %+v", refused.Load(), watches.Load(), p.Clusters[0])
	}
	faults.Set(nil)
	d.awaitFine("c2")
}
