// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/test/clustertest"
)

// clusterName is that of the one cluster of most parts.
const clusterName = "one"

// cell is a running cluster and a client of its own for the benchmark.
type cell struct {
	*clustertest.Cluster
	client dynamic.Interface
}

// newCell starts a cluster whose pods are played.
func newCell(ctx context.Context, dir, name string) (*cell, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder for a cluster: %w", err)
	}
	c, err := clustertest.Up(dir, clustertest.Options{Name: name})
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the cluster %q: %w", name, err), c.Down())
	}
	return &cell{Cluster: c, client: client}, nil
}

// flag says to the daemon how to reach the cluster.
func (c *cell) flag() string { return c.Name + "=" + c.Kubeconfig }

// names lists the cluster, for what takes several.
func (c *cell) names() []string { return []string{c.Name} }

// objectWatch watches one object.
type objectWatch struct {
	watch watch.Interface
	what  string
	// last is the object as it was seen last.
	last *unstructured.Unstructured
}

// watch opens a watch on an object of an app, which is there, and waits until it has been seen.
func (c *cell) watch(ctx context.Context, resource schema.GroupVersionResource, namespace string) (*objectWatch, error) {
	w, err := c.client.Resource(resource).Namespace(namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + workload})
	what := resource.Resource + " " + namespace + "/" + workload
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", what, err)
	}
	e := &objectWatch{watch: w, what: what}
	_, err = e.until(ctx, changeLimit, "is there", func(*unstructured.Unstructured) bool { return true })
	if err != nil {
		w.Stop()
		return nil, err
	}
	return e, nil
}

func (e *objectWatch) close() { e.watch.Stop() }

// errUnseen says that an object did not become what it was waited for.
var errUnseen = errors.New("it did not happen in time")

// until returns the moment when the object, seen at the API server, first was as wanted.
func (e *objectWatch) until(ctx context.Context, limit time.Duration, what string, ok func(*unstructured.Unstructured) bool) (time.Time, error) {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		select {
		case event, open := <-e.watch.ResultChan():
			now := time.Now()
			if !open {
				return now, fmt.Errorf("the watch of %s was closed", e.what)
			}
			if event.Type == watch.Error {
				return now, fmt.Errorf("watching %s: %w", e.what, apiError(event))
			}
			o, is := event.Object.(*unstructured.Unstructured)
			if is && event.Type != watch.Deleted {
				e.last = o
				if ok(o) {
					return now, nil
				}
			}
		case <-timeout.C:
			return time.Time{}, fmt.Errorf("waited %s until %s %s: %w", limit, e.what, what, errUnseen)
		case <-ctx.Done():
			return time.Time{}, context.Cause(ctx)
		}
	}
}

func apiError(e watch.Event) error { return fmt.Errorf("the API server says %v", e.Object) }

// kubeconfigIn returns a place for another kubeconfig.
func kubeconfigIn(dir, name string) string { return filepath.Join(dir, name+".kubeconfig") }
