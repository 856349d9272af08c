// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"trunkline.dev/trunkline/cost/usage"
)

// followed are the objects that are followed of a cluster.
type followed struct {
	kind               usage.Kind
	resource, selector string
	// needed reports whether nothing is counted without them.
	needed bool
}

func allFollowed() []followed {
	return []followed{
		{usage.Pod, "pods", labelWorkload, true},
		{usage.Claim, "persistentvolumeclaims", labelProject, false},
		{usage.Node, "nodes", "", false},
	}
}

// connection is what is known of a cluster while it is followed.
type connection struct {
	m        *Meter
	cluster  string
	platform string
	client   dynamic.Interface
	// since is when the cluster was looked at first: before, nothing is counted.
	since time.Time

	mu sync.Mutex
	// objects are those that are there, by their UIDs, and nodes those of them that are nodes, by their names.
	objects map[string]*object
	nodes   map[string]*object
	// ended are those whose end is not noted yet, by their UIDs; dropped counts those that there was no place for.
	ended   map[string]*object
	dropped int
	// away has the kinds that cannot be followed at the moment.
	away map[usage.Kind]bool

	meters metrics
}

// connected follows a cluster until ctx ends, or credentials are refused.
func (m *Meter) connected(ctx context.Context, c Cluster) error {
	cfg, err := c.Config()
	if err != nil {
		return err
	}
	k := &connection{
		m: m, cluster: c.Name, objects: map[string]*object{}, nodes: map[string]*object{}, ended: map[string]*object{}, away: map[usage.Kind]bool{},
		meters: metrics{last: map[string]time.Time{}},
	}
	if k.client, err = dynamic.NewForConfig(rest.CopyConfig(cfg)); err != nil {
		return fmt.Errorf("connecting to cluster %q: %w", c.Name, err)
	}
	if k.platform = m.opts.Platform(); k.platform == "" {
		return nil // nothing is accepted yet
	}
	if k.since, err = m.opts.Ledger.Begin(ctx, k.platform, c.Name, m.opts.Now()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var synced []cache.InformerSynced
	for _, f := range allFollowed() {
		controller := k.informer(f, cancel)
		if f.needed {
			synced = append(synced, controller.HasSynced)
		}
		all.Go(func() { controller.RunWithContext(ctx) })
	}
	if cache.WaitForCacheSync(ctx.Done(), synced...) {
		k.note(ctx)
	}
	cancel(nil)
	all.Wait()
	if cause := context.Cause(ctx); cause != nil && apierrors.IsUnauthorized(cause) {
		return cause
	}
	return nil
}

// note notes what there is until ctx ends, and then once more.
func (k *connection) note(ctx context.Context) {
	look, flush := time.NewTicker(k.m.opts.Interval), time.NewTicker(flushInterval)
	defer look.Stop()
	defer flush.Stop()
	known := k.look(ctx, true)
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
			defer cancel()
			k.look(last, false)
			return
		case <-look.C:
			if k.look(ctx, !known) {
				known = true
			}
		case <-flush.C:
			if !known {
				known = k.look(ctx, true) // the database was away
				continue
			}
			k.flush(ctx)
		}
	}
}

// informer follows the objects of a kind.
func (k *connection) informer(f followed, cancel context.CancelCauseFunc) cache.Controller {
	resource := k.client.Resource(corev1.SchemeGroupVersion.WithResource(f.resource))
	told := ""
	went := func(ctx context.Context, err error) {
		k.mu.Lock()
		k.away[f.kind] = err != nil && !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err)
		k.mu.Unlock()
		if err == nil || ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != told {
			told = text
			k.m.opts.Log.Warn("cannot follow what is used", "cluster", k.cluster, "kind", f.resource, "err", text)
		}
		if apierrors.IsUnauthorized(err) {
			cancel(err)
		}
	}
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			opts.LabelSelector = f.selector
			list, err := resource.List(ctx, opts)
			if err != nil {
				went(ctx, err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			opts.LabelSelector = f.selector
			stream, err := resource.Watch(ctx, opts)
			went(ctx, err)
			return stream, err
		},
	}
	there := func(obj any) {
		if o, ok := obj.(*object); ok {
			k.there(o)
		}
	}
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: lw, ObjectType: &unstructured.Unstructured{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: there, UpdateFunc: func(_, obj any) { there(obj) },
			DeleteFunc: func(obj any) {
				if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
					if o, ok := unknown.Obj.(*object); ok {
						k.gone(o, false)
					}
					return
				}
				if o, ok := obj.(*object); ok {
					k.gone(o, true)
				}
			},
		},
		Transform: func(obj any) (any, error) {
			o, ok := obj.(*unstructured.Unstructured)
			if !ok {
				return obj, nil
			}
			out := read(f.kind, o)
			out.fact.Cluster = k.cluster
			out.goneAt = goneAt(o, k.m.opts.Now())
			return out, nil
		},
	})
	return controller
}

// there notes that an object is there.
func (k *connection) there(o *object) {
	k.mu.Lock()
	defer k.mu.Unlock()
	uid := string(o.UID)
	before := k.objects[uid]
	k.objects[uid] = o
	if o.fact.Kind == usage.Node {
		k.nodes[o.Name] = o
	}
	if o.fact.Certainty == usage.Ended && (before == nil || before.fact.Certainty != usage.Ended) {
		k.end(o)
	}
}

// gone notes that an object is not there any more; seen reports whether that was seen, and not only found out later.
func (k *connection) gone(o *object, seen bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	uid := string(o.UID)
	if before := k.objects[uid]; before != nil && before.fact.Certainty == usage.Ended {
		o = before
	}
	delete(k.objects, uid)
	if k.nodes[o.Name] != nil && string(k.nodes[o.Name].UID) == uid {
		delete(k.nodes, o.Name)
	}
	if o.fact.Certainty == usage.Ended {
		return // that was noted when it ended
	}
	ended := *o
	ended.fact.Certainty, ended.fact.Until = usage.Ended, o.goneAt
	if !seen {
		// It ended while nothing was heard of the cluster: it counts until it was noted last.
		return
	}
	k.end(&ended)
}

// end has an end noted soon.
func (k *connection) end(o *object) {
	if len(k.ended) >= maxPending {
		k.dropped++
		return
	}
	k.ended[string(o.UID)] = o
}
