// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	"trunkline.dev/trunkline/plan/health"
)

const (
	// followTimeout bounds a connection by which a log is followed; then there is another one.
	followTimeout = 25 * time.Hour
	// lookForPod is how often it is looked how a run that is followed is doing.
	lookForPod = 500 * time.Millisecond
	// maxLine bounds a line of a log that is followed, in bytes, and maxLineRead what is read of one.
	maxLine, maxLineRead = 64 << 10, 1 << 20
	// readAgain is how much of a log is read once more when it is taken up again: a private key may have begun there.
	readAgain = 10 * time.Second
	// maxKey bounds how many lines are taken for those of a private key whose end is not seen.
	maxKey = 300
)

// Said is what is told of a run that is followed: a line of its log, or else a note about it.
type Said struct {
	At   time.Time
	Line string
	Note string
}

// Exit is how a run ended.
type Exit struct {
	// Code is that of its program; -1 if it had none.
	Code int
	// Why says in a sentence how it ended.
	Why string
	// Gone is set if it is not there any more.
	Gone bool
}

// follower tells of one run.
type follower struct {
	c    *Cluster
	as   As
	name string
	// last is when the last line was written that was told, and read that of the last one of this connection.
	last, read time.Time
	noted      string
	redact     func(string) string
	// key counts the lines of a private key, while it goes on.
	key int
	// once has what there is told, and no more waited for.
	once bool
	tell func(Said) error
}

// Follow tells of a run until it ends: how it comes to start, and each line of its log that was written after a time, without what is known
// to be secret. Only what tell returns, and the end of ctx, end it earlier. With once, what there is by now is told.
func (c *Cluster) Follow(ctx context.Context, as As, name string, after time.Time, once bool, tell func(Said) error) (Exit, error) {
	f := &follower{c: c, as: as, name: name, last: after, once: once, tell: tell}
	for {
		exit, ended, err := f.look(ctx)
		switch {
		case ended, err != nil && (once || !Transient(err)):
			return exit, err
		case once:
			return Exit{Code: -1, Why: "it is under way"}, nil
		}
		if err != nil {
			if err := f.note("the cluster does not answer; what runs goes on"); err != nil {
				return Exit{}, err
			}
		}
		select {
		case <-ctx.Done():
			return Exit{}, context.Cause(ctx)
		case <-time.After(lookForPod):
		}
	}
}

// look tells what is new, and reports whether the run has ended.
func (f *follower) look(ctx context.Context) (exit Exit, ended bool, err error) {
	job, there, err := f.c.Remote(ctx, f.as, f.name)
	if err != nil {
		return Exit{}, false, err
	}
	if !there {
		return Exit{Code: -1, Why: "it was removed", Gone: true}, true, nil
	}
	found, err := f.c.pods(ctx, f.as, batchv1.JobNameLabel, f.name)
	if err != nil {
		return Exit{}, false, err
	}
	var pods []corev1.Pod
	for i := range found {
		var p corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found[i].Object, &p); err == nil {
			pods = append(pods, p)
		}
	}
	if len(pods) == 0 {
		if job.Ended.IsZero() {
			return Exit{}, false, f.note("it waits for a pod")
		}
		why, err := f.c.Why(ctx, f.as, Job{Namespace: f.as.Namespace, Name: f.name, object: job.object})
		return Exit{Code: -1, Why: why}, err == nil, err
	}
	pod := &pods[len(pods)-1]
	of, state := programOf(pod)
	switch {
	case of == nil || state.Waiting != nil:
		if !job.Ended.IsZero() || pod.Status.Phase == corev1.PodFailed {
			why, err := f.c.Why(ctx, f.as, Job{Namespace: f.as.Namespace, Name: f.name, object: job.object})
			return Exit{Code: -1, Why: why}, err == nil, err
		}
		return Exit{}, false, f.note(waiting(pod, state))
	case state.Running == nil && state.Terminated == nil:
		return Exit{}, false, nil
	}
	whole, err := f.log(ctx, pod, of.Name)
	if err != nil || !whole || state.Terminated == nil {
		return Exit{}, false, err
	}
	return Exit{Code: int(state.Terminated.ExitCode), Why: exitWords(state.Terminated)}, true, nil
}

func exitWords(t *corev1.ContainerStateTerminated) string {
	if t.Reason == "" || t.Reason == "Completed" || t.Reason == "Error" {
		return fmt.Sprintf("its program ended with exit code %d", t.ExitCode)
	}
	return fmt.Sprintf("its program ended with exit code %d (%s)", t.ExitCode, health.Line(t.Reason))
}

// programOf is the container that runs the program of the workload: the one that is called like it, or the first.
func programOf(pod *corev1.Pod) (*corev1.ContainerStatus, corev1.ContainerState) {
	all := pod.Status.ContainerStatuses
	if len(all) == 0 {
		return nil, corev1.ContainerState{}
	}
	name := pod.Labels[labelWorkload]
	if !slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == name }) {
		name = pod.Spec.Containers[0].Name
	}
	i := max(0, slices.IndexFunc(all, func(s corev1.ContainerStatus) bool { return s.Name == name }))
	return &all[i], all[i].State
}

// waiting says what a pod waits for.
func waiting(pod *corev1.Pod, state corev1.ContainerState) string {
	if state.Waiting != nil && state.Waiting.Reason != "" {
		return strings.TrimRight("its container waits: "+health.Line(state.Waiting.Reason+": "+state.Waiting.Message), ": ")
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return "no node takes its pod yet: " + health.Line(c.Message)
		}
	}
	return "its container is being started"
}

// note tells once how the run is doing.
func (f *follower) note(text string) error {
	if f.noted == text {
		return nil
	}
	f.noted = text
	return f.tell(Said{Note: text})
}

// log tells the lines of a container that were not told, until it ends or the connection does. It is whole if there is no more to come by
// now.
func (f *follower) log(ctx context.Context, pod *corev1.Pod, container string) (whole bool, err error) {
	if f.redact == nil {
		if f.redact, err = f.c.redactor(ctx, f.as.Namespace, []corev1.Pod{*pod}); err != nil {
			return false, err
		}
	}
	client, err := f.c.reach(f.as)
	if err != nil {
		return false, err
	}
	request := client.follow.Get().AbsPath("api", "v1", "namespaces", f.as.Namespace, "pods", pod.Name, "log").
		Param("container", container).Param("follow", strconv.FormatBool(!f.once)).Param("timestamps", "true")
	if !f.last.IsZero() {
		request = request.Param("sinceTime", f.last.UTC().Truncate(time.Second).Add(-readAgain).Format(time.RFC3339))
	}
	stream, err := request.Stream(ctx)
	if apierrors.IsNotFound(err) || apierrors.IsBadRequest(err) {
		return true, nil // the pod is gone meanwhile, or its container has not written yet
	}
	if err != nil {
		return false, fmt.Errorf("reading the log of pod %s/%s: %w", f.as.Namespace, pod.Name, err)
	}
	defer stream.Close()
	return f.lines(ctx, stream)
}

// lines tells the lines of a connection.
func (f *follower) lines(ctx context.Context, stream io.Reader) (whole bool, err error) {
	f.read = time.Time{}
	lines := bufio.NewReaderSize(stream, maxLineRead)
	for {
		line, err := lines.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		if len(line) > 0 && (err == nil || errors.Is(err, io.EOF) || long) {
			if err := f.line(string(line)); err != nil {
				return false, err
			}
		}
		for long { // the rest of the line is not shown
			_, err = lines.ReadSlice('\n')
			long = errors.Is(err, bufio.ErrBufferFull)
		}
		if err != nil {
			return errors.Is(err, io.EOF), ctx.Err() // what broke is looked at again
		}
	}
}

var (
	keyBegins = regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----`)
	keyEnds   = regexp.MustCompile(`-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----`)
)

// line tells a line that begins with when it was written, unless it was told. Of a private key, which has several, nothing is told.
func (f *follower) line(text string) error {
	stamp, rest, _ := strings.Cut(strings.TrimRight(text, "\r\n"), " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return nil //nolint:nilerr // it is no line of a log
	}
	if !at.After(f.read) {
		at = f.read.Add(1) // runtimes give lines one time that they have read together; they are told apart by their order
	}
	f.read = at
	rest, shown := f.open(rest)
	if !at.After(f.last) || !shown {
		return nil
	}
	f.last = at
	rest = strings.ToValidUTF8(f.redact(rest), "\uFFFD")
	if len(rest) > maxLine {
		rest = strings.ToValidUTF8(rest[:maxLine], "") + " [the line goes on]"
	}
	return f.tell(Said{At: at, Line: rest})
}

// open is a line without what it has of a private key; false if there is nothing else in it.
func (f *follower) open(line string) (string, bool) {
	switch {
	case f.key > 0 && f.key < maxKey:
		if f.key++; keyEnds.MatchString(line) {
			f.key = 0
		}
		return "", false
	case keyBegins.MatchString(line) && !keyEnds.MatchString(line):
		f.key = 1
		return "[a private key]", true
	}
	f.key = 0
	return line, true
}
