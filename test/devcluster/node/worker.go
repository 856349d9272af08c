// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"trunkline.dev/trunkline/test/devcluster/node/podnet"
)

// podWorker brings one pod from its start to its end.
type podWorker struct {
	rt   *execRuntime
	uid  types.UID
	dir  string
	done chan struct{}
	// ctx ends when the pod is to end, with the reason as its cause.
	ctx    context.Context //nolint:containedctx // the life of the pod
	cancel context.CancelCauseFunc
	// kill is closed when there is no time for a grace.
	kill     chan struct{}
	killOnce sync.Once
	// dirty has an element when the status should be written.
	dirty chan struct{}

	// number is unlike that of any other pod of the cluster. network is the pod's own, nil where it has the machine's.
	number  uint32
	network *podnet.Pod

	// pod is as it was when it came: what runs does not change with it.
	pod *corev1.Pod

	mu     sync.Mutex
	latest *corev1.Pod
	state  podState
	logs   map[string][]*attemptLog
	live   map[string]*liveContainer
	ended  bool
}

func newPodWorker(rt *execRuntime, pod *corev1.Pod) *podWorker {
	ctx, cancel := context.WithCancelCause(rt.ctx)
	ip, number := rt.nextIP(rt.network != nil && !pod.Spec.HostNetwork)
	return &podWorker{
		number: number,
		rt:     rt, uid: pod.UID, dir: rt.podDir(pod), pod: pod, latest: pod, ctx: ctx, cancel: cancel,
		done: make(chan struct{}), kill: make(chan struct{}), dirty: make(chan struct{}, 1),
		state: podState{ip: ip, startTime: metav1.Now(), containers: map[string]containerState{}},
		logs:  map[string][]*attemptLog{},
		live:  map[string]*liveContainer{},
	}
}

// update tells the worker of a change of its pod. Of interest is only the deletion.
func (w *podWorker) update(pod *corev1.Pod) {
	w.mu.Lock()
	w.latest = pod
	ended := w.ended
	w.mu.Unlock()
	if pod.DeletionTimestamp == nil {
		return
	}
	if ended {
		go w.remove()
		return
	}
	if pod.DeletionGracePeriodSeconds != nil && *pod.DeletionGracePeriodSeconds == 0 {
		w.killOnce.Do(func() { close(w.kill) })
	}
	w.cancel(errDeleted)
}

// podDeleted tells the worker that its pod object is no more.
func (w *podWorker) podDeleted() {
	w.end(errGone)
	go func() {
		<-w.done
		if err := os.RemoveAll(w.dir); err != nil {
			w.rt.cfg.Log.Error("cannot remove the folder of a pod that is gone", "error", err)
		}
	}()
}

// end ends the pod at once.
func (w *podWorker) end(reason error) {
	w.cancel(reason)
	w.killOnce.Do(func() { close(w.kill) })
}

// grace is how long the containers may take to end.
func (w *podWorker) grace() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	seconds := w.latest.DeletionGracePeriodSeconds
	if seconds == nil {
		seconds = w.pod.Spec.TerminationGracePeriodSeconds
	}
	if seconds == nil {
		return 30 * time.Second
	}
	return time.Duration(*seconds) * time.Second
}

// run brings the pod to its end.
func (w *podWorker) run(ctx context.Context) {
	defer close(w.done)
	reported := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(reported)
		w.report(ctx, stop)
	}()

	playCtx := w.ctx
	if seconds := w.pod.Spec.ActiveDeadlineSeconds; seconds != nil {
		deadline := w.state.startTime.Add(time.Duration(*seconds) * time.Second)
		var cancel context.CancelFunc
		playCtx, cancel = context.WithDeadlineCause(w.ctx, deadline, errDeadline)
		defer cancel()
	}
	w.play(playCtx)

	cause := context.Cause(playCtx)
	w.change(func(s *podState) {
		s.stopped = true
		if errors.Is(cause, errDeadline) {
			s.failedReason, s.failedMessage = "DeadlineExceeded", errDeadline.Error()
		}
	})
	close(stop)
	<-reported

	w.mu.Lock()
	w.ended = true
	deleted := w.latest.DeletionTimestamp != nil
	w.mu.Unlock()
	if deleted && !errors.Is(cause, errGone) && !errors.Is(cause, errShutdown) {
		w.remove()
	}
}

// removePause is how long to wait before another attempt at finishing the deletion of a pod.
const removePause = time.Second

// remove finishes the deletion of the pod, however long the API server does not answer.
func (w *podWorker) remove() {
	w.mu.Lock()
	pod := w.latest
	w.mu.Unlock()
	// Nothing else ever finishes it: no event comes of a pod that waits for its node.
	_ = wait.PollUntilContextCancel(w.rt.ctx, removePause, true, func(ctx context.Context) (bool, error) {
		err := removePod(ctx, w.rt.cfg.Client, pod)
		if err != nil && ctx.Err() == nil {
			w.rt.cfg.Log.Error("cannot finish the deletion of a pod, will try again", "error", err)
		}
		return err == nil, nil
	})
}

// play runs the pod's containers until all have ended for good, or ctx is done and all have been ended.
func (w *podWorker) play(ctx context.Context) {
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		w.change(func(s *podState) { s.failedReason, s.failedMessage = "DevclusterFailed", err.Error() })
		return
	}
	closeNetwork, err := w.openNetwork()
	if err != nil {
		w.change(func(s *podState) { s.failedReason, s.failedMessage = "DevclusterFailed", err.Error() })
		return
	}
	defer closeNetwork()
	if !w.prepareVolumes(ctx) {
		return
	}
	w.change(func(s *podState) { s.sandbox = true })

	sidecarCtx, stopSidecars := context.WithCancel(ctx)
	var sidecars, mains sync.WaitGroup
	defer sidecars.Wait()
	defer stopSidecars()
	for i := range w.pod.Spec.InitContainers {
		c := &w.pod.Spec.InitContainers[i]
		if isSidecar(*c) {
			started := make(chan struct{})
			sidecars.Go(func() { (&containerRun{w: w, c: c, isInit: true, started: started}).loop(sidecarCtx) })
			select {
			case <-started:
			case <-ctx.Done():
				return
			}
		} else if code := (&containerRun{w: w, c: c, isInit: true}).loop(ctx); code != 0 || ctx.Err() != nil {
			return
		}
	}
	for i := range w.pod.Spec.Containers {
		c := &w.pod.Spec.Containers[i]
		mains.Go(func() { (&containerRun{w: w, c: c}).loop(ctx) })
	}
	mains.Wait()
}

// volumePause is how long to wait for an object a pod refers to, such as a ConfigMap that is applied a moment later.
const volumePause = time.Second

// prepareVolumes puts the volumes on disk, waiting for what they need. False means that the pod is to end.
func (w *podWorker) prepareVolumes(ctx context.Context) bool {
	for {
		err := w.writeVolumes(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		w.change(func(s *podState) {
			for _, c := range w.pod.Spec.Containers {
				s.containers[c.Name] = containerState{state: waiting("ContainerCreating", err.Error())}
			}
		})
		select {
		case <-ctx.Done():
			return false
		case <-time.After(volumePause):
		}
	}
}

func (w *podWorker) writeVolumes(ctx context.Context) error {
	for i := range w.pod.Spec.Volumes {
		v := &w.pod.Spec.Volumes[i]
		content, err := volumeContent(ctx, apiObjects{w.rt.cfg.Client}, w.pod, w.state.ip, v)
		if err != nil {
			return fmt.Errorf("setting up volume %q: %w", v.Name, err)
		}
		if err := content.write(w.volumeDir(v.Name)); err != nil {
			return fmt.Errorf("writing volume %q: %w", v.Name, err)
		}
	}
	return nil
}

func (w *podWorker) volumeDir(name string) string { return filepath.Join(w.dir, "volumes", name) }

// change changes the state and has the status written.
func (w *podWorker) change(do func(*podState)) {
	w.mu.Lock()
	do(&w.state)
	w.mu.Unlock()
	select {
	case w.dirty <- struct{}{}:
	default: // it will be written anyway
	}
}

// changeContainer changes the state of one container.
func (w *podWorker) changeContainer(name string, do func(*containerState)) {
	w.change(func(s *podState) {
		c := s.containers[name]
		do(&c)
		s.containers[name] = c
	})
}

// report writes the status whenever it changed, until stop is closed and the last one is written.
func (w *podWorker) report(ctx context.Context, stop <-chan struct{}) {
	var last corev1.PodStatus
	for {
		final := false
		select {
		case <-w.dirty:
		case <-stop:
			final = true
		}
		if cause := context.Cause(w.ctx); errors.Is(cause, errShutdown) || errors.Is(cause, errGone) {
			if final {
				return // nobody is left to read it
			}
			continue
		}
		w.mu.Lock()
		pod := w.latest
		base := pod.DeepCopy()
		if len(last.Conditions) > 0 {
			base.Status.Conditions = last.Conditions
		}
		status := w.state.status(base, metav1.Now())
		w.mu.Unlock()
		if !reflect.DeepEqual(status, last) {
			err := retry(ctx, func(ctx context.Context) error { return writeStatus(ctx, w.rt.cfg.Client, pod, status) })
			if err != nil {
				w.rt.cfg.Log.Error("cannot report the status of a pod", "error", err)
			} else {
				last = status
			}
		}
		if final {
			return
		}
	}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}
