// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
)

// TestTheSameFromInside: on a real API server a daemon finds of its clusters what doctor does from elsewhere, also by what it has kept of the commit.
func TestTheSameFromInside(t *testing.T) {
	c := shared.Cluster(t)
	o := options(t, write(t, files)+"/data")
	o.Clusters = []cluster.Config{{Name: "prod", Kubeconfig: c.Kubeconfig}}
	tree, err := git.OpenDir(o.From)
	if err != nil {
		t.Fatal(err)
	}
	e, err := evaluate.Head(t.Context(), evaluate.Input{Tree: tree, Library: blueprints.FS, Renderer: o.Renderer, Now: o.Now()})
	if err != nil {
		t.Fatal(err)
	}
	outside := Gather(t.Context(), o)
	var declared Declared
	for range 2 {
		inside := AroundClusters(t.Context(), o, &declared, e, doctor.Running{})
		if diff := cmp.Diff(outside.Clusters, inside.Clusters); diff != "" {
			t.Errorf("-outside +inside:\n%s", diff)
		}
		if len(inside.Clocks) != 1 || len(inside.Kubeconfigs) != 1 || inside.Clusters[0].Needs.Value == nil || len(inside.Clusters[0].Needs.Value.Missing) != 1 {
			t.Errorf("got %+v", inside)
		}
	}
	o.Clusters = append(o.Clusters, cluster.Config{Name: "without", Kubeconfig: c.Kubeconfig})
	if n := AroundClusters(t.Context(), o, &declared, e, doctor.Running{}).Clusters[1].Needs; n.Value == nil || n.Value.Count != 0 {
		t.Errorf("a cluster without releases needs %+v %s", n.Value, n.Unknown)
	}
}
