// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

// asked is a cluster, and the kinds that it has.
type asked struct {
	client dynamic.Interface
	lists  []*metav1.APIResourceList
	mapper meta.RESTMapper
}

func ask(t *testing.T, c *clustertest.Cluster) asked {
	t.Helper()
	config := rest.CopyConfig(c.Config)
	config.WarningHandler = rest.NoWarnings{} // all kinds are asked for, old ones too
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := restmapper.GetAPIGroupResources(kinds)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := kinds.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	return asked{client: client, lists: lists, mapper: restmapper.NewDiscoveryRESTMapper(groups)}
}

// objects are those of any kind that have a label.
func objects(t *testing.T, c *clustertest.Cluster, selector string) (out []unstructured.Unstructured) {
	t.Helper()
	a := ask(t, c)
	for _, list := range a.lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.APIResources {
			if !slices.Contains(r.Verbs, "list") || strings.Contains(r.Name, "/") || r.Kind == "Event" {
				continue
			}
			found, err := a.client.Resource(gv.WithResource(r.Name)).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, found.Items...)
		}
	}
	return out
}

// documents are the objects of a text.
func documents(t *testing.T, text string) (out []*unstructured.Unstructured) {
	t.Helper()
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		if len(o.Object) > 0 {
			out = append(out, o)
		}
	}
}

// apply has the API server apply an object, strictly: a field that it does not know is an error.
func (a asked) apply(t *testing.T, o *unstructured.Unstructured, dry bool) error {
	t.Helper()
	gvk := o.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return err
	}
	to := dynamic.ResourceInterface(a.client.Resource(mapping.Resource))
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		to = a.client.Resource(mapping.Resource).Namespace(o.GetNamespace())
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return err
	}
	// Creating checks fields strictly, and applying does not.
	options := metav1.CreateOptions{FieldManager: "test", FieldValidation: metav1.FieldValidationStrict}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	created := &unstructured.Unstructured{}
	if err := created.UnmarshalJSON(data); err != nil {
		return err
	}
	if _, err := to.Create(t.Context(), created, options); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}

// accepts has the API server try all that the chart and Kustomize make, field by field. The kinds of Prometheus' operator are
// its own definitions.
func accepts(t *testing.T, c *clustertest.Cluster) {
	t.Helper()
	folder, err := cached.Path("deploy/github.com/prometheus-operator/prometheus-operator/example/prometheus-operator-crd", "prometheus-operator")
	if err != nil {
		t.Fatal(err)
	}
	definitions, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(definitions) != 2 {
		t.Fatalf("%s has %d definitions: %v", folder, len(definitions), err)
	}
	for _, file := range definitions {
		for _, o := range documents(t, read(t, file)) {
			if err := ask(t, c).apply(t, o, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	established(t, c)
	texts := map[string]string{"kustomize": built(t)}
	for _, name := range cases {
		texts[name] = rendered(t, "--values", valuesOf(name))
	}
	a := ask(t, c)
	for name, text := range texts {
		found := documents(t, text)
		if len(found) < 9 {
			t.Errorf("%s has %d objects only", name, len(found))
		}
		for _, o := range found {
			if err := a.apply(t, o, true); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// established waits until the kinds of Prometheus' operator are served.
func established(t *testing.T, c *clustertest.Cluster) {
	t.Helper()
	i := &installed{t: t, cluster: c}
	i.await("the kinds of Prometheus' operator", func() (bool, string) {
		_, rules := ask(t, c).mapper.RESTMapping(schema.GroupKind{Group: "monitoring.coreos.com", Kind: "PrometheusRule"})
		_, monitors := ask(t, c).mapper.RESTMapping(schema.GroupKind{Group: "monitoring.coreos.com", Kind: "ServiceMonitor"})
		return rules == nil && monitors == nil, fmt.Sprint(rules, monitors)
	})
}
