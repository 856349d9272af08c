// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/secretref"
)

// operatorGroup is the group of the External Secrets Operator.
const operatorGroup = "external-secrets.io"

// ofExternalSecret reads what the External Secrets Operator says. It differs from kstatus, for which an object is current that nobody has looked at,
// and one with an error on its way.
func ofExternalSecret(o *unstructured.Unstructured) Verdict {
	c, ok := conditionOf(o, "Ready")
	switch {
	case !ok || c.status == "Unknown":
		return Verdict{Progressing, "the External Secrets Operator has not looked at it yet"}
	case !c.isTrue():
		return Verdict{Stalled, "its secrets cannot be read: " + either(c.message, c.reason)}
	}
	return Verdict{State: Healthy}
}

// externalSecret is one whose values the operator cannot read, or the store for them. Why, the operator says in an event.
func externalSecret(e Evidence) (Reason, bool) {
	if e.Object.GroupVersionKind().Group != operatorGroup {
		return Reason{}, false
	}
	c, ok := conditionOf(e.Object, "Ready")
	if !ok || c.isTrue() || c.status == "Unknown" {
		return Reason{}, false
	}
	why := either(c.message, c.reason)
	if event := e.newestEvent(e.Object.GetUID(), nil, "UpdateFailed", "InvalidProviderConfig", "ValidationFailed"); event != nil {
		why = event.Message
	}
	return Reason{Code: Secret, Summary: "the External Secrets Operator cannot read its secrets: " + why}, true
}

// secretRead is a program that was not started, since a secret could not be read that its pod reads by itself. Of what the container left behind
// only a known reason counts, and the name of a variable that the pod was told of: it is no log.
func secretRead(_ Evidence, p *corev1.Pod) (Reason, bool) {
	for _, c := range containers(p) {
		end, _ := c.ended()
		if end == nil || c.Ready || end.ExitCode != secretref.ExitCode {
			continue
		}
		variable, why, ok := secretref.ParseMessage(end.Message)
		if !ok {
			continue
		}
		ref, told := planOf(p, c.Name).Secrets[variable]
		if !told {
			continue
		}
		return Reason{Code: Secret, Log: c.log(p), Summary: fmt.Sprintf("%s of pod %s was not started: the secret %s, which is for the variable %s, %s",
			c.title(), p.Name, secretref.Where(ref), variable, why)}, true
	}
	return Reason{}, false
}

// planOf is which secrets a container was told to read.
func planOf(p *corev1.Pod, container string) secretref.Plan {
	for i := range p.Spec.Containers {
		if p.Spec.Containers[i].Name != container {
			continue
		}
		for _, v := range p.Spec.Containers[i].Env {
			if v.Name != secretref.Variable {
				continue
			}
			if plan, err := secretref.Parse(v.Value); err == nil {
				return plan
			}
		}
	}
	return secretref.Plan{}
}

// secretsDriver is the Secrets Store CSI driver, by the name that volumes have.
const secretsDriver = "secrets-store.csi.k8s.io"

// secretMount is a pod whose secrets the Secrets Store CSI driver cannot read, or of which it makes no Secret. What it says is in an event of the node,
// which is shown as it is: the driver and its providers name secrets, and no values.
func secretMount(e Evidence, p *corev1.Pod) (Reason, bool) {
	classes := map[string]string{} // of volumes, by name
	for _, v := range p.Spec.Volumes {
		if v.CSI != nil && v.CSI.Driver == secretsDriver {
			classes[v.Name] = v.CSI.VolumeAttributes["secretProviderClass"]
		}
	}
	if len(classes) == 0 {
		return Reason{}, false
	}
	if c, message, ok := waitsFor(p, "CreateContainerConfigError"); ok {
		for _, class := range classes {
			if class != "" && strings.HasPrefix(message, fmt.Sprintf("secret %q not found", class)) {
				return Reason{Code: Secret, Summary: fmt.Sprintf("%s of pod %s waits for the Secret %q, which the Secrets Store CSI driver has not made: it does if it is installed with syncSecret.enabled",
					c.title(), p.Name, class)}, true
			}
		}
	}
	if !unstarted(p) {
		return Reason{}, false
	}
	event := e.newestEvent(p.UID, func(event *corev1.Event) bool {
		for name := range classes {
			if strings.Contains(event.Message, fmt.Sprintf("for volume %q", name)) {
				return true
			}
		}
		return false
	}, "FailedMount")
	if event == nil {
		return Reason{}, false
	}
	if strings.Contains(event.Message, "not found in the list of registered CSI drivers") {
		return Reason{Code: Secret, Summary: fmt.Sprintf("pod %s gets no secrets: its node does not have the Secrets Store CSI driver", p.Name)}, true
	}
	return Reason{Code: Secret, Summary: fmt.Sprintf("the Secrets Store CSI driver cannot read the secrets of pod %s: %s", p.Name, event.Message)}, true
}
