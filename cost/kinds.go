// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// builtin are the groups of Kubernetes itself. What of them makes pods or volumes is estimated; the rest costs nothing.
var builtin = []string{
	"", "apps", "batch", "autoscaling", "policy", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io",
	"authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
	"events.k8s.io", "flowcontrol.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io",
	"resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io",
}

// quiet are kinds of well-known add-ons that neither make pods nor volumes; without names, all of the group.
var quiet = map[string][]string{
	"cert-manager.io":            nil,
	"cilium.io":                  nil,
	"external-secrets.io":        nil,
	"secrets-store.csi.x-k8s.io": nil,
	"bitnami.com":                {"SealedSecret"},
	"crd.projectcalico.org":      nil,
	"gateway.networking.k8s.io":  {"HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute", "ReferenceGrant", "BackendTLSPolicy"},
	"keda.sh":                    {"ScaledObject", "TriggerAuthentication", "ClusterTriggerAuthentication"},
	"kyverno.io":                 nil,
	"monitoring.coreos.com":      {"ServiceMonitor", "PodMonitor", "PrometheusRule", "Probe", "ScrapeConfig", "AlertmanagerConfig"},
	"networking.istio.io":        nil,
	"security.istio.io":          nil,
	"telemetry.istio.io":         nil,
	"traefik.io":                 nil,
}

// custom says why an object of a kind that is not Kubernetes' own is not estimated; empty if it costs nothing.
func custom(gk schema.GroupKind) string {
	if slices.Contains(builtin, gk.Group) {
		return ""
	}
	if kinds, ok := quiet[gk.Group]; ok && (kinds == nil || slices.Contains(kinds, gk.Kind)) {
		return ""
	}
	return fmt.Sprintf("%s is a custom kind: what its controller makes of it is not known", gk)
}
