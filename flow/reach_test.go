// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestClustersThatComeAndGo: lots of an environment in a cluster that nobody reaches are made once there is a way to it, without another
// start, and are not once there is none.
func TestClustersThatComeAndGo(t *testing.T) {
	w := newWorld(t)
	two := newPlayed("two")
	w.more = []*played{two}
	w.declare("clusters: [one]", "clusters: [two]", "kind: Cluster\nmetadata: {name: one}", "kind: Cluster\nmetadata: {name: two}")
	k := w.replica(50 * time.Millisecond)
	w.keeper = k
	k.SetClusters([]Cluster{w.cluster})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	watched := func() bool { two.mu.Lock(); defer two.mu.Unlock(); return len(two.tells) > 0 }
	kept := func() bool { // whether the environment is, as the loop has it
		is := false
		err := k.ask(ctx, func(l *loop) error { is = l.states["dev"] != nil; return nil })
		return err == nil && is
	}

	w.await("a catalog to be taken", func() bool {
		taken := false
		_ = k.ask(ctx, func(l *loop) error { taken = l.catalog != nil; return nil })
		return taken
	})
	if watched() || kept() {
		t.Fatal("lots are kept in a cluster that nobody says how to reach")
	}
	k.SetClusters([]Cluster{w.cluster, two})
	w.await("all lots to be made", w.made)

	k.SetClusters([]Cluster{w.cluster})
	w.await("the cluster to be left alone", func() bool { return !watched() && !kept() })
	k.SetClusters([]Cluster{w.cluster, two})
	w.await("the cluster to be watched again", func() bool { return watched() && kept() })
	if diff := cmp.Diff(w.once(nil), two.starts()); diff != "" {
		t.Errorf("runs that were started -want +got:\n%s", diff)
	}
}
