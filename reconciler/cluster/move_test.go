// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/test/clustertest"
)

// TestAClusterIsMadeAnew: a real API server ends, and another one with its own port and authority takes its place in the
// kubeconfig. It is reached without a restart.
func TestAClusterIsMadeAnew(t *testing.T) {
	t.Parallel()
	first := clustertest.Start(t, clustertest.Options{})
	second := clustertest.Start(t, clustertest.Options{})
	file := filepath.Join(t.TempDir(), "config")
	copyFile(t, first.Kubeconfig, file)
	events := make(chan Event, 1000)
	c := New(Config{Name: "x", Kubeconfig: file}, func(e Event) { events <- e })
	t.Cleanup(c.Close)
	conn, err := c.Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Watch(t.Context(), []schema.GroupKind{{Kind: "ConfigMap"}}); err != nil {
		t.Fatal(err)
	}
	first.Stop(t)
	copyFile(t, second.Kubeconfig, file)
	for e := range events {
		if e.Dropped {
			break
		}
	}
	next, err := c.Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := next.Get(t.Context(), plan.Ref{GroupKind: schema.GroupKind{Kind: "Namespace"}, Name: "default"}); err != nil {
		t.Error(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(data))
}

// TestAnAggregatedAPIIsDown: with an APIService whose server is not there, a definition is applied and its kind found; only
// the group of the APIService is unknown, and left out of what is served.
func TestAnAggregatedAPIIsDown(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, clustertest.Options{})
	conn := connect(t, c.Kubeconfig)
	admin, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	service := object(t, `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.down.example.com}
spec:
  group: down.example.com
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: nobody, namespace: default}`)
	if _, err := admin.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}).
		Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	widgets := schema.GroupKind{Group: "up.example.com", Kind: "Widget"}
	awaitGroup(t, conn, "down.example.com")
	if err := conn.Watch(t.Context(), []schema.GroupKind{widgets}); err != nil {
		t.Errorf("a kind whose definition is yet to come: %v", err)
	}
	actor, err := conn.As(Daemon(), plan.Scope{Namespace: "n", ClusterScoped: []schema.GroupKind{{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := actor.Apply(t.Context(), object(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.up.example.com}
spec:
  group: up.example.com
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}`), Applying{Own: true}); err != nil {
		t.Fatal(err)
	}
	awaitKind(t, conn, widgets)
	served, err := conn.Served(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"down.example.com"}, served.Silent); diff != "" {
		t.Errorf("the groups that are silent (-want +got):\n%s", diff)
	}
	for _, v := range []string{"v1", "v1/Pod", "apps/v1", "apps/v1/Deployment", "up.example.com/v1", "up.example.com/v1/Widget"} {
		if !slices.Contains(served.APIVersions, v) {
			t.Errorf("%s is not among what is served", v)
		}
	}
	if !slices.IsSorted(served.APIVersions) || strings.Contains(strings.Join(served.APIVersions, " "), "down.example.com") {
		t.Errorf("what is served is %v", served.APIVersions)
	}
	if info, err := c.Client(t).Discovery().ServerVersion(); err != nil || served.KubeVersion != info.GitVersion {
		t.Errorf("the version is %q, want %v (%v)", served.KubeVersion, info, err)
	}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = o.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// awaitGroup waits until a group is known not to answer.
func awaitGroup(t *testing.T, conn *Conn, group string) {
	t.Helper()
	await(t, func() bool {
		_, err := conn.resource(t.Context(), schema.GroupKind{Group: group, Kind: "Any"})
		g, ok := errors.AsType[*GroupError](err)
		return ok && g.Group == group
	})
}

// awaitKind waits until a kind is served.
func awaitKind(t *testing.T, conn *Conn, kind schema.GroupKind) {
	t.Helper()
	await(t, func() bool {
		_, err := conn.resource(t.Context(), kind)
		if err != nil && !meta.IsNoMatchError(err) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// await asks until it is so, or the test is out of time.
func await(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); {
		if time.Now().After(deadline) {
			t.Fatal("it has not come")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
