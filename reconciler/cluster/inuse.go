// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
)

var claims = schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}

// InUse says what would be lost with an object beside the object itself: claims on volumes in a namespace, whoever made
// them, and objects of the kind that a definition defines. It is empty if nothing would, and for any other kind.
func (conn *Conn) InUse(ctx context.Context, ref plan.Ref) (string, error) {
	switch {
	case ref.Group == "" && ref.Kind == "Namespace":
		return conn.first(ctx, conn.ownerOf(ref), claims, ref.Name)
	case ref.Group == "apiextensions.k8s.io" && ref.Kind == "CustomResourceDefinition":
		plural, group, _ := strings.Cut(ref.Name, ".") // the API server holds the name to "plural.group"
		kind, err := conn.kinds.kindFor(ctx, schema.GroupVersionResource{Group: group, Resource: plural})
		if meta.IsNoMatchError(err) {
			return "", nil // it is not served: it has no objects
		}
		if err != nil {
			return "", fmt.Errorf("looking for objects of %s: %w", ref, err)
		}
		return conn.first(ctx, conn.ownerOf(ref), schema.GroupVersionResource{Group: group, Version: kind.Version, Resource: plural}, "")
	}
	return "", nil
}

// first names one object of a kind, for a release; one that is on its way out does not count.
func (conn *Conn) first(ctx context.Context, release string, resource schema.GroupVersionResource, namespace string) (string, error) {
	var list *unstructured.UnstructuredList
	err := conn.do(ctx, release, func(ctx context.Context) (err error) {
		list, err = conn.client.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 20})
		return err
	})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking for what would be lost: %w", err)
	}
	for i := range list.Items {
		if list.Items[i].GetDeletionTimestamp() == nil {
			return plan.RefOf(&list.Items[i]).String(), nil
		}
	}
	if list.GetContinue() != "" {
		return "objects on their way out", nil // there may be more behind them; they are asked for again
	}
	return "", nil
}
