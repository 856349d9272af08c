// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"testing/fstest"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// bareRequests is how many requests are under way at once, as many as the daemon has.
const bareRequests = 32

// resources are the kinds of object that an app has.
var resources = map[string]schema.GroupVersionResource{
	"Namespace":      {Version: "v1", Resource: "namespaces"},
	"ServiceAccount": {Version: "v1", Resource: "serviceaccounts"},
	"Service":        {Version: "v1", Resource: "services"},
	"Deployment":     {Group: "apps", Version: "v1", Resource: "deployments"},
	"Ingress":        {Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
}

// objectsOf renders everything that a tree declares.
func objectsOf(ctx context.Context, t tree) ([]*unstructured.Unstructured, error) {
	fsys := fstest.MapFS{}
	for path, text := range t {
		fsys[path] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems, err := catalog.Load(fsys, blueprints.FS)
	if err != nil {
		return nil, err
	}
	if problems.Denied() {
		return nil, fmt.Errorf("the platform of the benchmark is refused: %s", problems[0])
	}
	renderer := render.New(blueprints.FS)
	var all []*unstructured.Unstructured
	for rel := range cat.Releases() {
		result, err := renderer.Render(ctx, fsys, rel)
		if err != nil {
			return nil, err
		}
		all = append(all, result.Objects...)
	}
	return all, nil
}

// bareApply applies objects as fast as the API server takes them: namespaces first, then all else.
func bareApply(ctx context.Context, client dynamic.Interface, objects []*unstructured.Unstructured) (time.Duration, error) {
	began := time.Now()
	for _, namespaces := range []bool{true, false} {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(bareRequests)
		for _, o := range objects {
			if (o.GetKind() == "Namespace") == namespaces {
				group.Go(func() error { return bareOne(ctx, client, o) })
			}
		}
		if err := group.Wait(); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func bareOne(ctx context.Context, client dynamic.Interface, o *unstructured.Unstructured) error {
	resource, ok := resources[o.GetKind()]
	if !ok {
		return fmt.Errorf("the benchmark does not know the kind %s", o.GetKind())
	}
	_, err := client.Resource(resource).Namespace(o.GetNamespace()).
		Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: "bare", Force: true})
	if err != nil {
		return fmt.Errorf("applying %s %s with nothing around it: %w", o.GetKind(), o.GetName(), err)
	}
	return nil
}

// bareChanges applies one Deployment with a new image, as often as asked, in a namespace beside the platform's.
func bareChanges(ctx context.Context, client dynamic.Interface, times int) ([]time.Duration, error) {
	p := platform{name: "bare", clusters: []string{clusterName}}
	objects, err := objectsOf(ctx, p.base().with(p.apps(0, 1)))
	if err != nil {
		return nil, err
	}
	if _, err := bareApply(ctx, client, objects); err != nil {
		return nil, err
	}
	var took []time.Duration
	for _, o := range objects {
		for i := 0; i < times && o.GetKind() == "Deployment"; i++ {
			if err := setImage(o, image(firstVersion+1+i)); err != nil {
				return nil, err
			}
			began := time.Now()
			if err := bareOne(ctx, client, o); err != nil {
				return nil, err
			}
			took = append(took, time.Since(began))
		}
	}
	return took, nil
}

// setImage changes the image of a Deployment's one container.
func setImage(o *unstructured.Unstructured, image string) error {
	containers, _, err := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		return fmt.Errorf("the Deployment %s has %d containers, want one: %w", o.GetName(), len(containers), err)
	}
	container, ok := containers[0].(map[string]any)
	if !ok {
		return fmt.Errorf("the container of the Deployment %s is a %T", o.GetName(), containers[0])
	}
	container["image"] = image
	return unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers")
}

// imageOf reads it.
func imageOf(o *unstructured.Unstructured) string {
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	if len(containers) == 0 {
		return ""
	}
	container, _ := containers[0].(map[string]any)
	image, _ := container["image"].(string)
	return image
}
