// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// TestClustersDelayNoOther: of four clusters one is down and one hangs from the start, and one begins to hang in the middle.
// The fourth gets everything meanwhile, the board says of each what is wrong, and in the end all are as declared.
func TestClustersDelayNoOther(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	// They are one API server behind four doors, with an environment for each.
	down := c.Proxy(t)
	down.Down(t)
	hanging, midway := c.Faults(t), c.Faults(t)
	hang := make(chan struct{})
	stuck := func(*http.Request, int) clustertest.Fault { return clustertest.Fault{Hang: hang} }
	hanging.Set(stuck)
	doors := map[string]string{"test": c.Kubeconfig, "down": down.Kubeconfig, "hanging": hanging.Kubeconfig, "midway": midway.Kubeconfig}
	files := platform("doors", nil)
	var clusters []cluster.Config
	for name, kubeconfig := range doors {
		clusters = append(clusters, cluster.Config{Name: name, Kubeconfig: kubeconfig})
		if name == "test" {
			continue
		}
		files = files.with(tree{
			name + ".yaml":     "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: " + name + "}\n",
			name + "-env.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: " + name + "}\nspec: {clusters: [" + name + "]}\n",
		})
	}
	declare := func(value string) tree {
		now := files
		for i := range 8 {
			id := fmt.Sprintf("doors-%d", i)
			now = now.with(tree{
				id + "/project.yaml":               strings.Replace(manifests(id), "[dev]", "[dev, down, hanging, midway]", 1),
				id + "/objects/kustomization.yaml": kustomization, id + "/objects/all.yaml": configMap("a", value),
			})
		}
		return now
	}
	d := startWith(t, c.Kubeconfig, func(o *reconciler.Options) { o.Clusters = clusters })
	at := func(commit string, environments ...string) func(status.Platform) bool {
		return func(p status.Platform) bool {
			n := 0
			for _, r := range p.Releases {
				for _, e := range environments {
					if r.Environment == e && r.Fine() && r.Commit == commit {
						n++
					}
				}
			}
			return n == 8*len(environments)
		}
	}
	state := func(p status.Platform, name string) status.Cluster {
		for _, one := range p.Clusters {
			if one.Name == name {
				return one
			}
		}
		return status.Cluster{}
	}
	d.mustAccept("c1", declare("1"))
	d.await("the two that work to get all", at("c1", "dev", "midway"))
	midway.Set(stuck)
	d.mustAccept("c2", declare("2"))
	p := d.await("the one that works to get all", at("c2", "dev"))
	if !state(p, "test").Reachable || state(p, "hanging").Reachable || state(p, "down").Reachable {
		t.Errorf("the board says %+v", p.Clusters)
	}
	for name, why := range map[string]string{"down": "connection refused", "hanging": "deadline exceeded", "midway": "deadline exceeded"} {
		d.await("the board to say why "+name+" is not there", func(p status.Platform) bool {
			s := state(p, name)
			return !s.Reachable && strings.Contains(s.Message, why)
		})
	}
	hanging.Set(nil)
	midway.Set(nil)
	close(hang)
	down.Up(t)
	d.await("all to get all", at("c2", "dev", "down", "hanging", "midway"))
	d.awaitFine("c2")
}

// TestCredentialsThatExpire in the middle are told of; once there are others in the kubeconfig, the daemon goes on by
// itself, and has missed nothing.
func TestCredentialsThatExpire(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	token := func(token string) {
		cfg, err := clientcmd.LoadFromFile(faults.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		for name := range cfg.AuthInfos {
			cfg.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
		}
		if err := clientcmd.WriteToFile(*cfg, faults.Kubeconfig); err != nil {
			t.Fatal(err)
		}
	}
	var good atomic.Value
	good.Store("Bearer first")
	var refused atomic.Int64
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		if r.Header.Get("Authorization") != good.Load() {
			refused.Add(1)
			return clustertest.Fault{Status: http.StatusUnauthorized}
		}
		r.Header.Del("Authorization") // the proxy has credentials of its own
		return clustertest.Fault{}
	})
	token("first")
	d := start(t, faults.Kubeconfig)
	files := platform("token", tree{
		"a/project.yaml": manifests("token-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
		"b.yaml": service("token-b", "img:1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	untouched := c.versions("token-b-dev")

	good.Store("Bearer second")
	faults.Cut()
	d.await("the board to say so", func(p status.Platform) bool {
		return !p.Clusters[0].Reachable && strings.Contains(p.Clusters[0].Message, "fault of the test")
	})
	if err := c.client.Resource(configMaps).Namespace("token-a-dev").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "2")}), "a/objects/all.yaml")
	d.failedRuns("token-a", 2)
	if n := refused.Load(); n > 200 {
		t.Errorf("the API server refused %d requests meanwhile", n)
	}
	token("second")
	d.awaitFine("c2")
	if got := c.value("token-a-dev", "a"); got != "2" {
		t.Errorf("the value is %q, want that of c2", got)
	}
	for name, version := range c.versions("token-b-dev") {
		if untouched[name] != version {
			t.Errorf("%s was touched", name)
		}
	}
}
