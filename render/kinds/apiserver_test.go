// SPDX-License-Identifier: Apache-2.0

package kinds_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"trunkline.dev/trunkline/render/helm"
	"trunkline.dev/trunkline/render/kinds"
	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

// server is a real API server, which is asked what it would say.
type server struct {
	namespace string
	mapper    meta.RESTMapper
	client    dynamic.Interface
}

func ask(t *testing.T) server {
	t.Helper()
	c := pkg.Cluster(t)
	found, err := discovery.NewDiscoveryClientForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := restmapper.GetAPIGroupResources(found)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	return server{c.Namespace(t), restmapper.NewDiscoveryRESTMapper(groups), client}
}

// apply asks by the very request with which objects are applied, as a dry run. What the API server fills is taken out of an
// object before it is applied, and so it is here.
func (s server) apply(ctx context.Context, o map[string]any) error {
	u := (&unstructured.Unstructured{Object: o}).DeepCopy()
	m, err := s.mapper.RESTMapping(u.GroupVersionKind().GroupKind(), u.GroupVersionKind().Version)
	if err != nil {
		return err
	}
	var to dynamic.ResourceInterface = s.client.Resource(m.Resource)
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		u.SetNamespace(s.namespace)
		to = s.client.Resource(m.Resource).Namespace(s.namespace)
	}
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(u.Object, "status")
	_, err = to.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: "test", Force: true, DryRun: []string{metav1.DryRunAll}})
	return err
}

// forValues reports whether an API server refuses an object for what its values mean, or since it has no such kind.
func forValues(err error) bool { return apierrors.IsInvalid(err) || meta.IsNoMatchError(err) }

// TestAPIServer: a real API server takes what is taken here, and refuses what is refused here.
func TestAPIServer(t *testing.T) {
	server := ask(t)
	taken := 0
	for _, o := range objects {
		t.Run(o.reason, func(t *testing.T) {
			here := kinds.Check(read(t, o.yaml), kinds.Cluster{})
			err := server.apply(t.Context(), read(t, o.yaml))
			if err == nil {
				taken++
			}
			switch {
			case err == nil && len(here) > 0:
				t.Errorf("refused here, and taken by the API server: %q", words(here))
			case err != nil && len(here) == 0 && !o.later:
				t.Errorf("taken here, and refused by the API server: %v", err)
			case o.later && (len(here) > 0 || !forValues(err)):
				t.Errorf("want it taken here (%q), and refused there for its values or its kind: %v", words(here), err)
			case len(here) > 0 && apierrors.IsInvalid(err):
				t.Errorf("the API server refuses it for what its values mean, which is not what is checked here: %v", err)
			}
		})
	}
	if taken < 12 {
		t.Errorf("the API server took %d objects only", taken)
	}
}

// TestParityOfPublicCharts asks a real API server about all that public charts render to, with their own values: it takes
// nothing that is refused here.
func TestParityOfPublicCharts(t *testing.T) {
	root := os.Getenv("CHARTS")
	if root == "" {
		t.Skip("CHARTS names no folder with charts; `make parity` does")
	}
	server := ask(t)
	checked, known := 0, 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if _, err := os.Stat(filepath.Join(p, "Chart.yaml")); err != nil {
			return nil //nolint:nilerr // it is no chart
		}
		out, err := helm.Render(t.Context(), helm.Input{FS: os.DirFS(filepath.Dir(p)), Dir: filepath.Base(p), Name: "rel", Namespace: "ns"})
		if err != nil {
			return fs.SkipDir // what does not render is the matter of another test
		}
		for _, o := range out.Objects {
			checked++
			if kinds.Has(o.GroupVersionKind().GroupKind()) {
				known++
			}
			here, err := kinds.Check(o.Object, kinds.Cluster{}), server.apply(t.Context(), o.Object)
			name := strings.TrimPrefix(p, root+"/") + ": " + o.GetKind() + " " + o.GetName()
			switch {
			case len(here) > 0 && (err == nil || forValues(err) && !meta.IsNoMatchError(err)):
				t.Errorf("%s: refused here (%q), and there: %v", name, words(here), err)
			case len(here) > 0:
				t.Logf("%s: refused here (%q), and there: %v", name, words(here), err)
			case err != nil && !forValues(err):
				t.Errorf("%s: taken here, and refused there: %v", name, err)
			}
		}
		return fs.SkipDir
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d objects, %d of kinds that Kubernetes has", checked, known)
	if known < 100 {
		t.Errorf("%d objects are of kinds that Kubernetes has: this test checks nothing", known)
	}
}
