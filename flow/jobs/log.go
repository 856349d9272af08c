// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/api/confidential"
	"trunkline.dev/trunkline/plan/health"
)

const (
	// maxLogPart bounds the first and the last part of a log that are kept, each, in bytes.
	maxLogPart = 1 << 20
	// maxLogRead bounds how much of a container's log is read to find its end, in bytes. Of a longer one, so many of the last lines are read.
	maxLogRead, lastLines = 64 << 20, 2000
	// logTimeout bounds how long reading the log of a run may take.
	logTimeout = time.Minute
	// maxLogSecrets bounds the Secrets that a run may have.
	maxLogSecrets = 100
)

var secretsResource = corev1.SchemeGroupVersion.WithResource("secrets")

// ErrNoLog means that a run has no log: its pods are gone, or none of its containers has started.
var ErrNoLog = errors.New("it has no log: its pods are gone, or none of its containers has started")

// Log returns what the containers of a Job have written until now: its first and its last part, and a line between that says what is left
// out. Values of the Secrets that its pods get are taken out of it, and what is secret by its form. If a Secret may not be read, it is not
// known what that is, and there is no log.
//
// Pods and logs are read as the account of the release: nobody is shown a log that it may not read. The Secrets are read with the daemon's
// own rights. A connection that breaks ends the text with a line that says so.
func (c *Cluster) Log(ctx context.Context, as As, j Job) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	found, err := c.pods(ctx, as, batchv1.JobNameLabel, j.Name)
	if err != nil {
		return "", err
	}
	var pods []corev1.Pod
	for i := range found {
		var p corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found[i].Object, &p); err == nil {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	all := started(pods)
	if len(all) == 0 {
		return "", ErrNoLog
	}
	redact, err := c.redactor(ctx, as.Namespace, pods)
	if err != nil {
		return "", err
	}
	out := &ends{most: maxLogPart}
	broke := ""
	for i, one := range all {
		if len(all) > 1 {
			fmt.Fprintf(out, "[%s, container %s]\n", one.pod, one.name)
		}
		if err := c.stream(ctx, as, one, out); err != nil {
			if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) && len(all) == 1 {
				return "", fmt.Errorf("reading the log of pod %s/%s: %w", as.Namespace, one.pod, err)
			}
			broke = "[the log ends here: " + redact(health.Line(err.Error())) + "]\n"
			break
		}
		if i < len(all)-1 {
			out.line()
		}
	}
	text := strings.ToValidUTF8(out.text(func(s string) string { return redact(strings.ReplaceAll(s, "\r\n", "\n")) }), "\uFFFD")
	return ended(text) + broke, nil
}

// source is a container of a pod that has started.
type source struct {
	pod, name string
	// running is set while it may write more.
	running bool
}

// started are the containers that have a log, in the order in which they start.
func started(pods []corev1.Pod) (out []source) {
	for i := range pods {
		for _, s := range slices.Concat(pods[i].Status.InitContainerStatuses, pods[i].Status.ContainerStatuses) {
			if s.State.Running != nil || s.State.Terminated != nil {
				out = append(out, source{pods[i].Name, s.Name, s.State.Running != nil})
			}
		}
	}
	return out
}

// stream reads the log of a container.
func (c *Cluster) stream(ctx context.Context, as As, of source, out *ends) error {
	n, err := c.copyLog(ctx, as, of, 0, out)
	if n < maxLogRead || err != nil {
		return err
	}
	out.skip()
	_, err = c.copyLog(ctx, as, of, lastLines, out)
	return err
}

// copyLog copies the log of a container, from its beginning or so many lines before its end.
func (c *Cluster) copyLog(ctx context.Context, as As, of source, tail int, out *ends) (n int64, err error) {
	client, err := c.reach(as)
	if err != nil {
		return 0, err
	}
	request := client.rest.Get().AbsPath("api", "v1", "namespaces", as.Namespace, "pods", of.pod, "log").Param("container", of.name)
	if tail > 0 {
		request = request.Param("tailLines", strconv.Itoa(tail))
	}
	stream, err := request.Stream(ctx)
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	n, err = io.Copy(out, io.LimitReader(stream, maxLogRead))
	if of.running || err != nil || n == maxLogRead {
		out.cut()
	}
	return n, err
}

// redactor returns a function that takes out of a text what the pods have been given that is secret.
func (c *Cluster) redactor(ctx context.Context, namespace string, pods []corev1.Pod) (func(string) string, error) {
	names, open := map[string]bool{}, map[string]any{}
	for i := range pods {
		secretsOf(&pods[i], names, open)
	}
	if len(names) > maxLogSecrets {
		return nil, fmt.Errorf("its pods have more than %d Secrets, whose values must not be in the log", maxLogSecrets)
	}
	var secrets []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(names)) {
		err := c.do(ctx, As{Namespace: namespace}, secretsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
			list, err := r.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name}) // it may list, and not get
			if err != nil {
				return err
			}
			for i := range list.Items {
				secret := &list.Items[i]
				secret.SetAPIVersion("v1")
				secret.SetKind("Secret") // items of a list need not say what they are
				secrets = append(secrets, secret)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("the values of the Secret %s/%s, which must not be in the log, cannot be read: %w", namespace, name, err)
		}
	}
	known := health.Redactor(secrets)
	return func(text string) string { return confidential.Text(confidential.Redact(known(text), open)) }, nil
}

// secretsOf finds the Secrets of a pod by their names, and the variables that it is given in clear.
func secretsOf(p *corev1.Pod, names map[string]bool, open map[string]any) {
	for _, container := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, from := range container.EnvFrom {
			if from.SecretRef != nil {
				names[from.SecretRef.Name] = true
			}
		}
		for _, v := range container.Env {
			if v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
				names[v.ValueFrom.SecretKeyRef.Name] = true
			}
			if v.Value != "" && !strings.HasPrefix(v.Name, ownVariables) {
				open[v.Name] = v.Value
			}
		}
	}
	for i := range p.Spec.Volumes {
		v := &p.Spec.Volumes[i]
		if v.Secret != nil {
			names[v.Secret.SecretName] = true
		}
		if v.Projected == nil {
			continue
		}
		for _, from := range v.Projected.Sources {
			if from.Secret != nil {
				names[from.Secret.Name] = true
			}
		}
	}
	delete(names, "")
}

// line ends the last line.
func (e *ends) line() {
	end := e.first
	if len(e.last) > 0 {
		end = e.tail()
	}
	if !bytes.HasSuffix(end, []byte("\n")) && len(end) > 0 {
		_, _ = e.Write([]byte("\n"))
	}
}
