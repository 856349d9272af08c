// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
)

// TestAClusterThatIsNotAsDeclared: what charts are told of a cluster is compared with what it serves when that is declared
// otherwise. Nothing that is rendered depends on it.
func TestAClusterThatIsNotAsDeclared(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	info, err := c.Client(t).Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	d, log := startUnsealing(t, c.Kubeconfig)
	declare := func(commit, spec string) tree {
		files := platform("serving", tree{
			"a/project.yaml": manifests("serving-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("c", "1"),
		}).with(tree{"cluster.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\nspec: " + spec + "\n"})
		d.mustAccept(commit, files)
		return files
	}
	warning := func(what string, ok func(string) bool) {
		t.Helper()
		d.await(what, func(p status.Platform) bool { return p.Fine() && len(p.Clusters) == 1 && ok(p.Clusters[0].Warning) })
	}
	declare("c1", "{kubeVersion: v1.20.0, apiVersions: [apps/v1, nobody.example.com/v1, nobody.example.com/v1/Thing]}")
	warning("both differences to be told", func(s string) bool {
		return strings.Contains(s, "charts are told Kubernetes v1.20.0, and it is "+info.GitVersion) &&
			strings.Contains(s, "charts are told that it serves nobody.example.com/v1, and it does not")
	})
	declare("c2", "{kubeVersion: v1.20.0}")
	warning("one difference to be left", func(s string) bool { return s != "" && !strings.Contains(s, "serves") })
	declare("c3", "{kubeVersion: "+info.GitVersion+", apiVersions: [v1, v1/Pod, apps/v1]}")
	warning("all to be as declared", func(s string) bool { return s == "" })
	if n := strings.Count(log.text(), "a cluster is not as it is declared"); n != 2 {
		t.Errorf("it was logged %d times, want once for each warning", n)
	}
}
