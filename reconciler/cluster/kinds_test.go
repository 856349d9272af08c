package cluster

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// served is an API server that serves kinds of the group x, as far as listing them goes.
type served struct {
	discovery.DiscoveryInterfaceWithContext
	mu    sync.Mutex
	kinds []metav1.APIResource
	err   error
	// hang holds listings until it is closed, and listings counts them.
	hang     chan struct{}
	listings int
}

func (s *served) ServerGroupsAndResourcesWithContext(ctx context.Context) ([]*metav1.APIGroup, []*metav1.APIResourceList, error) {
	s.mu.Lock()
	s.listings++
	hang := s.hang
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v1 := metav1.GroupVersionForDiscovery{GroupVersion: "x/v1", Version: "v1"}
	return []*metav1.APIGroup{{Name: "x", Versions: []metav1.GroupVersionForDiscovery{v1}, PreferredVersion: v1}},
		[]*metav1.APIResourceList{{GroupVersion: "x/v1", APIResources: s.kinds}}, s.err
}

func (s *served) serve(err error, hang chan struct{}, kinds ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.hang, s.kinds = err, hang, nil
	for _, k := range kinds {
		name, namespaced := strings.CutSuffix(k, "/namespaced")
		s.kinds = append(s.kinds, metav1.APIResource{Name: strings.ToLower(name) + "s", Kind: name, Namespaced: namespaced})
	}
}

func x(kind string) schema.GroupKind { return schema.GroupKind{Group: "x", Kind: kind} }

// TestKnownKindsWaitForNobody: while the API server takes long to list its kinds for one that asks for a kind that is
// not there, all others go on.
func TestKnownKindsWaitForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.serve(nil, nil, "One")
		k := newKinds(s)
		if _, err := k.mapping(t.Context(), x("One")); err != nil {
			t.Fatal(err)
		}
		hang := make(chan struct{})
		s.serve(nil, hang, "One", "Two")
		var asking sync.WaitGroup
		for range 20 {
			asking.Go(func() {
				if _, err := k.mapping(t.Context(), x("Two")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if _, err := k.mapping(t.Context(), x("One")); err != nil {
			t.Error(err)
		}
		if _, err := k.kindFor(t.Context(), schema.GroupVersionResource{Group: "x", Resource: "ones"}); err != nil {
			t.Error(err)
		}
		brief, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := k.mapping(brief, x("Two")); !errors.Is(err, context.Canceled) {
			t.Errorf("who does not wait any more gets %v", err)
		}
		close(hang)
		asking.Wait()
		if s.listings > 3 {
			t.Errorf("the kinds were listed %d times; all who asked at the same time share one listing", s.listings)
		}
	})
}

// TestAListingThatHangs fails those who wait for it when its time is over, and the next one finds the kind.
func TestAListingThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &served{}
		s.serve(nil, make(chan struct{}), "One")
		k := newKinds(s)
		if _, err := k.mapping(t.Context(), x("One")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got the error %v, want that of a server that hangs", err)
		}
		s.serve(nil, nil, "One")
		if _, err := k.mapping(t.Context(), x("One")); err != nil {
			t.Error(err)
		}
	})
}

func TestKindsThatComeAndGo(t *testing.T) {
	s := &served{}
	s.serve(nil, nil, "One")
	k := newKinds(s)
	scope := func(kind string) (meta.RESTScopeName, error) {
		m, err := k.mapping(t.Context(), x(kind))
		if err != nil {
			return "", err
		}
		return m.Scope.Name(), nil
	}
	if _, err := scope("Two"); !meta.IsNoMatchError(err) {
		t.Errorf("a kind that nobody serves: %v", err)
	}
	s.serve(nil, nil, "One", "Two")
	if got, err := scope("Two"); got != meta.RESTScopeNameRoot || err != nil {
		t.Errorf("a kind that is younger than the last listing: %q, %v", got, err)
	}
	k.forget(x("Two"))
	s.serve(nil, nil, "One", "Two/namespaced")
	if got, err := scope("Two"); got != meta.RESTScopeNameNamespace || err != nil {
		t.Errorf("a kind that was gone and came back as another: %q, %v", got, err)
	}
	listings := s.listings
	if got, err := scope("Two"); got != meta.RESTScopeNameNamespace || err != nil || s.listings != listings {
		t.Errorf("asked once more: %q, %v, after %d more listings", got, err, s.listings-listings)
	}
	k.forget(x("Two"))
	s.serve(nil, nil, "One")
	if _, err := scope("Two"); !meta.IsNoMatchError(err) {
		t.Errorf("a kind that is gone: %v", err)
	}
	partial := errors.New("the group y does not answer")
	s.serve(partial, nil, "One")
	if _, err := scope("Three"); !errors.Is(err, partial) {
		t.Errorf("a kind that may be of a group that does not answer: %v", err)
	}
	if _, err := scope("One"); err != nil {
		t.Errorf("a kind of a group that does answer: %v", err)
	}
}
