// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// groups are those of Kubernetes' own kinds, for rules that leave the group out.
var groups = map[string]string{
	"Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "ReplicaSet": "apps", "Job": "batch", "CronJob": "batch",
	"HorizontalPodAutoscaler": "autoscaling", "Ingress": "networking.k8s.io", "NetworkPolicy": "networking.k8s.io",
	"PodDisruptionBudget": "policy", "Role": "rbac.authorization.k8s.io", "RoleBinding": "rbac.authorization.k8s.io",
	"ClusterRole": "rbac.authorization.k8s.io", "ClusterRoleBinding": "rbac.authorization.k8s.io",
	"CustomResourceDefinition": "apiextensions.k8s.io", "MutatingWebhookConfiguration": "admissionregistration.k8s.io",
	"ValidatingWebhookConfiguration": "admissionregistration.k8s.io",
}

// ignore has an environment of the flux leave fields to others.
func (f *flux) ignore(o Object, at string, pointers []string, group, kind, name string) {
	f.migration.ignore(f.env, o, at, pointers, group, kind, name)
}

// ignore has an environment leave fields to others, which are named by JSON pointers.
func (m *migration) ignore(e *environment, o Object, at string, pointers []string, group, kind, name string) {
	rule := ignored{Name: pattern(name)}
	if kind != "" && kind != "*" {
		if group == "" || group == "*" {
			group = groups[kind]
		}
		rule.Kind = schema.GroupKind{Group: group, Kind: kind}.String()
	}
	for _, pointer := range pointers {
		field, ok := fieldPath(pointer)
		if !ok {
			m.note(o, at, "the field "+pointer+" cannot be named for spec.drift.ignore", "name it in spec.drift.ignore of the environment, such as .spec.template.spec.containers[name=main].resources")
			continue
		}
		rule.Fields = append(rule.Fields, field)
	}
	if len(rule.Fields) > 0 && !slices.ContainsFunc(e.ignore, func(other ignored) bool { return reflect.DeepEqual(other, rule) }) {
		e.ignore = append(e.ignore, rule)
	}
}

// pattern makes a pattern with "*" of a regular expression that is a name, or one with ".*".
func pattern(expression string) string {
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(expression, "^"), "$"), ".*", "*")
}

var simpleKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// fieldPath makes the path of a field of a JSON pointer. Items of lists have no place that stays.
func fieldPath(pointer string) (string, bool) {
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok || rest == "" {
		return "", false
	}
	var out strings.Builder
	for step := range strings.SplitSeq(rest, "/") {
		if !simpleKey.MatchString(step) {
			return "", false
		}
		out.WriteString("." + step)
	}
	return out.String(), true
}
