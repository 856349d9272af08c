// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// setDefaults fills in what the API server fills in before it asks the policies, for the kinds that blueprints render. That is
// written again here, from the documentation of the fields: Kubernetes' own code for it cannot be imported. TestDefaults holds
// it against a real API server.
func setDefaults(object runtime.Object) {
	switch o := object.(type) {
	case *corev1.Pod:
		podDefaults(o)
	case *corev1.Namespace:
		o.Labels = withName(o)
		o.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
		o.Status.Phase = corev1.NamespaceActive
	case *corev1.Secret:
		secretDefaults(o)
	case *corev1.Service:
		serviceDefaults(o)
	case *corev1.PersistentVolumeClaim:
		claimDefaults(&o.Spec)
		or(&o.Status.Phase, corev1.ClaimPending)
	case *appsv1.Deployment:
		deploymentDefaults(&o.Spec)
	case *appsv1.StatefulSet:
		statefulSetDefaults(&o.Spec)
	case *appsv1.DaemonSet:
		daemonSetDefaults(&o.Spec)
	case *appsv1.ReplicaSet:
		orNew(&o.Spec.Replicas, 1)
		podSpecDefaults(&o.Spec.Template.Spec)
	case *batchv1.Job:
		jobDefaults(o)
	case *batchv1.CronJob:
		cronJobDefaults(&o.Spec)
	case *networkingv1.NetworkPolicy:
		networkPolicyDefaults(&o.Spec)
	case *autoscalingv2.HorizontalPodAutoscaler:
		orNew(&o.Spec.MinReplicas, 1)
	case *rbacv1.RoleBinding:
		bindingDefaults(&o.RoleRef, o.Subjects)
	case *rbacv1.ClusterRoleBinding:
		bindingDefaults(&o.RoleRef, o.Subjects)
	}
}

// or sets a field that is not set.
func or[T comparable](field *T, value T) {
	var none T
	if *field == none {
		*field = value
	}
}

// orNew sets an optional field that is not there.
func orNew[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

func withName(ns *corev1.Namespace) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, ns.Labels)
	labels[corev1.LabelMetadataName] = ns.Name
	return labels
}

// secretDefaults returns a Secret its type. What is written as a text goes where the rest is.
func secretDefaults(s *corev1.Secret) {
	or(&s.Type, corev1.SecretTypeOpaque)
	if len(s.StringData) == 0 {
		return
	}
	if s.Data == nil {
		s.Data = map[string][]byte{}
	}
	for k, v := range s.StringData {
		s.Data[k] = []byte(v)
	}
	s.StringData = nil
}

func serviceDefaults(s *corev1.Service) {
	const threeHours = 10800
	or(&s.Spec.SessionAffinity, corev1.ServiceAffinityNone)
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		orNew(&s.Spec.SessionAffinityConfig, corev1.SessionAffinityConfig{})
		orNew(&s.Spec.SessionAffinityConfig.ClientIP, corev1.ClientIPConfig{})
		orNew(&s.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds, threeHours)
	} else {
		s.Spec.SessionAffinityConfig = nil
	}
	or(&s.Spec.Type, corev1.ServiceTypeClusterIP)
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		or(&p.Protocol, corev1.ProtocolTCP)
		if p.TargetPort.IntVal == 0 && p.TargetPort.StrVal == "" {
			p.TargetPort.IntVal = p.Port
		}
	}
	if s.Spec.Type != corev1.ServiceTypeExternalName {
		orNew(&s.Spec.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyCluster)
	}
	if s.Spec.Type == corev1.ServiceTypeNodePort || s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		or(&s.Spec.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster)
	}
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		orNew(&s.Spec.AllocateLoadBalancerNodePorts, true)
	}
}

func claimDefaults(s *corev1.PersistentVolumeClaimSpec) {
	orNew(&s.VolumeMode, corev1.PersistentVolumeFilesystem)
}

func networkPolicyDefaults(s *networkingv1.NetworkPolicySpec) {
	ports := func(list []networkingv1.NetworkPolicyPort) {
		for i := range list {
			orNew(&list[i].Protocol, corev1.ProtocolTCP)
		}
	}
	for i := range s.Ingress {
		ports(s.Ingress[i].Ports)
	}
	for i := range s.Egress {
		ports(s.Egress[i].Ports)
	}
	if len(s.PolicyTypes) == 0 {
		s.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(s.Egress) > 0 {
			s.PolicyTypes = append(s.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
}

func bindingDefaults(role *rbacv1.RoleRef, subjects []rbacv1.Subject) {
	or(&role.APIGroup, rbacv1.GroupName)
	for i := range subjects {
		if subjects[i].Kind == rbacv1.UserKind || subjects[i].Kind == rbacv1.GroupKind {
			or(&subjects[i].APIGroup, rbacv1.GroupName)
		}
	}
}
