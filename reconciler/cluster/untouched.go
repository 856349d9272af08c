// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/catalog"
)

// Untouched reports whether no release of any platform was ever applied in a cluster, or nothing is left of them: the inventory of a release is
// written before its first object, and goes after the last.
func Untouched(ctx context.Context, config func() (*rest.Config, error)) (bool, error) {
	cfg, err := config()
	if err != nil {
		return false, err
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return false, fmt.Errorf("connecting to the cluster: %w", err)
	}
	list, err := client.Resource(configMaps).Namespace(catalog.SystemNamespace).List(ctx, metav1.ListOptions{LabelSelector: labelID, Limit: 1})
	if err != nil {
		return false, fmt.Errorf("looking for inventories: %w", err)
	}
	return len(list.Items) == 0, nil
}
