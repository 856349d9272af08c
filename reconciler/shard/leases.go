package shard

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/catalog"
)

// maxLeases bounds those that are read at once: the replicas, those that have ended lately, and the assignment.
const maxLeases = 2*maxReplicas + 1

type clusterLeases struct {
	leases     coordinationclient.LeaseInterface
	namespaces coreclient.NamespaceInterface
}

// NewLeases gives the Leases of a cluster, in the namespace catalog.SystemNamespace, which is made when it is not
// there. It needs the rights to list, create, update and delete Leases there, and to create that namespace if it is
// not made by somebody else.
func NewLeases(cfg *rest.Config) (Leases, error) {
	coordination, err := coordinationclient.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to the home cluster: %w", err)
	}
	core, err := coreclient.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to the home cluster: %w", err)
	}
	return &clusterLeases{leases: coordination.Leases(catalog.SystemNamespace), namespaces: core.Namespaces()}, nil
}

// List implements [Leases]. Without a resource version in the request the answer is the newest state.
func (c *clusterLeases) List(ctx context.Context, group string) ([]coordinationv1.Lease, error) {
	list, err := c.leases.List(ctx, metav1.ListOptions{LabelSelector: labelGroup + "=" + group, Limit: maxLeases})
	if err != nil {
		return nil, err
	}
	if list.Continue != "" {
		return nil, fmt.Errorf("there are more than %d Leases with the label %s=%s: delete those that no replica renews", maxLeases, labelGroup, group)
	}
	return list.Items, nil
}

// Create implements [Leases].
func (c *clusterLeases) Create(ctx context.Context, lease *coordinationv1.Lease) error {
	_, err := c.leases.Create(ctx, lease, metav1.CreateOptions{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: catalog.SystemNamespace, Labels: map[string]string{labelManagedBy: manager},
	}}
	if _, err := c.namespaces.Create(ctx, namespace, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making the namespace %s: %w", namespace.Name, err)
	}
	_, err = c.leases.Create(ctx, lease, metav1.CreateOptions{})
	return err
}

// Update implements [Leases].
func (c *clusterLeases) Update(ctx context.Context, lease *coordinationv1.Lease) error {
	_, err := c.leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}

// Delete implements [Leases].
func (c *clusterLeases) Delete(ctx context.Context, lease *coordinationv1.Lease) error {
	return c.leases.Delete(ctx, lease.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &lease.UID, ResourceVersion: &lease.ResourceVersion},
	})
}
