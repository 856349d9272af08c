// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// podTemplates is where the built-in kinds keep the template of their pods.
var podTemplates = map[string][]string{
	"Deployment": {"spec", "template"}, "StatefulSet": {"spec", "template"}, "DaemonSet": {"spec", "template"},
	"ReplicaSet": {"spec", "template"}, "Job": {"spec", "template"},
	"CronJob": {"spec", "jobTemplate", "spec", "template"},
}

// LabelPods adds labels that are not there yet to the template of an object's pods. Kustomize's own transformer does the same to the
// same kinds, and takes longer than all the rest of a small build.
func LabelPods(o *unstructured.Unstructured, labels map[string]string) error {
	at, known := podTemplates[o.GetKind()]
	if group := o.GroupVersionKind().Group; !known || group != "apps" && group != "batch" || len(labels) == 0 {
		return nil
	}
	template, found, err := unstructured.NestedMap(o.Object, at...)
	if err != nil || !found {
		return err
	}
	path := []string{"metadata", "labels"}
	all, _, err := unstructured.NestedStringMap(template, path...)
	if err != nil {
		return fmt.Errorf("labels of the pods: %w", err)
	}
	if all == nil {
		all = map[string]string{}
	}
	for key, value := range labels {
		if _, there := all[key]; !there {
			all[key] = value
		}
	}
	if err := unstructured.SetNestedStringMap(template, all, path...); err != nil {
		return err
	}
	return unstructured.SetNestedMap(o.Object, template, at...)
}
