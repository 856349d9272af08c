package cluster

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/restmapper"
)

// kinds know how the API server serves a kind. What was found out once is used until somebody asks for a kind that is
// not in it; only who asks for that waits for the API server to list its kinds again, and all others go on: one of its
// groups may take long to answer, or a release ask for a kind that never comes.
type kinds struct {
	discovery discovery.DiscoveryInterfaceWithContext
	// asking is held while the kinds are listed, and begun counts how often that was begun.
	asking chan struct{}
	begun  atomic.Int64
	found  atomic.Pointer[foundKinds]

	mu sync.Mutex
	// gone are kinds that were found and are not served any more, and the listing after which that was seen.
	gone map[schema.GroupKind]int64
}

// foundKinds are the kinds of one listing.
type foundKinds struct {
	mapper meta.RESTMapper
	number int64
	// partial says why some groups are not in it; nil if all are.
	partial error
}

func newKinds(d discovery.DiscoveryInterfaceWithContext) *kinds {
	return &kinds{discovery: d, asking: make(chan struct{}, 1), gone: map[schema.GroupKind]int64{}}
}

// mapping finds a kind in one of the versions, or in the preferred one. That it is not served is only said when all of
// the API server's groups have answered: one that does not answer just now may serve it.
func (k *kinds) mapping(ctx context.Context, gk schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	if f := k.found.Load(); f != nil && !k.isGone(gk, f) {
		if m, err := f.mapper.RESTMapping(gk, versions...); !meta.IsNoMatchError(err) {
			return m, err
		}
	}
	// The kind may be younger than what was found: a definition that was just applied.
	f, err := k.list(ctx)
	if err != nil {
		return nil, err
	}
	m, err := f.mapper.RESTMapping(gk, versions...)
	if meta.IsNoMatchError(err) && f.partial != nil {
		err = f.partial
	}
	return m, err
}

// kindFor finds the kind that a resource is of.
func (k *kinds) kindFor(ctx context.Context, resource schema.GroupVersionResource) (schema.GroupVersionKind, error) {
	f := k.found.Load()
	if f != nil {
		if kind, err := f.mapper.KindFor(resource); err == nil {
			return kind, nil
		}
	}
	f, err := k.list(ctx)
	if err != nil {
		return schema.GroupVersionKind{}, err
	}
	kind, err := f.mapper.KindFor(resource)
	if meta.IsNoMatchError(err) && f.partial != nil {
		err = f.partial
	}
	return kind, err
}

// forget has a kind looked up anew when it is asked for again.
func (k *kinds) forget(gk schema.GroupKind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gone[gk] = k.begun.Load()
}

func (k *kinds) isGone(gk schema.GroupKind, f *foundKinds) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	after, gone := k.gone[gk]
	if gone && f.number > after {
		delete(k.gone, gk)
		gone = false
	}
	return gone
}

// list asks the API server for its kinds. Those who ask at the same time share what one of them is told, unless it was
// asked before them: what they look for may be younger.
func (k *kinds) list(ctx context.Context) (*foundKinds, error) {
	before := k.begun.Load()
	select {
	case k.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-k.asking }()
	if f := k.found.Load(); f != nil && f.number > before {
		return f, nil
	}
	f := &foundKinds{number: k.begun.Add(1)}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	noting := &noting{DiscoveryInterfaceWithContext: k.discovery}
	groups, err := restmapper.GetAPIGroupResourcesWithContext(ctx, noting)
	if err != nil {
		return nil, fmt.Errorf("listing the kinds of the API server: %w", err)
	}
	f.mapper, f.partial = restmapper.NewDiscoveryRESTMapper(groups), noting.partial
	k.found.Store(f)
	return f, nil
}

// noting remembers why some groups were left out, which the mapper is not told.
type noting struct {
	discovery.DiscoveryInterfaceWithContext
	partial error
}

// ServerGroupsAndResourcesWithContext implements [discovery.ServerResourcesInterfaceWithContext].
func (n *noting) ServerGroupsAndResourcesWithContext(ctx context.Context) ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	groups, resources, err := n.DiscoveryInterfaceWithContext.ServerGroupsAndResourcesWithContext(ctx)
	n.partial = err
	return groups, resources, err
}
