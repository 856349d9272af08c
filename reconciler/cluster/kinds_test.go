// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
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
	// stale leaves the group out of a listing that failed, as an aggregated listing does.
	stale bool
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
	if s.stale {
		return []*metav1.APIGroup{}, []*metav1.APIResourceList{}, s.err
	}
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
	partial := errors.New("something does not answer")
	s.serve(partial, nil, "One")
	if _, err := scope("Three"); !errors.Is(err, partial) {
		t.Errorf("a kind that may be of a group that does not answer: %v", err)
	}
	if _, err := scope("One"); err != nil {
		t.Errorf("a kind of a group that does answer: %v", err)
	}
}

// TestAGroupThatIsDown leaves unknown what it serves itself, and nothing else.
func TestAGroupThatIsDown(t *testing.T) {
	down := errors.New("stale")
	failed := func(versions ...schema.GroupVersion) error {
		e := &discovery.ErrGroupDiscoveryFailed{Groups: map[schema.GroupVersion]error{}}
		for _, v := range versions {
			e.Groups[v] = down
		}
		return e
	}
	y := schema.GroupVersion{Group: "y", Version: "v1"}
	cases := map[string]struct {
		reason string
		// before is what was listed before, and after the listing under test.
		before []string
		err    error
		after  []string
		kind   schema.GroupKind
		want   string // ok, none or unknown
	}{
		"Another":         {"A kind of another group that is not served is known not to be: its definition may come first.", nil, failed(y), []string{"One"}, x("Two"), "none"},
		"AnotherIsServed": {"What is served is found.", nil, failed(y), []string{"One"}, x("One"), "ok"},
		"NoSuchGroup":     {"A group that nobody serves is not the one that is down.", nil, failed(y), nil, schema.GroupKind{Group: "z", Kind: "One"}, "none"},
		"Own":             {"It may serve the kind.", nil, failed(y), []string{"One"}, schema.GroupKind{Group: "y", Kind: "One"}, "unknown"},
		"OneVersion":      {"A version that is down may be the one that serves it.", nil, failed(schema.GroupVersion{Group: "x", Version: "v2"}), []string{"One"}, x("Two"), "unknown"},
		"OtherVersion":    {"The other version serves it.", nil, failed(schema.GroupVersion{Group: "x", Version: "v2"}), []string{"One"}, x("One"), "ok"},
		"ServedBefore":    {"What it served before is known; the call says that it is down.", []string{"One"}, failed(schema.GroupVersion{Group: "x", Version: "v1"}), nil, x("One"), "ok"},
		"TwoAreDown":      {"Both are unknown.", nil, failed(y, schema.GroupVersion{Group: "z", Version: "v1"}), nil, schema.GroupKind{Group: "z", Kind: "One"}, "unknown"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &served{}
			k := newKinds(s)
			if tc.before != nil {
				s.serve(nil, nil, tc.before...)
				if _, err := k.list(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s.serve(tc.err, nil, tc.after...)
			s.stale = tc.before != nil
			if _, err := k.list(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, err := k.mapping(t.Context(), tc.kind)
			got := "ok"
			if g, ok := errors.AsType[*GroupError](err); ok {
				got = "unknown"
				if g.Group != tc.kind.Group || !errors.Is(err, down) || !strings.Contains(err.Error(), fmt.Sprintf("%q", tc.kind.Group)) {
					t.Errorf("%s\nthe error is %v", tc.reason, err)
				}
			} else if meta.IsNoMatchError(err) {
				got = "none"
			}
			if got != tc.want {
				t.Errorf("%s\ngot %s (%v), want %s", tc.reason, got, err, tc.want)
			}
		})
	}
}
