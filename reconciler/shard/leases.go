// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"fmt"
	"sync"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/catalog"
)

// maxLeases bounds those that are read at once: the replicas, those that have ended lately, and the assignment.
const maxLeases = 2*maxReplicas + 1

// clusterLeases connects when it is first used, and again when its credentials are refused.
type clusterLeases struct {
	config func() (*rest.Config, error)

	mu   sync.Mutex
	conn *leaseConn
}

// leaseConn talks without the typed clients, which link every version of every API.
type leaseConn struct {
	leases     dynamic.ResourceInterface
	namespaces dynamic.ResourceInterface
}

// NewLeases returns the Leases of a cluster, in the namespace catalog.SystemNamespace, which is made when it is not
// there. The function reads how to reach the cluster; it is called again when the credentials are refused, since they
// may have been renewed. It takes the rights to list, create, update and delete Leases in that namespace, and to
// create the namespace if nobody else does.
func NewLeases(config func() (*rest.Config, error)) Leases {
	return &clusterLeases{config: config}
}

// do makes a request.
func (c *clusterLeases) do(request func(*leaseConn) error) error {
	conn, err := c.connect()
	if err != nil {
		return fmt.Errorf("connecting to the home cluster: %w", err)
	}
	err = request(conn)
	if apierrors.IsUnauthorized(err) {
		c.mu.Lock()
		c.conn = nil
		c.mu.Unlock()
	}
	return err
}

func (c *clusterLeases) connect() (*leaseConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn, nil
	}
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	c.conn = &leaseConn{
		leases:     client.Resource(coordinationv1.SchemeGroupVersion.WithResource("leases")).Namespace(catalog.SystemNamespace),
		namespaces: client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")),
	}
	return c.conn, nil
}

// List implements [Leases]. Without a resource version in the request the answer is the newest state.
func (c *clusterLeases) List(ctx context.Context, group string) (out []coordinationv1.Lease, err error) {
	err = c.do(func(conn *leaseConn) error {
		list, err := conn.leases.List(ctx, metav1.ListOptions{LabelSelector: LabelGroup + "=" + group, Limit: maxLeases})
		if err != nil {
			return err
		}
		if list.GetContinue() != "" {
			return fmt.Errorf("there are more than %d Leases with the label %s=%s: delete those that no replica renews", maxLeases, LabelGroup, group)
		}
		out = make([]coordinationv1.Lease, len(list.Items))
		for i, item := range list.Items {
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &out[i]); err != nil {
				return fmt.Errorf("reading the Lease %s: %w", item.GetName(), err)
			}
		}
		return nil
	})
	return out, err
}

// Create implements [Leases].
func (c *clusterLeases) Create(ctx context.Context, lease *coordinationv1.Lease) error {
	object, err := untyped(lease, coordinationv1.SchemeGroupVersion.WithKind("Lease"))
	if err != nil {
		return err
	}
	namespace, err := untyped(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: catalog.SystemNamespace, Labels: map[string]string{labelManagedBy: manager},
	}}, corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err != nil {
		return err
	}
	return c.do(func(conn *leaseConn) error {
		_, err := conn.leases.Create(ctx, object, metav1.CreateOptions{})
		if !apierrors.IsNotFound(err) {
			return err
		}
		if _, err := conn.namespaces.Create(ctx, namespace, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making the namespace %s: %w", namespace.GetName(), err)
		}
		_, err = conn.leases.Create(ctx, object, metav1.CreateOptions{})
		return err
	})
}

// Update implements [Leases].
func (c *clusterLeases) Update(ctx context.Context, lease *coordinationv1.Lease) error {
	object, err := untyped(lease, coordinationv1.SchemeGroupVersion.WithKind("Lease"))
	if err != nil {
		return err
	}
	return c.do(func(conn *leaseConn) error {
		_, err := conn.leases.Update(ctx, object, metav1.UpdateOptions{})
		return err
	})
}

// Delete implements [Leases].
func (c *clusterLeases) Delete(ctx context.Context, lease *coordinationv1.Lease) error {
	return c.do(func(conn *leaseConn) error {
		return conn.leases.Delete(ctx, lease.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion},
		})
	})
}

// untyped turns an object into what the client sends.
func untyped(object any, kind schema.GroupVersionKind) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("writing the %s: %w", kind.Kind, err)
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetGroupVersionKind(kind)
	return u, nil
}
