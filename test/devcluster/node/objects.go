// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// apiObjects reads from the API server, uncached: a pod should see what was written just before it was made.
type apiObjects struct{ client kubernetes.Interface }

// ConfigMap implements objects.
func (a apiObjects) ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	return a.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
}

// Secret implements objects.
func (a apiObjects) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return a.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}

// Folder implements objects.
func (a apiObjects) Folder(ctx context.Context, namespace, name string) (string, error) {
	claim, err := a.client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if claim.Spec.VolumeName == "" {
		return "", fmt.Errorf("the claim %s/%s has no volume yet", namespace, name)
	}
	pv, err := a.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if pv.Annotations[provisionedByAnnotation] != provisioner || pv.Spec.HostPath == nil {
		return "", fmt.Errorf("devcluster has only volumes of its own provisioner %s, as in the StorageClass %s; the volume %s is another's", provisioner, StorageClass, pv.Name)
	}
	return pv.Spec.HostPath.Path, nil
}

// Token implements objects.
func (a apiObjects) Token(ctx context.Context, pod *corev1.Pod, audience string, seconds *int64) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	if audience != "" {
		request.Spec.Audiences = []string{audience}
	}
	account := pod.Spec.ServiceAccountName
	token, err := a.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("requesting a token of the ServiceAccount %s/%s: %w", pod.Namespace, account, err)
	}
	return token.Status.Token, nil
}
