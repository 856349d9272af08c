// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/plan/health"
)

// maxManifest bounds the manifest of a Job, in bytes: the API server takes no larger objects.
const maxManifest = 2 << 20

// ErrNoJob means that there is no such Job of a workload.
var ErrNoJob = errors.New("there is no such Job")

// Looked is a Job as its cluster has it now.
type Looked struct {
	Job Job
	// Manifest is what was applied, as YAML, without what is secret; NoManifest is why it is not known, and empty if it is.
	Manifest, NoManifest string
	// Doing says what becomes of it just now, or why it failed; empty if there is nothing to say.
	Doing string
}

// Look returns a Job as it is now, made for a lot or not; [ErrNoJob] if there is none that says that it is of a workload.
func (c *Cluster) Look(ctx context.Context, as As, name string) (Looked, error) {
	var o *unstructured.Unstructured
	err := c.do(ctx, as, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) (err error) {
		o, err = r.Get(ctx, name, metav1.GetOptions{})
		return err
	})
	switch {
	case apierrors.IsNotFound(err):
		return Looked{}, ErrNoJob
	case err != nil:
		return Looked{}, fmt.Errorf("reading the Job %s/%s: %w", as.Namespace, name, err)
	}
	j, ok := readJob(o)
	if !ok {
		if j, ok = readOther(o); !ok {
			return Looked{}, ErrNoJob
		}
	}
	j.Cluster = c.name
	out := Looked{Job: j}
	if out.Manifest, err = c.manifest(ctx, as.Namespace, o); err != nil {
		out.NoManifest = health.Line(err.Error())
	}
	out.Doing = c.doing(ctx, as, j)
	return out, nil
}

// doing says what becomes of a Job that has not ended well. What cannot be seen is not said.
func (c *Cluster) doing(ctx context.Context, as As, j Job) string {
	if !j.Ended.IsZero() && !j.Failed {
		return ""
	}
	evidence := health.Evidence{Object: j.object}
	pods, err := c.pods(ctx, as, batchv1.JobNameLabel, j.Name)
	if err != nil {
		return ""
	}
	for i := range pods {
		var p corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(pods[i].Object, &p); err == nil {
			evidence.Pods = append(evidence.Pods, p)
		}
	}
	return health.Explain(evidence).Summary
}

// fromServer is what a server adds to the metadata of what is applied.
var fromServer = []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"}

// lastApplied is an annotation that holds an object once more.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// manifest returns what was applied of a Job, as YAML. Values of the Secrets that its pods get are taken out of it, and what is secret by its
// form or its name. If a Secret may not be read, it is not known what that is, and there is no manifest.
func (c *Cluster) manifest(ctx context.Context, namespace string, o *unstructured.Unstructured) (string, error) {
	var pod corev1.Pod
	spec, _, _ := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"spec": spec}, &pod); err != nil {
		return "", fmt.Errorf("reading the template of its pods: %w", err)
	}
	redact, err := c.redactor(ctx, namespace, []corev1.Pod{pod})
	if err != nil {
		return "", err
	}
	shown := map[string]any{}
	maps.Copy(shown, o.Object)
	delete(shown, "status")
	if meta, ok := shown["metadata"].(map[string]any); ok {
		meta = maps.Clone(meta)
		maps.DeleteFunc(meta, func(name string, _ any) bool { return slices.Contains(fromServer, name) })
		if annotations, ok := meta["annotations"].(map[string]any); ok {
			annotations = maps.Clone(annotations)
			delete(annotations, lastApplied)
			meta["annotations"] = annotations
		}
		shown["metadata"] = meta
	}
	data, err := yaml.Marshal(leaves(shown, redact))
	switch {
	case err != nil:
		return "", fmt.Errorf("writing it as YAML: %w", err)
	case len(data) > maxManifest:
		return "", fmt.Errorf("it has %d bytes, and the limit is %d", len(data), maxManifest)
	}
	return redact(string(data)), nil // once more, since a text of several lines is written in another form
}

// leaves copies a value, with all texts in it changed.
func leaves(v any, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, below := range v {
			out[key] = leaves(below, change)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, below := range v {
			out[i] = leaves(below, change)
		}
		return out
	}
	return v
}
