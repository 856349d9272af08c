// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// TestFaultsOfWatches has all watches end, and the first attempts to watch or list again go wrong. What was edited,
// deleted and removed from the repository meanwhile is seen and fixed, and nothing else is touched.
func TestFaultsOfWatches(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const page = `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"1","continue":"more"},"items":[]}`
	always := func(f clustertest.Fault) func(*http.Request) clustertest.Fault {
		return func(*http.Request) clustertest.Fault { return f }
	}
	// Without streaming lists, as API servers were until lately, the watches list first.
	listed := func(list func(*http.Request) clustertest.Fault) func(*http.Request) clustertest.Fault {
		return func(r *http.Request) clustertest.Fault {
			switch {
			case r.URL.Query().Get("sendInitialEvents") != "":
				return clustertest.Fault{Status: http.StatusUnprocessableEntity}
			case clustertest.IsWatch(r):
				return clustertest.Fault{Answer: new(tooOld)} // so that it lists
			default:
				return list(r)
			}
		}
	}
	cases := map[string]struct {
		reason string
		fault  func(*http.Request) clustertest.Fault
	}{
		"closed":    {"A watch that ends at once is opened again.", always(clustertest.Fault{Answer: new("")})},
		"too-old":   {"A watch that comes too late for what it has missed begins with a list.", always(clustertest.Fault{Answer: new(tooOld)})},
		"half":      {"Half an event is none.", always(clustertest.Fault{Answer: new(halfAnEvent)})},
		"garbage":   {"Nor is what is no event at all.", always(clustertest.Fault{Answer: new("<html>")})},
		"refused":   {"A watch that is too old may be refused before it begins.", always(clustertest.Fault{Status: http.StatusGone})},
		"slow-down": {"A server that asks for time gets it.", always(clustertest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1})},
		"internal":  {"An error of the server is tried again.", always(clustertest.Fault{Status: http.StatusInternalServerError})},
		"expired":   {"Credentials that are refused for a while are tried again.", always(clustertest.Fault{Status: http.StatusUnauthorized})},
		"reset":     {"A watch that was dropped is opened again.", always(clustertest.Fault{Reset: true})},
		"list-500":  {"A list that fails is asked for again.", listed(always(clustertest.Fault{Status: http.StatusInternalServerError}))},
		"list-429":  {"So is one that the server has no time for.", listed(always(clustertest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1}))},
		"list-half": {"Half a list is not taken for the whole, which would be to delete the rest.", listed(always(clustertest.Fault{Half: true}))},
		"list-gone": {"A list that expires between two pages begins again.", listed(func(r *http.Request) clustertest.Fault {
			if r.URL.Query().Get("continue") != "" {
				return clustertest.Fault{Status: http.StatusGone}
			}
			return clustertest.Fault{Answer: new(page)}
		})},
	}
	project := func(id, objects string) tree {
		return tree{id + "/project.yaml": manifests(id), id + "/objects/kustomization.yaml": kustomization, id + "/objects/all.yaml": objects}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := "watch-" + name
			ns := id + "-dev"
			c := look(t, c.Cluster)
			faults := c.Faults(t)
			d := start(t, faults.Kubeconfig)
			files := platform(id, project(id, configMap("edited", "1")+"---\n"+configMap("deleted", "1")+"---\n"+configMap("removed", "1"))).
				with(project(id+"-calm", configMap("calm", "1")))
			d.mustAccept("c1", files)
			d.awaitFine("c1")
			calm := c.versions(id + "-calm-dev")
			var asked atomic.Int64
			faults.Set(func(r *http.Request, _ int) clustertest.Fault {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/api/v1/configmaps") || asked.Add(1) > 3 {
					return clustertest.Fault{}
				}
				return tc.fault(r)
			})
			faults.Cut()
			before := c.get(configMaps, ns, "deleted").GetUID()
			c.merge(configMaps, ns, "edited", "kubectl-edit", `{"data":{"key":"by hand"}}`)
			if err := c.client.Resource(configMaps).Namespace(ns).Delete(t.Context(), "deleted", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			files = files.with(project(id, configMap("edited", "1")+"---\n"+configMap("deleted", "1")))
			d.mustAccept("c2", files, id+"/objects/all.yaml")
			// The deletion is told of as well, unless it was missed together with what came after it.
			edits := func(p status.Platform) (n int) {
				for _, drift := range release(p, id).Drifts {
					if drift.What == "" && drift.Corrected {
						n++
					}
				}
				return n
			}
			d.await("the edit to be corrected", func(p status.Platform) bool { return edits(p) > 0 })
			if c.awaitAnother(configMaps, ns, "deleted", before); c.value(ns, "edited") != "1" {
				t.Errorf("%s\nWhat was edited is %q.", tc.reason, c.value(ns, "edited"))
			}
			if err := c.awaitGone(configMaps, ns, "removed"); err != nil {
				t.Errorf("%s\nWhat is not declared any more: %v", tc.reason, err)
			}
			p := d.awaitFine("c2")
			if n := edits(p); n != 1 {
				t.Errorf("%s\nOne edit is told of %d times: %v", tc.reason, n, release(p, id).Drifts)
			}
			if diff := cmp.Diff(calm, c.versions(id+"-calm-dev")); diff != "" {
				t.Errorf("%s\nThe release that had no change was touched:\n%s", tc.reason, diff)
			}
			if asked.Load() < 2 {
				t.Error("the fault met no watch, so nothing was tested")
			}
		})
	}
}

// TestWhatNobodySaw: an object that was made and deleted while there was no watch, and that no event will ever tell of, is
// made again.
func TestWhatNobodySaw(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	d := start(t, faults.Kubeconfig)
	files := platform("unseen", tree{
		"a/project.yaml": manifests("unseen-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("old", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	hang := make(chan struct{})
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		if !clustertest.IsWatch(r) || !strings.HasSuffix(r.URL.Path, "/api/v1/configmaps") || r.URL.Query().Get("sendInitialEvents") != "" {
			return clustertest.Fault{}
		}
		return clustertest.Fault{Hang: hang, Answer: new(tooOld)}
	})
	faults.Cut()
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("old", "1") + "---\n" + configMap("new", "2")}), "a/objects/all.yaml")
	d.await("it to be applied", func(p status.Platform) bool { return release(p, "unseen-a").Commit == "c2" })
	before := c.get(configMaps, "unseen-a-dev", "new").GetUID()
	if err := c.client.Resource(configMaps).Namespace("unseen-a-dev").Delete(t.Context(), "new", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	close(hang)
	// A watch that did get through has everything look fine until it tells of the deletion.
	c.awaitAnother(configMaps, "unseen-a-dev", "new", before)
	d.awaitFine("c2")
	if got := c.value("unseen-a-dev", "new"); got != "2" {
		t.Errorf("the value is %q, want that of c2", got)
	}
}

// TestAListThatNeverWorks of one kind keeps the releases that have objects of it, and no other.
func TestAListThatNeverWorks(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/api/v1/services") {
			return clustertest.Fault{Status: http.StatusInternalServerError}
		}
		return clustertest.Fault{}
	})
	d := start(t, faults.Kubeconfig)
	files := platform("kind", tree{"bad.yaml": service("kind-bad", "img:1")})
	for i := range 5 {
		id := fmt.Sprintf("kind-%d", i)
		files = files.with(tree{id + "/project.yaml": manifests(id), id + "/objects/kustomization.yaml": kustomization, id + "/objects/all.yaml": configMap("a", "1")})
	}
	d.mustAccept("c1", files)
	p := d.await("the others", func(p status.Platform) bool {
		n := 0
		for _, r := range p.Releases {
			if r.Project != "kind-bad" && r.Fine() {
				n++
			}
		}
		return n == 5
	})
	if !p.Clusters[0].Reachable {
		t.Errorf("the cluster is said not to be reachable: %s", p.Clusters[0].Message)
	}
	if release(p, "kind-bad").Fine() {
		t.Error("what cannot be seen is said to be fine")
	}
	faults.Set(nil)
	d.awaitFine("c1")
}
