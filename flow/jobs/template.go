// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// The labels by which an object says which workload it is of.
const (
	labelProject     = "trunkline.dev/project"
	labelEnvironment = "trunkline.dev/environment"
	labelWorkload    = "trunkline.dev/workload"
	// annotationReplays has the names of the replays that the template came with, one a line.
	annotationReplays = "trunkline.dev/replays"
)

// Template is a suspended CronJob that Jobs are made from. It is what runs: a release that is held back has an older one than what is
// declared.
type Template struct {
	Namespace, Name string
	UID             types.UID
	// Environment is the name, and Workload is "project/workload".
	Environment, Workload string
	// Digest tells it from what it was.
	Digest string
	// Env are the variables of the container with their values, but for those that Trunkline sets; Secrets are the names of those whose
	// values are in Secrets.
	Env     map[string]string
	Secrets []string
	// Image is the container's.
	Image string
	// Command is the container's; empty for that of its image.
	Command []string
	// Timeout is after how long the cluster ends a Job of it; 0 if it does not.
	Timeout time.Duration
	// Replays are the names of those that it came with.
	Replays []string

	// job is spec.jobTemplate, and container the index of the one that is run in its pod.
	job       map[string]any
	container int
}

// ownVariables is how the variables begin that Trunkline sets.
const ownVariables = "TRUNKLINE_"

// readTemplate reads a CronJob. It is an error if no Jobs for lots can be made from it; then only what identifies it is set.
func readTemplate(o *unstructured.Unstructured) (Template, error) {
	labels := o.GetLabels()
	t := Template{
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Environment: labels[labelEnvironment],
		Workload: labels[labelProject] + "/" + labels[labelWorkload], Env: map[string]string{},
		Replays: slices.Collect(strings.Lines(o.GetAnnotations()[annotationReplays])),
	}
	for i, name := range t.Replays {
		t.Replays[i] = strings.TrimSpace(name)
	}
	if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); !suspended {
		return t, errors.New("it is not suspended, and so no template")
	}
	t.job, _, _ = unstructured.NestedMap(o.Object, "spec", "jobTemplate")
	return t, t.readPod(labels[labelWorkload])
}

// readPod reads the pod of the template's Job: the container that is run is called like the workload, or is the first one.
func (t *Template) readPod(workload string) error {
	containers, _, err := unstructured.NestedSlice(t.job, "spec", "template", "spec", "containers")
	if err != nil || len(containers) == 0 {
		return errors.New("it has no container")
	}
	for i, c := range containers {
		if c, ok := c.(map[string]any); ok && c["name"] == any(workload) {
			t.container = i
		}
	}
	t.Timeout = deadline(t.job)
	data, err := json.Marshal(t.job)
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	sum := sha256.Sum256(data)
	t.Digest = hex.EncodeToString(sum[:])
	container, _ := containers[t.container].(map[string]any)
	t.Command, _, _ = unstructured.NestedStringSlice(container, "command")
	t.Image, _, _ = unstructured.NestedString(container, "image")
	env, _, _ := unstructured.NestedSlice(container, "env")
	for _, v := range env {
		t.variable(v)
	}
	return nil
}

// variable takes a variable of the container.
func (t *Template) variable(v any) {
	entry, _ := v.(map[string]any)
	name, _ := entry["name"].(string)
	_, secret, _ := unstructured.NestedMap(entry, "valueFrom", "secretKeyRef")
	value, _ := entry["value"].(string)
	switch {
	case secret:
		t.Secrets = append(t.Secrets, name)
	case entry["valueFrom"] == nil && !strings.HasPrefix(name, ownVariables):
		t.Env[name] = value
	}
}
