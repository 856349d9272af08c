// SPDX-License-Identifier: Apache-2.0

// Package install puts the daemon of a new platform into its cluster, with the rights of whoever runs it: the daemon's own rights, which it
// could not give to itself; the key that is in no repository; and, as long as no daemon runs there, its release, by the same executor as the daemon's, so that
// the daemon finds it in place.
//
// Of Trunkline it may import api, catalog, plan, reconciler/apply, reconciler/cluster, reconciler/secrets, reconciler/shard and render.
package install

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// manager owns what is applied here and is no release's.
const manager = "trunkline-bootstrap"

// resources are the kinds that are applied or looked at here.
var resources = map[string]schema.GroupVersionResource{
	"Namespace":          {Version: "v1", Resource: "namespaces"},
	"Secret":             {Version: "v1", Resource: "secrets"},
	"Pod":                {Version: "v1", Resource: "pods"},
	"StatefulSet":        {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"Lease":              {Group: "coordination.k8s.io", Version: "v1", Resource: "leases"},
	"ClusterRole":        {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding": {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	"Role":               {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	"RoleBinding":        {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
}

// Options are what a cluster is installed into with. All are required.
type Options struct {
	Config cluster.Config
	// Interval is how often what is waited for is looked at.
	Interval time.Duration
	Now      func() time.Time
}

// Cluster is the one that the daemon runs in.
type Cluster struct {
	opts    Options
	cluster *cluster.Cluster
	site    *apply.Cluster
	client  dynamic.Interface
}

// Connect connects to a cluster. What is watched lives as long as the context; close it in any case.
func Connect(ctx context.Context, opts Options) (*Cluster, error) {
	cfg, err := opts.Config.REST()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", opts.Config.Name, err)
	}
	c := &Cluster{opts: opts, client: client}
	c.cluster = cluster.New(opts.Config, func(e cluster.Event) {
		if e.ApplySet != "" {
			c.site.Happened(e)
		}
	})
	c.site = apply.NewCluster(opts.Config.Name, func(daemon, ctx context.Context) (apply.Conn, error) {
		conn, err := c.cluster.Connect(daemon, ctx)
		if err != nil {
			return nil, err
		}
		return apply.Live(conn), nil
	})
	if _, err := c.cluster.Connect(ctx, ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends all watches.
func (c *Cluster) Close() { c.cluster.Close() }

// system is the namespace of inventories and Leases, as the daemon makes it.
func system() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("v1")
	o.SetKind("Namespace")
	o.SetName(catalog.SystemNamespace)
	o.SetLabels(map[string]string{"app.kubernetes.io/managed-by": plan.FieldManager})
	return o
}

// Rights applies what the daemon needs before it runs, and returns what was not so before. With dry, nothing is changed.
func (c *Cluster) Rights(ctx context.Context, rights []*unstructured.Unstructured, dry bool) (changed []string, err error) {
	_, err = c.resource(system()).Get(ctx, catalog.SystemNamespace, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return nil, fmt.Errorf("looking for the namespace %s: %w", catalog.SystemNamespace, err)
	}
	if missing {
		if changed = append(changed, "Namespace "+catalog.SystemNamespace); !dry {
			if _, err := c.resource(system()).Apply(ctx, catalog.SystemNamespace, system(), metav1.ApplyOptions{FieldManager: plan.FieldManager, Force: true}); err != nil {
				return nil, fmt.Errorf("making the namespace %s: %w", catalog.SystemNamespace, err)
			}
		}
	}
	for _, o := range rights {
		what := o.GetKind() + " " + o.GetName()
		if o.GetNamespace() != "" {
			what = o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
		}
		differs, err := c.right(ctx, o, dry, missing)
		if err != nil {
			return changed, fmt.Errorf("applying the %s: %w", what, err)
		}
		if differs {
			changed = append(changed, what)
		}
	}
	return changed, nil
}

// right applies one of them, and reports whether it was another one before.
func (c *Cluster) right(ctx context.Context, o *unstructured.Unstructured, dry, missing bool) (bool, error) {
	to := c.resource(o)
	if to == nil {
		return false, errors.New("it is no right")
	}
	was, err := to.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return false, err
	}
	absent := err != nil
	if dry && absent && missing && o.GetNamespace() != "" {
		return true, nil // its namespace is not there to try it in
	}
	options := metav1.ApplyOptions{FieldManager: manager, Force: true}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	is, err := to.Apply(ctx, o.GetName(), o, options)
	return err == nil && (absent || !reflect.DeepEqual(content(was), content(is))), err
}

// content is an object without what changes by itself.
func content(o *unstructured.Unstructured) map[string]any {
	out := o.DeepCopy()
	unstructured.RemoveNestedField(out.Object, "metadata", "managedFields")
	unstructured.RemoveNestedField(out.Object, "metadata", "resourceVersion")
	return out.Object
}

func (c *Cluster) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	return c.of(o.GetKind(), o.GetNamespace())
}

func (c *Cluster) of(kind, namespace string) dynamic.ResourceInterface {
	gvr, ok := resources[kind]
	switch {
	case !ok:
		return nil
	case namespace == "":
		return c.client.Resource(gvr)
	}
	return c.client.Resource(gvr).Namespace(namespace)
}

// KeyError says that the cluster has another key than the repository needs.
type KeyError struct{ Namespace, Name string }

func (e *KeyError) Error() string {
	return fmt.Sprintf("the Secret %s/%s in the cluster has another key of age, and is left as it is: name the file of that key with --age-key-file, or, if it is lost, delete the Secret", e.Namespace, e.Name)
}

// Key has a key of age in a Secret that no repository has, and reports whether it was not there. One that is there is never changed. Its
// namespace is the release's, and there already. With dry, nothing is changed.
func (c *Cluster) Key(ctx context.Context, namespace, name, file string, key []byte, dry bool) (made bool, err error) {
	to := c.of("Secret", namespace)
	is, err := to.Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		data, _, _ := unstructured.NestedString(is.Object, "data", file)
		if data != encoded(key) {
			return false, &KeyError{namespace, name}
		}
		return false, nil
	}
	if !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("looking for the Secret %s/%s: %w", namespace, name, hidden(err))
	}
	if dry {
		return true, nil
	}
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": map[string]any{file: encoded(key)}}}
	o.SetName(name)
	o.SetNamespace(namespace)
	o.SetLabels(map[string]string{"app.kubernetes.io/managed-by": manager})
	if _, err := to.Create(ctx, o, metav1.CreateOptions{FieldManager: manager}); err != nil {
		return false, fmt.Errorf("making the Secret %s/%s: %w", namespace, name, hidden(err))
	}
	return true, nil
}

// hidden is an error about a Secret without what the API server says, which may quote values.
func hidden(err error) error {
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return errors.New(string(reason))
	}
	return err
}

// Running reports whether a daemon is at work: one of its pods is ready.
func (c *Cluster) Running(ctx context.Context, namespace, name string) (bool, error) {
	set, err := c.of("StatefulSet", namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the daemon in %s: %w", namespace, err)
	}
	ready, _, _ := unstructured.NestedInt64(set.Object, "status", "readyReplicas")
	return ready > 0, nil
}
