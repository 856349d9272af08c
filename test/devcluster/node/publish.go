// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// metricsService is the Service by which the API server finds the nodes' figures. The nodes' certificate has its name.
const metricsService = "devcluster-metrics"

// publishMetrics has the API server ask the nodes for metrics.k8s.io.
func publishMetrics(ctx context.Context, cfg Config, port int32) error {
	ca, err := os.ReadFile(cfg.Server.CA)
	if err != nil {
		return fmt.Errorf("loading the nodes' authority: %w", err)
	}
	// An endpoint may not be a loopback address, the name of another host may.
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: metricsService, Namespace: metav1.NamespaceSystem},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: hostIP},
	}
	group := metricsv1beta1.SchemeGroupVersion
	api, err := json.Marshal(&apiregistrationv1.APIService{
		TypeMeta:   metav1.TypeMeta{APIVersion: apiregistrationv1.SchemeGroupVersion.String(), Kind: "APIService"},
		ObjectMeta: metav1.ObjectMeta{Name: group.Version + "." + group.Group},
		Spec: apiregistrationv1.APIServiceSpec{
			Group: group.Group, Version: group.Version, GroupPriorityMinimum: 100, VersionPriority: 100, CABundle: ca,
			Service: &apiregistrationv1.ServiceReference{Name: metricsService, Namespace: metav1.NamespaceSystem, Port: &port},
		},
	})
	if err != nil {
		return fmt.Errorf("encoding the APIService: %w", err)
	}
	readers := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "system:aggregated-metrics-reader", Labels: map[string]string{
			"rbac.authorization.k8s.io/aggregate-to-view": "true",
			"rbac.authorization.k8s.io/aggregate-to-edit": "true", "rbac.authorization.k8s.io/aggregate-to-admin": "true",
		}},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{group.Group}, Resources: []string{"pods", "nodes"}, Verbs: []string{"get", "list"}}},
	}
	for what, do := range map[string]func(context.Context) error{
		"the Service": func(ctx context.Context) error {
			_, err := cfg.Client.CoreV1().Services(service.Namespace).Create(ctx, service, metav1.CreateOptions{})
			return err
		},
		"the APIService": func(ctx context.Context) error {
			return cfg.Client.Discovery().RESTClient().Post().AbsPath("/apis/apiregistration.k8s.io/v1/apiservices").
				SetHeader("Content-Type", "application/json").Body(api).Do(ctx).Error()
		},
		"the ClusterRole": func(ctx context.Context) error {
			_, err := cfg.Client.RbacV1().ClusterRoles().Create(ctx, readers, metav1.CreateOptions{})
			return err
		},
	} {
		err := retry(ctx, func(ctx context.Context) error {
			err := do(ctx)
			if apierrors.IsAlreadyExists(err) {
				return nil
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("making %s of metrics.k8s.io: %w", what, err)
		}
	}
	return nil
}
