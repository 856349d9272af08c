// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	"trunkline.dev/trunkline/flow/excerpt"
	"trunkline.dev/trunkline/plan/health"
)

const (
	// maxLogPart bounds the first and the last part of a log that are kept, each, in bytes.
	maxLogPart = 1 << 20
	// maxLogRead bounds how much of a container's log is read to find its end, in bytes. Of a longer one, so many of the last lines are read.
	maxLogRead, lastLines = 64 << 20, 2000
	// logTimeout bounds how long reading the log of a run may take.
	logTimeout = time.Minute
)

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
	out := excerpt.New(maxLogPart)
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
			out.Line()
		}
	}
	text := strings.ToValidUTF8(out.Text(func(s string) string { return redact(strings.ReplaceAll(s, "\r\n", "\n")) }), "\uFFFD")
	return excerpt.Ended(text) + broke, nil
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
func (c *Cluster) stream(ctx context.Context, as As, of source, out *excerpt.Excerpt) error {
	n, err := c.copyLog(ctx, as, of, 0, out)
	if n < maxLogRead || err != nil {
		return err
	}
	out.Skip()
	_, err = c.copyLog(ctx, as, of, lastLines, out)
	return err
}

// copyLog copies the log of a container, from its beginning or so many lines before its end.
func (c *Cluster) copyLog(ctx context.Context, as As, of source, tail int, out *excerpt.Excerpt) (n int64, err error) {
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
		out.Cut()
	}
	return n, err
}
