// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/status"
)

// TestASuspendedProjectIsLeftAsItIs: what is changed in the repository or by hand stays, until the project is not
// suspended any more; a daemon that starts meanwhile does nothing either.
func TestASuspendedProjectIsLeftAsItIs(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	declare := func(value string, suspend bool) tree {
		project := manifests("suspend-a")
		if suspend {
			project = strings.Replace(project, "environments: [dev]", "environments: {dev: {suspend: true}}", 1)
		}
		return platform("suspend", tree{
			"a/project.yaml": project, "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", value),
			"b/project.yaml": manifests("suspend-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", value),
		})
	}
	// meddle deletes an object of each project by hand, and waits until that of the other one is back.
	meddle := func() {
		t.Helper()
		before := c.get(configMaps, "suspend-b-dev", "b")
		for _, name := range []string{"a", "b"} {
			err := c.client.Resource(configMaps).Namespace("suspend-"+name+"-dev").Delete(t.Context(), name, metav1.DeleteOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				t.Fatal(err)
			}
		}
		c.awaitAnother(configMaps, "suspend-b-dev", "b", before.GetUID())
	}
	suspended := func(p status.Platform) bool {
		return release(p, "suspend-a").Result == status.Suspended && release(p, "suspend-b").Fine()
	}

	d.mustAccept("c1", declare("1", false))
	d.awaitFine("c1")
	d.mustAccept("c2", declare("2", true), "a/project.yaml", "a/objects/all.yaml", "b/objects/all.yaml")
	p := d.await("the one to be suspended and the other to be at c2", func(p status.Platform) bool {
		return suspended(p) && release(p, "suspend-b").Commit == "c2"
	})
	if !p.Fine() {
		t.Error("a suspended release makes the platform not fine, although it was asked for")
	}
	if diff := cmp.Diff("1", c.get(configMaps, "suspend-a-dev", "a").Object["data"].(map[string]any)["key"]); diff != "" {
		t.Errorf("the suspended release was changed (-before +after):\n%s", diff)
	}
	meddle()
	left := c.versions("suspend-a-dev")
	if _, back := left["ConfigMap/a"]; back {
		t.Error("the suspended release was brought back")
	}

	d.stop()
	d = start(t, c.Kubeconfig)
	d.mustAccept("c2", declare("2", true))
	d.await("the daemon that was started again to leave it", suspended)
	meddle()
	if diff := cmp.Diff(left, c.versions("suspend-a-dev")); diff != "" {
		t.Errorf("a daemon that was started meanwhile touched the suspended release (-before +after):\n%s", diff)
	}

	d.mustAccept("c3", declare("2", false), "a/project.yaml")
	d.await("it to be at c3", func(p status.Platform) bool {
		return release(p, "suspend-a").Commit == "c3" && release(p, "suspend-a").Fine()
	})
	if diff := cmp.Diff("2", c.get(configMaps, "suspend-a-dev", "a").Object["data"].(map[string]any)["key"]); diff != "" {
		t.Errorf("what was declared meanwhile is not there (-want +got):\n%s", diff)
	}
}
