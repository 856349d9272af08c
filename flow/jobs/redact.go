// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/api/confidential"
	"trunkline.dev/trunkline/plan/health"
)

const (
	// maxLogSecrets bounds the Secrets that a run may have, and maxSecrets those that a namespace may.
	maxLogSecrets, maxSecrets = 100, 500
	// connectionLabel is on Secrets that are connections of Airflow. Where such a one leads to is no secret, and "http" is in many a line.
	connectionLabel = "airflow.trunkline.dev/connection"
)

var secretsResource = corev1.SchemeGroupVersion.WithResource("secrets")

// redactor returns a function that takes out of a text what the pods have been given that is secret.
func (c *Cluster) redactor(ctx context.Context, namespace string, pods []corev1.Pod) (func(string) string, error) {
	names, open := map[string]bool{}, map[string]any{}
	for i := range pods {
		secretsOf(&pods[i], names, open)
	}
	if len(names) > maxLogSecrets {
		return nil, fmt.Errorf("its pods have more than %d Secrets, whose values must not be in the log", maxLogSecrets)
	}
	var secrets []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(names)) {
		found, err := c.secrets(ctx, namespace, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		if err != nil {
			return nil, fmt.Errorf("the values of the Secret %s/%s, which must not be in the log, cannot be read: %w", namespace, name, err)
		}
		secrets = append(secrets, found...)
	}
	known := health.Redactor(secrets)
	return func(text string) string { return confidential.Text(confidential.Redact(known(text), open)) }, nil
}

// Redactor returns a function that takes out of a text the values of all Secrets of namespaces, and what is secret by its form. It is for what pods have written
// that are gone. If a Secret may not be read, it is not known what that is, and there is none.
func (c *Cluster) Redactor(ctx context.Context, namespaces ...string) (func(string) string, error) {
	var secrets []*unstructured.Unstructured
	for _, namespace := range namespaces {
		found, err := c.secrets(ctx, namespace, metav1.ListOptions{Limit: maxSecrets + 1})
		if err == nil && len(found) > maxSecrets {
			err = fmt.Errorf("there are more than %d", maxSecrets)
		}
		if err != nil {
			return nil, fmt.Errorf("the values of the Secrets of %s, which must not be in the log, cannot be read: %w", namespace, err)
		}
		for _, secret := range found {
			if _, is := secret.GetLabels()[connectionLabel]; is {
				for _, open := range []string{"conn_type", "host", "port", "schema"} {
					unstructured.RemoveNestedField(secret.Object, "data", open)
				}
			}
		}
		secrets = append(secrets, found...)
	}
	known := health.Redactor(secrets)
	return func(text string) string { return confidential.Text(known(text)) }, nil
}

// secrets lists Secrets, with the daemon's own rights: it may list, and not get.
func (c *Cluster) secrets(ctx context.Context, namespace string, which metav1.ListOptions) (out []*unstructured.Unstructured, err error) {
	err = c.do(ctx, As{Namespace: namespace}, secretsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		list, err := r.List(ctx, which)
		if err != nil {
			return err
		}
		for i := range list.Items {
			secret := &list.Items[i]
			secret.SetAPIVersion("v1")
			secret.SetKind("Secret") // items of a list need not say what they are
			out = append(out, secret)
		}
		return nil
	})
	return out, err
}

// secretsOf finds the Secrets of a pod by their names, and the variables that it is given in clear.
func secretsOf(p *corev1.Pod, names map[string]bool, open map[string]any) {
	for _, container := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, from := range container.EnvFrom {
			if from.SecretRef != nil {
				names[from.SecretRef.Name] = true
			}
		}
		for _, v := range container.Env {
			if v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
				names[v.ValueFrom.SecretKeyRef.Name] = true
			}
			if v.Value != "" && !strings.HasPrefix(v.Name, ownVariables) {
				open[v.Name] = v.Value
			}
		}
	}
	for i := range p.Spec.Volumes {
		v := &p.Spec.Volumes[i]
		if v.Secret != nil {
			names[v.Secret.SecretName] = true
		}
		if v.Projected == nil {
			continue
		}
		for _, from := range v.Projected.Sources {
			if from.Secret != nil {
				names[from.Secret.Name] = true
			}
		}
	}
	delete(names, "")
}
