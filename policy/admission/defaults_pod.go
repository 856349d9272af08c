// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// podDefaults are those that a pod has beyond a pod's template.
func podDefaults(p *corev1.Pod) {
	podSpecDefaults(&p.Spec)
	orNew(&p.Spec.EnableServiceLinks, true)
	for _, list := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			for k := range list[i].Ports {
				if port := &list[i].Ports[k]; p.Spec.HostNetwork {
					or(&port.HostPort, port.ContainerPort)
				}
			}
			r := &list[i].Resources
			for name, quantity := range r.Limits {
				if _, set := r.Requests[name]; !set {
					r.Requests = maps.Clone(r.Requests)
					if r.Requests == nil {
						r.Requests = corev1.ResourceList{}
					}
					r.Requests[name] = quantity
				}
			}
		}
	}
}

func podSpecDefaults(s *corev1.PodSpec) {
	const halfMinute = 30
	or(&s.RestartPolicy, corev1.RestartPolicyAlways)
	or(&s.DNSPolicy, corev1.DNSClusterFirst)
	or(&s.SchedulerName, corev1.DefaultSchedulerName)
	orNew(&s.SecurityContext, corev1.PodSecurityContext{})
	orNew(&s.TerminationGracePeriodSeconds, halfMinute)
	// The account has an old name, which is always the same.
	or(&s.ServiceAccountName, s.DeprecatedServiceAccount)
	s.DeprecatedServiceAccount = s.ServiceAccountName
	for _, list := range [][]corev1.Container{s.InitContainers, s.Containers} {
		for i := range list {
			containerDefaults(&list[i])
		}
	}
	for i := range s.Volumes {
		volumeDefaults(&s.Volumes[i].VolumeSource)
	}
}

func containerDefaults(c *corev1.Container) {
	or(&c.ImagePullPolicy, pullPolicy(c.Image))
	or(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	or(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	for i := range c.Ports {
		or(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil && from.FieldRef != nil {
			or(&from.FieldRef.APIVersion, "v1")
		}
	}
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if p != nil {
			probeDefaults(p)
		}
	}
	if c.Lifecycle != nil {
		for _, h := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
			if h != nil {
				httpDefaults(h.HTTPGet)
			}
		}
	}
}

// pullPolicy is to pull an image always whose tag is, or is by default, "latest".
func pullPolicy(image string) corev1.PullPolicy {
	if strings.Contains(image, "@") {
		return corev1.PullIfNotPresent
	}
	name := image[strings.LastIndex(image, "/")+1:]
	if _, tag, tagged := strings.Cut(name, ":"); !tagged || tag == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

func probeDefaults(p *corev1.Probe) {
	or(&p.TimeoutSeconds, 1)
	or(&p.PeriodSeconds, 10)
	or(&p.SuccessThreshold, 1)
	or(&p.FailureThreshold, 3)
	httpDefaults(p.HTTPGet)
	if p.GRPC != nil {
		orNew(&p.GRPC.Service, "")
	}
}

func httpDefaults(h *corev1.HTTPGetAction) {
	if h != nil {
		or(&h.Path, "/")
		or(&h.Scheme, corev1.URISchemeHTTP)
	}
}

func volumeDefaults(v *corev1.VolumeSource) {
	const readable = 0o644
	if *v == (corev1.VolumeSource{}) {
		v.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
	if v.Secret != nil {
		orNew(&v.Secret.DefaultMode, readable)
	}
	if v.ConfigMap != nil {
		orNew(&v.ConfigMap.DefaultMode, readable)
	}
	if v.HostPath != nil {
		orNew(&v.HostPath.Type, corev1.HostPathUnset)
	}
	if v.DownwardAPI != nil {
		orNew(&v.DownwardAPI.DefaultMode, readable)
		downwardDefaults(v.DownwardAPI.Items)
	}
	if v.Ephemeral != nil && v.Ephemeral.VolumeClaimTemplate != nil {
		claimDefaults(&v.Ephemeral.VolumeClaimTemplate.Spec)
	}
	if v.Projected == nil {
		return
	}
	orNew(&v.Projected.DefaultMode, readable)
	for i := range v.Projected.Sources {
		const hour = 3600
		if d := v.Projected.Sources[i].DownwardAPI; d != nil {
			downwardDefaults(d.Items)
		}
		if t := v.Projected.Sources[i].ServiceAccountToken; t != nil {
			orNew(&t.ExpirationSeconds, hour)
		}
	}
}

func downwardDefaults(items []corev1.DownwardAPIVolumeFile) {
	for i := range items {
		if items[i].FieldRef != nil {
			or(&items[i].FieldRef.APIVersion, "v1")
		}
	}
}
