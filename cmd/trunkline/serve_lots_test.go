// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/reconciler/shard"
)

// leases are those of an API server in memory.
type leases struct {
	mu      sync.Mutex
	all     map[string]coordinationv1.Lease
	version int
}

func (l *leases) List(context.Context, string) (out []coordinationv1.Lease, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.all {
		out = append(out, *one.DeepCopy())
	}
	return out, nil
}

// write writes a Lease as it is now, if it is there or is not, as it is to be.
func (l *leases) write(lease *coordinationv1.Lease, there bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, is := l.all[lease.Name]
	if is != there || is && now.ResourceVersion != lease.ResourceVersion {
		return apierrors.NewConflict(schema.GroupResource{Resource: "leases"}, lease.Name, nil)
	}
	l.version++
	next := *lease.DeepCopy()
	next.UID, next.ResourceVersion = types.UID(lease.Name), fmt.Sprint(l.version)
	l.all[lease.Name] = next
	return nil
}

func (l *leases) Create(_ context.Context, lease *coordinationv1.Lease) error {
	return l.write(lease, false)
}

func (l *leases) Update(_ context.Context, lease *coordinationv1.Lease) error {
	return l.write(lease, true)
}

func (l *leases) Delete(_ context.Context, lease *coordinationv1.Lease) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, lease.Name)
	return nil
}

// TestNotificationsReachTheLeader: what a store tells a replica that does not lead, the leader hears; and what it tells the leader, nobody else
// has to.
func TestNotificationsReachTheLeader(t *testing.T) {
	home := &leases{all: map[string]coordinationv1.Lease{}}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var mu sync.Mutex
	heard := map[string][]string{}
	daemons := map[string]*daemon{}
	for _, name := range []string{"a", "b"} {
		s := &sharing{changed: make(chan struct{}, 1)}
		took := func(objects []string) {
			mu.Lock()
			defer mu.Unlock()
			heard[name] = append(heard[name], objects...)
		}
		s.heard.Store(&took)
		var err error
		s.coordinator, err = shard.New(shard.Options{Leases: home, Group: "acme", Identity: name, Interval: 20 * time.Millisecond, Now: time.Now, Heard: s.hear})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() { s.coordinator.Run(ctx) })
		daemons[name] = &daemon{sharing: s, lots: lotflow.New(lotflow.Options{})}
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		for late := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("waiting for %s", what)
			}
		}
	}
	leader, other := "a", "b"
	await("one to lead and the other to stand by", func() bool {
		if daemons["b"].sharing.coordinator.Leads() {
			leader, other = "b", "a"
		}
		return daemons[leader].sharing.coordinator.Leads() && len(daemons[other].sharing.coordinator.Status().Replicas) == 2
	})
	tell := func(to, object string) {
		t.Helper()
		body := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"s","type":"written","subject":%q}`, object)
		header := func(name string) string {
			return map[string]string{"Content-Type": "application/cloudevents+json"}[name]
		}
		if _, err := daemons[to].notified(header, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	tell(leader, "s3://lake/raw/mine.csv")
	tell(other, "s3://lake/raw/a.csv")
	await("the leader to hear it", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(heard[leader], "s3://lake/raw/a.csv")
	})
	mu.Lock()
	defer mu.Unlock()
	if len(heard[other]) > 0 || len(heard[leader]) != 1 {
		t.Errorf("they heard %v", heard)
	}
}
