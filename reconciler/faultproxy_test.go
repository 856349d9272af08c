// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/test/clustertest"
)

// TestFaultsOfTheAPIServer changes one of two releases while every third of the first nine writes goes wrong.
func TestFaultsOfTheAPIServer(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	cases := map[string]struct {
		reason string
		fault  clustertest.Fault
	}{
		"conflict":  {"A conflict is tried again.", clustertest.Fault{Status: http.StatusConflict}},
		"slow-down": {"A server that asks for time gets it.", clustertest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1}},
		"internal":  {"An error of the server is tried again.", clustertest.Fault{Status: http.StatusInternalServerError}},
		"expired":   {"Credentials that are refused for a while are tried again.", clustertest.Fault{Status: http.StatusUnauthorized}},
		"reset":     {"A request that was dropped is tried again.", clustertest.Fault{Reset: true}},
		"half":      {"A write whose answer was cut is not done twice to other ends.", clustertest.Fault{Half: true}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			faults := c.Faults(t)
			d := start(t, faults.Kubeconfig)
			id := "fault-" + name
			files := platform(id, tree{
				"a/project.yaml": manifests(id + "-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
				"b/project.yaml": service(id+"-b", "img:1"),
			})
			d.mustAccept("c1", files)
			d.awaitFine("c1")
			untouched := c.versions(id + "-b-dev")

			var writes, hit atomic.Int64
			faults.Set(func(r *http.Request, _ int) clustertest.Fault {
				if r.Method == http.MethodGet {
					return clustertest.Fault{}
				}
				if n := writes.Add(1); n > 9 || n%3 != 1 {
					return clustertest.Fault{}
				}
				hit.Add(1)
				return tc.fault
			})
			d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "2") + "---\n" + configMap("more", "2")}), "a/objects/all.yaml")
			d.awaitFine("c2")
			d.mustAccept("c3", files.with(tree{"a/objects/all.yaml": configMap("more", "3")}), "a/objects/all.yaml")
			d.awaitFine("c3")
			if err := c.awaitGone(configMaps, id+"-a-dev", "a"); err != nil {
				t.Error(err)
			}
			if got := c.value(id+"-a-dev", "more"); got != "3" {
				t.Errorf("%s\nThe value is %q, want that of c3", tc.reason, got)
			}
			if diff := cmp.Diff(untouched, c.versions(id+"-b-dev")); diff != "" {
				t.Errorf("%s\nThe release that had no change was touched:\n%s", tc.reason, diff)
			}
			if hit.Load() == 0 {
				t.Error("no request met the fault, so nothing was tested")
			}
		})
	}
}
