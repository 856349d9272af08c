// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
)

// compare is that of a follower whose accepted commit is c1: what is called "new" came after it.
func compare(_ context.Context, recorded []string) error {
	if i := slices.IndexFunc(recorded, func(c string) bool { return strings.HasPrefix(c, "new") }); i >= 0 {
		return errors.New("a cluster holds commit " + recorded[i])
	}
	return nil
}

// resume has the reconciler resume at what the files are.
func (l *loop) resume(compare func(context.Context, []string) error) {
	l.t.Helper()
	if err := l.Accept(l.t.Context(), Revision{Commit: status.Commit{Hash: "c1"}, Tree: maps.Clone(l.files), Compare: compare}); err != nil {
		l.t.Fatal(err)
	}
}

// written reports whether anything was done that changes a cluster.
func written(log []string) bool {
	return slices.ContainsFunc(log, func(line string) bool {
		return strings.HasPrefix(line, "apply ") || strings.HasPrefix(line, "record ") || strings.HasPrefix(line, "delete ") || line == "forget"
	})
}

// TestAClusterThatIsReachedLater: a cluster that did not answer when the daemon resumed is compared with the accepted commit when
// it does. If it holds what came later it is left as it is, until the repository has said what is right.
func TestAClusterThatIsReachedLater(t *testing.T) {
	orders, rates := idOf("orders"), idOf("rates")
	cases := map[string]struct {
		reason string
		stored []cluster.Inventory
		left   bool
	}{
		"Nothing": {"It holds nothing.", nil, false},
		"Same":    {"It holds the accepted commit.", []cluster.Inventory{{Release: orders, Commit: "c1", Digest: "d"}}, false},
		"Older":   {"It is behind.", []cluster.Inventory{{Release: orders, Commit: "c0", Digest: "d"}}, false},
		"Newer":   {"It is ahead.", []cluster.Inventory{{Release: orders, Commit: "new", Digest: "d"}}, true},
		"One":     {"One of many is.", []cluster.Inventory{{Release: orders, Commit: "c1"}, {Release: rates, Commit: "new"}}, true},
		"Undeclared": {
			"One is that the accepted commit does not declare: it may come with the newer one.",
			[]cluster.Inventory{{Release: idOf("later"), Commit: "newest", Namespace: "x"}},
			true,
		},
		"Suspended": {
			"Whatever is remembered besides.",
			[]cluster.Inventory{{Release: orders, Commit: "new", Memory: gate.Memory{Suspended: &gate.ByHand{By: "ann"}}}},
			true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			l.down.Store(true)
			for _, i := range tc.stored {
				i.Platform = "acme"
				l.cluster.Stored[i.Release] = i
			}
			l.project("orders", "a")
			l.resume(compare)
			l.run()
			l.await("the cluster to be away", func(p status.Platform) bool { return strings.Contains(releaseOf(p, "orders").Message, errDown.Error()) })
			l.down.Store(false)
			c := l.clusters.get("test")
			c.wake()
			l.nudge(c)
			if tc.left {
				l.await("it to be left", func(p status.Platform) bool {
					return strings.HasPrefix(releaseOf(p, "orders").Message, `cluster "test" is left as it is: a cluster holds commit new`)
				})
				if err := l.Swept(t.Context()); err == nil {
					t.Error("what is not declared is looked for")
				}
				if log := l.cluster.Log(); written(log) {
					t.Errorf("%s\nIt is written to: %v", tc.reason, log)
				}
				l.Confirm()
			}
			if tc.stored == nil || tc.stored[0].Memory.Suspended == nil {
				l.await("orders to be applied", func(p status.Platform) bool { return releaseOf(p, "orders").Fine() })
			} else {
				l.await("orders to be suspended", func(p status.Platform) bool { return releaseOf(p, "orders").Result == status.Suspended })
			}
		})
	}
}

// TestWhatEndsAComparison: whatever the repository says ends it, and nothing else.
func TestWhatEndsAComparison(t *testing.T) {
	left := func(t *testing.T) *loop {
		l := newLoop(t)
		l.cluster.Stored[idOf("orders")] = cluster.Inventory{Platform: "acme", Release: idOf("orders"), Commit: "new"}
		l.project("orders", "a")
		l.resume(compare)
		l.run()
		l.await("it to be left", func(p status.Platform) bool {
			return strings.Contains(releaseOf(p, "orders").Message, "is left as it is")
		})
		return l
	}
	t.Run("Nothing", func(t *testing.T) {
		l := left(t)
		l.cluster.Log()
		for range 3 {
			l.nudge(l.clusters.get("test"))
			_ = l.Swept(t.Context())
		}
		if log := l.cluster.Log(); len(log) != 0 {
			t.Errorf("the cluster is asked again and again: %v", log)
		}
	})
	t.Run("Commit", func(t *testing.T) {
		l := left(t)
		l.project("orders", "b")
		l.accept()
		l.awaitFine()
	})
	t.Run("SameContent", func(t *testing.T) {
		l := left(t)
		l.accept()
		l.awaitFine()
	})
	t.Run("Confirmed", func(t *testing.T) {
		l := left(t)
		l.Confirm()
		l.awaitFine()
	})
	t.Run("Refused", func(t *testing.T) {
		l := left(t)
		l.write("orders/project.yaml", "kind: nonsense")
		l.write("bad.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Projekt\nmetadata: {name: x}\n")
		if err := l.Accept(t.Context(), Revision{Commit: status.Commit{Hash: "bad"}, Tree: maps.Clone(l.files)}); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
		if err := l.Swept(t.Context()); err == nil || !strings.Contains(err.Error(), "is left as it is") {
			t.Errorf("a commit that is refused says nothing, and ends it: %v", err)
		}
	})
	t.Run("AnotherConnection", func(t *testing.T) {
		l := left(t)
		l.cluster.Change(func() { delete(l.cluster.Stored, idOf("orders")) })
		l.cluster.Log()
		l.clusters.get("test").inventories.Outdated()
		if err := l.Swept(t.Context()); err == nil {
			t.Error("over the same connection, it is listed again")
		}
	})
	t.Run("KnownBefore", func(t *testing.T) {
		l := newLoop(t)
		l.cluster.Stored[idOf("orders")] = cluster.Inventory{Platform: "acme", Release: idOf("orders"), Commit: "new"}
		l.project("orders", "a")
		if _, err := l.clusters.get("test").inventories.Load(t.Context(), t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		l.resume(compare) // the cluster has answered between the comparison and this
		l.run()
		l.await("it to be left", func(p status.Platform) bool {
			return strings.Contains(releaseOf(p, "orders").Message, "is left as it is")
		})
	})
	t.Run("Unanswered", func(t *testing.T) {
		l := newLoop(t)
		l.project("orders", "a")
		calls := 0
		l.resume(func(context.Context, []string) error { calls++; return nil })
		l.run()
		l.awaitFine()
		if calls != 1 {
			t.Errorf("compared %d times over one connection", calls)
		}
	})
}

// TestEndsWhileItLooks: a daemon that is told to end while it looks for undeclared releases ends, though a release may have ended before
// it dealt with what it was told.
func TestEndsWhileItLooks(t *testing.T) {
	l := newLoop(t)
	l.accept()
	ctx, cancel := context.WithCancel(t.Context())
	l.clusters.get("test").inventories = apply.NewCluster("test", func(_, _ context.Context) (apply.Conn, error) {
		var dealt sync.WaitGroup
		dealt.Add(1) // the release that is to tell of it has ended
		cancel()
		l.Reconciler.await(&dealt)
		return l.cluster, nil
	})
	ended := make(chan struct{})
	go func() { l.Run(ctx); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
}
