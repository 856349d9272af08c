// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// byKind are the kinds of which kstatus does not say enough.
var byKind = map[schema.GroupKind]func(*unstructured.Unstructured) Verdict{
	{Group: "batch", Kind: "Job"}:                              ofJob,
	{Kind: "Pod"}:                                              ofPod,
	{Group: "policy", Kind: "PodDisruptionBudget"}:             ofDisruptionBudget,
	{Group: "apps", Kind: "Deployment"}:                        ofDeployment,
	{Group: "apps", Kind: "ReplicaSet"}:                        ofReplicas,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:      ofAPIService,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:    ofAutoscaler,
	{Kind: "PersistentVolumeClaim"}:                            ofClaim,
	{Kind: "PersistentVolume"}:                                 ofVolume,
	{Kind: "Service"}:                                          ofService,
	{Group: operatorGroup, Kind: "ExternalSecret"}:             ofExternalSecret,
	{Group: operatorGroup, Kind: "SecretStore"}:                ofExternalSecret,
	{Group: "gateway.networking.k8s.io", Kind: "Gateway"}:      ofGateway,
	{Group: "gateway.networking.k8s.io", Kind: "GatewayClass"}: ofGateway,
	{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute"}:    ofRoute,
	{Group: "gateway.networking.k8s.io", Kind: "GRPCRoute"}:    ofRoute,
	{Group: "gateway.networking.k8s.io", Kind: "TLSRoute"}:     ofRoute,
}

// ofDeployment recognizes a Deployment that is paused, which kstatus takes for one on its way: it does not go on until it is
// resumed. One whose pods are all as declared has nothing to go on with.
func ofDeployment(o *unstructured.Unstructured) Verdict {
	v := ofReplicas(o)
	paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused")
	if !paused || v.State == Healthy || !observed(o) {
		return v
	}
	want := number(o, 1, "spec", "replicas")
	for _, have := range []string{"replicas", "updatedReplicas", "availableReplicas"} {
		if number(o, 0, "status", have) != want {
			return Verdict{Stalled, fmt.Sprintf("it is paused (spec.paused), and does not go on until it is resumed: %d of %s are of the newest version",
				number(o, 0, "status", "updatedReplicas"), count(want, "pod"))}
		}
	}
	return Verdict{State: Healthy}
}

// ofAPIService differs from kstatus, which does not know its condition: without its server, nothing of the API is there.
func ofAPIService(o *unstructured.Unstructured) Verdict {
	c, ok := conditionOf(o, "Available")
	switch {
	case !ok:
		return Verdict{Progressing, "nobody has looked yet whether its server answers"}
	case c.isTrue():
		return Verdict{State: Healthy}
	default:
		return Verdict{Stalled, "the API is not available: " + either(c.message, c.reason)}
	}
}

// ofAutoscaler differs from kstatus, which does not know its conditions. One that is switched off by a scale of zero does
// what it is for.
func ofAutoscaler(o *unstructured.Unstructured) Verdict {
	for _, kind := range []string{"AbleToScale", "ScalingActive"} {
		if c, ok := conditionOf(o, kind); ok && c.status == "False" && c.reason != "ScalingDisabled" {
			return Verdict{Stalled, "it cannot scale: " + either(c.message, c.reason)}
		}
	}
	return generic(o)
}

// ofClaim distinguishes a claim whose volume is gone from one that waits for a volume.
func ofClaim(o *unstructured.Unstructured) Verdict {
	switch text(o, "status", "phase") {
	case string(corev1.ClaimLost):
		return Verdict{Stalled, "the volume that it was bound to is gone, and its data with it"}
	case string(corev1.ClaimPending):
		return Verdict{Progressing, "it waits for a volume"}
	}
	return generic(o)
}

// ofVolume differs from kstatus, for which any volume is current.
func ofVolume(o *unstructured.Unstructured) Verdict {
	if text(o, "status", "phase") == string(corev1.VolumeFailed) {
		return Verdict{Stalled, either(text(o, "status", "message"), text(o, "status", "reason"), "it could not be reclaimed")}
	}
	return generic(o)
}

// ofService differs from kstatus, for which a load balancer without an address is current.
func ofService(o *unstructured.Unstructured) Verdict {
	v := generic(o)
	addresses, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress")
	if v.State == Healthy && text(o, "spec", "type") == string(corev1.ServiceTypeLoadBalancer) && len(addresses) == 0 {
		return Verdict{Progressing, "its load balancer has no address yet"}
	}
	return v
}

// ofGateway reads the conditions of the Gateway API: accepted by a controller, and set up by it.
func ofGateway(o *unstructured.Unstructured) Verdict {
	for _, kind := range []string{"Accepted", "Programmed"} {
		c, ok := conditionOf(o, kind)
		switch {
		case kind == "Programmed" && o.GetKind() != "Gateway":
		case !ok || c.status == "Unknown":
			return Verdict{Progressing, "it waits for its controller: " + either(c.message, c.reason, "no "+kind+" condition yet")}
		case !c.isTrue():
			return Verdict{Stalled, either(c.message, c.reason)}
		}
	}
	return generic(o)
}

// ofRoute reads what each of the gateways says that a route names.
func ofRoute(o *unstructured.Unstructured) Verdict {
	parents, _, err := unstructured.NestedSlice(o.Object, "status", "parents")
	if err != nil || len(parents) == 0 {
		return Verdict{Progressing, "no gateway has looked at it yet"}
	}
	for _, p := range parents {
		parent, _ := p.(map[string]any)
		at := &unstructured.Unstructured{Object: map[string]any{"status": parent}}
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			if c, ok := conditionOf(at, kind); ok && c.status == "False" {
				return Verdict{Stalled, fmt.Sprintf("gateway %q: %s", text(at, "status", "parentRef", "name"), either(c.message, c.reason))}
			}
		}
	}
	return generic(o)
}
