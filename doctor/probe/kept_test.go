// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestKept: what was found is shown again for a while, many who ask have it looked at once, and who leaves ends nothing.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, wait, now := 0, make(chan struct{}), time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
		k := Kept[int]{Now: func() time.Time { return now }, For: 15 * time.Second, Look: func(ctx context.Context) int {
			looks++
			<-wait
			if ctx.Err() != nil {
				return -1
			}
			return looks
		}}
		left, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		got := make([]int, 4)
		for i := range got {
			ctx := t.Context()
			if i == 0 {
				ctx = left
			}
			all.Go(func() {
				v, _, err := k.Get(ctx)
				if got[i] = v; i == 0 != errors.Is(err, context.Canceled) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(wait)
		all.Wait()
		if diff := cmp.Diff([]int{0, 1, 1, 1}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		began := now
		now = now.Add(14 * time.Second)
		if v, at, err := k.Get(t.Context()); v != 1 || err != nil || !at.Equal(began) {
			t.Errorf("soon after: %d as of %v (%v)", v, at, err)
		}
		now = now.Add(time.Second)
		if v, at, err := k.Get(t.Context()); v != 2 || err != nil || !at.Equal(now) {
			t.Errorf("later: %d as of %v (%v)", v, at, err)
		}
	})
}

// TestFromInside: without a commit nothing is said of what releases need, an agent's cluster is not asked, and what the daemon says of it counts.
func TestFromInside(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	o := Options{Now: func() time.Time { return now }, Version: "v1", Timeout: time.Minute, Clusters: []cluster.Config{{Name: "edge", Agent: true}}}
	says := doctor.Running{Version: "v1", State: status.Platform{Clusters: []status.Cluster{{Name: "edge", Message: "the agent has not been seen"}}}}
	report := doctor.ExamineThose(AroundClusters(t.Context(), o, &Declared{}, nil, says), func(c doctor.Check) bool { return c.Area == doctor.Clusters })
	got := map[doctor.ID]doctor.Result{}
	for _, f := range report.Findings {
		if f.Where != "edge" {
			t.Errorf("got %+v", f)
		}
		got[f.Check] = f.Result
	}
	if got["cluster-daemon"] != doctor.Fails || got["cluster-reachable"] != doctor.Unchecked || got["cluster-kinds"] != doctor.Unchecked {
		t.Errorf("got %v", got)
	}
}
