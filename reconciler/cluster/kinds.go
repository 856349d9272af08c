// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/restmapper"
)

// kinds cache how the API server serves a kind. A cache miss lists the kinds again, and only who asked waits for that: one of
// the groups may take long to answer, or a release ask for a kind that never comes.
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
	// resources are what the listing brought, by group and version.
	resources map[string]*metav1.APIResourceList
	// failed says why groups are not in it that did not answer, by their names. Such a group is usually an aggregated API
	// whose server is down.
	failed map[string]error
	// partial says why something is not in it, nobody knows of which groups.
	partial error
}

// unknown returns why it is not known whether a kind of the group is served; nil if it is known that it is not.
func (f *foundKinds) unknown(group string) error {
	if err := f.failed[group]; err != nil {
		return &GroupError{Group: group, Err: err}
	}
	return f.partial
}

// GroupError says that an API group does not answer, so that it is not known what it serves. Other groups do.
type GroupError struct {
	Group string
	Err   error
}

// Error names the group.
func (e *GroupError) Error() string {
	return fmt.Sprintf("the API group %q does not say what it serves: %s", e.Group, e.Err)
}

// Unwrap returns the cause.
func (e *GroupError) Unwrap() error { return e.Err }

func newKinds(d discovery.DiscoveryInterfaceWithContext) *kinds {
	return &kinds{discovery: d, asking: make(chan struct{}, 1), gone: map[schema.GroupKind]int64{}}
}

// mapping finds a kind in one of the versions, or in the preferred one. That it is not served is only said when its group
// has answered; whether others have does not matter. Without an answer the error is a [*GroupError].
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
	if meta.IsNoMatchError(err) {
		err = cmp.Or(f.unknown(gk.Group), err)
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
	if meta.IsNoMatchError(err) {
		err = cmp.Or(f.unknown(resource.Group), err)
	}
	return kind, err
}

// forget makes the next question for a kind a cache miss.
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
	listing := &listing{DiscoveryInterfaceWithContext: k.discovery, into: f, before: k.found.Load()}
	groups, err := restmapper.GetAPIGroupResourcesWithContext(ctx, listing)
	if err != nil {
		return nil, fmt.Errorf("listing the kinds of the API server: %w", err)
	}
	f.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	k.found.Store(f)
	return f, nil
}

// listing keeps what the mapper is not told: which groups did not answer, and what they served before.
type listing struct {
	discovery.DiscoveryInterfaceWithContext
	into, before *foundKinds
}

// ServerGroupsAndResourcesWithContext implements [discovery.ServerResourcesInterfaceWithContext]. A group that does not
// answer is taken to serve what it did before: its kinds are known, and whoever needs one is told by the call itself that
// it is down.
func (l *listing) ServerGroupsAndResourcesWithContext(ctx context.Context) ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	groups, resources, err := l.DiscoveryInterfaceWithContext.ServerGroupsAndResourcesWithContext(ctx)
	failed, known := discovery.GroupDiscoveryFailedErrorGroups(err)
	l.into.failed = map[string]error{}
	for version, why := range failed {
		l.into.failed[version.Group] = errors.Join(l.into.failed[version.Group], why)
		if l.before != nil && l.before.resources[version.String()] != nil {
			resources = append(resources, l.before.resources[version.String()])
			groups = withVersion(groups, version)
		}
	}
	if !known {
		l.into.partial = err
	}
	l.into.resources = make(map[string]*metav1.APIResourceList, len(resources))
	for _, r := range resources {
		l.into.resources[r.GroupVersion] = r
	}
	return groups, resources, err
}

// withVersion adds a version to the groups, unless they have it.
func withVersion(groups []*metav1.APIGroup, version schema.GroupVersion) []*metav1.APIGroup {
	v := metav1.GroupVersionForDiscovery{GroupVersion: version.String(), Version: version.Version}
	i := slices.IndexFunc(groups, func(g *metav1.APIGroup) bool { return g.Name == version.Group })
	if i < 0 {
		return append(groups, &metav1.APIGroup{Name: version.Group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
	}
	if !slices.Contains(groups[i].Versions, v) {
		groups[i].Versions = append(groups[i].Versions, v)
	}
	return groups
}
