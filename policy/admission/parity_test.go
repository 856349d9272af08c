// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

// server is a real API server, and what it warns of.
type server struct {
	client  dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	mu      sync.Mutex
	warning []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	config := rest.CopyConfig(pkg.Cluster(t).Config)
	config.WarningHandler = s
	var err error
	if s.client, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	s.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	return s
}

// HandleWarningHeader implements [rest.WarningHandler].
func (s *server) HandleWarningHeader(_ int, _, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warning = append(s.warning, text)
}

// apply applies an object as the daemon does.
func (s *server) apply(t *testing.T, object map[string]any, dryRun bool) (*unstructured.Unstructured, error) {
	t.Helper()
	u := &unstructured.Unstructured{Object: object}
	gvk := u.GroupVersionKind()
	mapping, err := s.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		s.mapper.Reset()
		mapping, err = s.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return nil, err
	}
	client := dynamic.ResourceInterface(s.client.Resource(mapping.Resource))
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		client = s.client.Resource(mapping.Resource).Namespace(u.GetNamespace())
	}
	options := metav1.ApplyOptions{FieldManager: "trunkline", Force: true}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return client.Apply(t.Context(), u.GetName(), u, options)
}

func (s *server) mustApply(t *testing.T, text string) {
	t.Helper()
	for _, object := range objects(t, text) {
		if _, err := s.apply(t, object, false); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually asks until something is so: the API server takes up policies and definitions a moment after they are written, and
// tells nobody.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) { return ask(), nil })
	if err != nil {
		t.Fatalf("%s never came: %v", what, err)
	}
}

// ask returns what the API server says of an object, in the form of [parityCase.want].
func (s *server) ask(t *testing.T, object map[string]any) []string {
	t.Helper()
	s.mu.Lock()
	s.warning = nil
	s.mu.Unlock()
	_, err := s.apply(t, object, true)
	var out []string
	if err != nil {
		status, ok := errors.AsType[*apierrors.StatusError](err)
		if !ok {
			t.Fatal(err)
		}
		_, text, denied := strings.Cut(status.ErrStatus.Message, " denied request: ")
		if !denied {
			t.Fatalf("not a policy's: %s", status.ErrStatus.Message)
		}
		out = append(out, "deny: "+text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.warning {
		if _, text, ok := strings.Cut(w, "': "); ok && strings.HasPrefix(w, "Validation failed") {
			out = append(out, "warn: "+text)
		}
	}
	return out
}

// TestParity asks a real API server and us the same, and holds us to its verdicts and messages.
func TestParity(t *testing.T) {
	s := newServer(t)
	namespace := func(c parityCase) string { return "parity-" + c.name }
	definitions := map[string]map[string]any{}
	for _, c := range parityCases {
		if c.alone {
			continue
		}
		ns := namespace(c)
		s.mustApply(t, c.named("apiVersion: v1\nkind: Namespace\nmetadata: {name: NS, labels: {stage: test}}\n", ns))
		for _, object := range objects(t, c.named(c.others, ns)) {
			if _, err := s.apply(t, object, false); err != nil {
				t.Fatal(err)
			}
			definitions[ns] = object
		}
		if c.old != "" {
			s.mustApply(t, c.named(c.old, ns))
		}
		for _, object := range objects(t, c.named(c.policies, ns)) {
			if object["kind"] == "ConfigMap" {
				if _, err := s.apply(t, object, false); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, c := range parityCases {
		if !c.alone {
			s.mustApply(t, c.named(c.policies, namespace(c)))
		}
	}
	// The last policy of all: once it denies, the API server has seen those before it.
	last := parityCase{name: "last", policies: vap("/configmaps", "validations: [{expression: 'false', message: last}]")}
	s.mustApply(t, last.named("apiVersion: v1\nkind: Namespace\nmetadata: {name: NS}\n---\n"+last.policies, namespace(last)))
	eventually(t, "the last policy", func() bool {
		_, err := s.apply(t, objects(t, last.named(configMap, namespace(last)))[0], true)
		return err != nil
	})
	asked := 0
	for _, c := range parityCases {
		if c.alone {
			continue
		}
		asked++
		t.Run(c.name, func(t *testing.T) {
			ns := namespace(c)
			object := objects(t, c.named(c.object, ns))[0]
			if definitions[ns] != nil {
				eventually(t, "the definition", func() bool {
					_, err := s.apply(t, object, true)
					return !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err)
				})
			}
			theirs := s.ask(t, object)
			c.check(t, "the API server", theirs, ns)
			ours := c.evaluate(t, ns)
			switch {
			case len(theirs) == 0 && len(ours) == 0:
			case len(theirs) == 0 || len(ours) == 0:
				t.Errorf("%s:\nthe API server says %q\nwe say             %q", c.reason, theirs, words(ours))
			default:
				text := fmt.Sprintf("%s: %s", ours[0].Severity, ours[0].Text)
				same := text == theirs[0]
				if ours[0].Unevaluated { // what failed is told around their words
					verdict, message, _ := strings.Cut(theirs[0], ": ")
					same = strings.HasPrefix(text, verdict) && strings.Contains(text, strings.TrimSpace(message))
				}
				if !same {
					t.Errorf("%s:\nthe API server says %s\nwe say             %s", c.reason, theirs[0], text)
				}
			}
		})
	}
	if asked < 25 {
		t.Errorf("only %d cases were asked", asked)
	}
}
