// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/plan"
)

// TestSuspendWhileApplying: people act, commits come, releases change hands and others read, while runs write. Each is done beside
// suspending and resuming; the race detector says what is not a copy.
func TestSuspendWhileApplying(t *testing.T) {
	orders := idOf("orders")
	do := func(act Act) func(ctx context.Context, l *loop, i int) {
		return func(ctx context.Context, l *loop, _ int) { _ = l.Do(ctx, orders, act, ByHand{By: "ann"}) }
	}
	cases := map[string]struct {
		reason string
		beside func(ctx context.Context, l *loop, i int)
	}{
		"Suspend":   {"A second person does the same.", do(Suspend)},
		"Reconcile": {"Someone has everything applied again.", do(Reconcile)},
		"Rollback":  {"Someone goes back.", do(Rollback)},
		"Unknown":   {"Someone asks for what there is not.", do("dance")},
		"Commit": {"A commit comes.", func(_ context.Context, l *loop, i int) {
			l.project("orders", strings.Repeat(string(rune('b'+i%20)), 30))
			l.accept()
		}},
		"Removal": {"A commit removes it, and the next one declares it again.", func(_ context.Context, l *loop, i int) {
			if i%2 == 0 {
				l.remove("orders")
			} else {
				l.project("orders", strings.Repeat("a", 30))
			}
			l.accept()
		}},
		"Approve": {"Someone approves what is shown.", func(_ context.Context, l *loop, _ int) { _ = l.Approve("dev", l.toApprove(), ByHand{By: "ann"}) }},
		"Replicas": {"Another replica gets it, and gives it back.", func(_ context.Context, l *loop, i int) {
			l.shares.others.Store(i%2 == 0)
			l.Shared()
		}},
		"Swept": {"The cluster is looked at.", func(_ context.Context, l *loop, _ int) {
			l.clusters.get("test").inventories.Outdated()
			_ = l.Swept(l.t.Context())
			_, _ = l.Needed(l.t.Context())
		}},
		"Read": {"Others read.", func(_ context.Context, l *loop, _ int) {
			l.board.Snapshot()
			l.Catalog()
			moves{l.Reconciler, orders}.Fate(orderRef())
			moves{l.Reconciler, orders}.Owner("applyset-x-v1", orderRef())
			l.nudge(l.clusters.get("test"))
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			l.run()
			l.project("orders", strings.Repeat("a", 30))
			l.project("rates", "a")
			l.accept()
			l.awaitFine()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var group sync.WaitGroup
			for _, act := range []Act{Suspend, Resume} {
				group.Go(func() {
					for range 25 {
						_ = l.Do(ctx, orders, act, ByHand{By: "bob"})
					}
				})
			}
			group.Go(func() {
				for i := range 26 {
					tc.beside(ctx, l, i)
				}
			})
			group.Wait()
			if err := ctx.Err(); err != nil {
				t.Fatalf("%s A request was not answered: %v", tc.reason, err)
			}
			l.shares.others.Store(false)
			l.Shared()
			_ = l.Do(t.Context(), orders, Resume, ByHand{By: "ann"})
			_ = l.Do(t.Context(), orders, Reconcile, ByHand{By: "ann"})
			l.awaitFine()
		})
	}
}

// orderRef is an object of the orders.
func orderRef() (ref plan.Ref) {
	ref.Kind, ref.Namespace, ref.Name = "ConfigMap", "orders-dev", fmt.Sprint("orders-", 0)
	return ref
}
