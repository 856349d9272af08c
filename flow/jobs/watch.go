// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
)

// Kind says what happened in a cluster.
type Kind int

// The kinds of event.
const (
	// Begins says that all templates and Jobs follow, and then Complete.
	Begins Kind = iota
	// Complete says that all that were there have been told of.
	Complete
	// Has says that there is a Job, or a template, and how it is.
	Has
	// Gone says that there is no such Job, or template, any more.
	Gone
	// Away says that what the cluster has cannot be followed at the moment: what was told may not be so any more.
	Away
	// Back says that it can be followed again. What has changed meanwhile is told by itself, before or after that.
	Back
)

// contact tells when a cluster cannot be followed any more, and when it can be again: each kind of object is followed by itself.
type contact struct {
	cluster string
	tell    func(Event)

	mu     sync.Mutex
	failed map[string]bool
}

// follows notes whether a kind of object is followed.
func (c *contact) follows(kind string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.failed)
	if ok {
		delete(c.failed, kind)
	} else {
		c.failed[kind] = true
	}
	switch after := len(c.failed); {
	case before == 0 && after > 0:
		c.tell(Event{Cluster: c.cluster, Kind: Away})
	case before > 0 && after == 0:
		c.tell(Event{Cluster: c.cluster, Kind: Back})
	}
}

// Event is something that happened in a cluster: with a Job, with a template, or with none.
type Event struct {
	Cluster  string
	Kind     Kind
	Job      *Job
	Template *Template
	// Other is a Job of a workload that was not made for a lot, once it has ended, and when it is gone.
	Other *Job
	// Why says of a cluster that is Away why; empty if there is no more to say.
	Why string
}

// again is the wait before a cluster is connected to again.
const again = 5 * time.Second

// Watch tells of templates and Jobs until ctx ends. It begins again when credentials are refused.
func (c *Cluster) Watch(ctx context.Context, tell func(Event)) {
	at := &contact{cluster: c.name, tell: tell, failed: map[string]bool{}}
	for ctx.Err() == nil {
		if err := c.watch(ctx, tell, at); err != nil && ctx.Err() == nil {
			c.log.Warn("cannot watch the runs of lots; it is tried again", "cluster", c.name, "err", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// watch does so until ctx ends or credentials are refused.
func (c *Cluster) watch(ctx context.Context, tell func(Event), at *contact) error {
	client, err := c.reach(As{})
	at.follows("credentials", err == nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tell(Event{Cluster: c.name, Kind: Begins})
	var synced []cache.InformerSynced
	ended := make(chan struct{}, 2)
	follow := func(kind schema.GroupVersionResource, selector string, has func(Kind, *unstructured.Unstructured)) {
		told := ""
		controller := informer(client, kind, selector, has, func(err error) {
			if err == nil {
				told = ""
				at.follows(kind.Resource, true)
				return
			}
			byItself := ctx.Err() != nil || apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
			if !byItself {
				at.follows(kind.Resource, false)
			}
			switch text := err.Error(); {
			case byItself, text == told:
				c.log.Debug("watching the runs of lots", "cluster", c.name, "kind", kind.Resource, "err", text)
			default:
				told = text
				c.log.Warn("cannot watch the runs of lots; it is tried again", "cluster", c.name, "kind", kind.Resource, "err", text)
			}
			if apierrors.IsUnauthorized(err) {
				c.forget()
				cancel(err)
			}
		})
		synced = append(synced, controller.HasSynced)
		go func() { controller.RunWithContext(ctx); ended <- struct{}{} }()
	}
	follow(cronsResource, labelWorkload, func(kind Kind, o *unstructured.Unstructured) {
		t, err := readTemplate(o)
		if err != nil {
			kind = Gone // also of one that was a template until now
		}
		tell(Event{Cluster: c.name, Kind: kind, Template: &t})
	})
	follow(jobsResource, labelWorkload, func(kind Kind, o *unstructured.Unstructured) {
		if j, ok := readJob(o); ok {
			tell(Event{Cluster: c.name, Kind: kind, Job: &j})
		} else if j, ok := readOther(o); ok && (kind == Gone || !j.Ended.IsZero()) {
			tell(Event{Cluster: c.name, Kind: kind, Other: &j})
		}
	})
	if cache.WaitForCacheSync(ctx.Done(), synced...) {
		tell(Event{Cluster: c.name, Kind: Complete})
	}
	<-ended
	cancel(nil)
	<-ended
	return context.Cause(ctx)
}

// informer follows the objects of a kind. They are told of one after the other, and all that are there before it has synced. Of each attempt
// it is told how it went: nil once it is followed.
func informer(client dynamic.Interface, kind schema.GroupVersionResource, selector string, has func(Kind, *unstructured.Unstructured), went func(error)) cache.Controller {
	told := func(kind Kind) func(any) {
		return func(obj any) {
			if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = unknown.Obj
			}
			if o, ok := obj.(*unstructured.Unstructured); ok {
				has(kind, o)
			}
		}
	}
	all := client.Resource(kind)
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			opts.LabelSelector = selector
			list, err := all.List(ctx, opts)
			if err != nil {
				went(err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			opts.LabelSelector = selector
			stream, err := all.Watch(ctx, opts)
			went(err)
			return stream, err
		},
	}
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: lw, ObjectType: &unstructured.Unstructured{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: told(Has), UpdateFunc: func(_, obj any) { told(Has)(obj) }, DeleteFunc: told(Gone),
		},
		Transform: func(obj any) (any, error) {
			if o, ok := obj.(*unstructured.Unstructured); ok {
				o.SetManagedFields(nil)
			}
			return obj, nil
		},
	})
	return controller
}
