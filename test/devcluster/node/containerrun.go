// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/test/devcluster/node/container"
)

const (
	// startError is the exit code of a container whose command could not be started, as real runtimes report it.
	startError = 128
	// drainTime is how long a log may take to reach its end after the process: something it left behind may hold it open.
	drainTime = time.Second
)

// containerRun runs one container of a pod, again and again as its policy says.
type containerRun struct {
	w       *podWorker
	c       *corev1.Container
	isInit  bool
	started chan struct{} // closed when it has started for the first time; may be nil
	env     map[string]string
}

// loop returns the last exit code when the container has ended for good.
func (r *containerRun) loop(ctx context.Context) int32 {
	if !r.w.rt.cfg.Exec.runs(r.c.Image) {
		r.set(func(s *containerState) {
			s.state = waiting("ImagePullBackOff", fmt.Sprintf("devcluster runs only images of %s; %s is for a real cluster", HostImage, r.c.Image))
		})
		<-ctx.Done()
		return startError
	}
	var pause backoff
	for attempt := 0; ; attempt++ {
		if !r.prepare(ctx) {
			return startError
		}
		begun := time.Now()
		end := r.attempt(ctx, attempt)
		again := ctx.Err() == nil && restarts(r.w.pod, *r.c, r.isInit, end.ExitCode)
		wait := time.Duration(0)
		if again {
			wait = pause.after(time.Since(begun))
		}
		r.set(func(s *containerState) {
			s.state = corev1.ContainerState{Terminated: &end}
			s.started = s.started && !again
			s.ready = r.isInit && end.ExitCode == 0
			if again && wait > 0 {
				s.last = s.state
				s.state = waiting("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container %s", wait, r.c.Name))
			}
		})
		if !again {
			return end.ExitCode
		}
		select {
		case <-ctx.Done():
			return end.ExitCode
		case <-time.After(wait):
		}
	}
}

func (r *containerRun) set(do func(*containerState)) { r.w.changeContainer(r.c.Name, do) }

// prepare reads the environment, waiting for what it needs. False means that the pod is to end.
func (r *containerRun) prepare(ctx context.Context) bool {
	for {
		base := map[string]string{"HOME": "/", "HOSTNAME": r.w.pod.Name}
		maps.Copy(base, r.w.rt.cfg.Exec.Env)
		if r.w.network != nil {
			maps.Copy(base, networkEnv())
		}
		var err error
		r.env, err = environment(ctx, apiObjects{r.w.rt.cfg.Client}, r.w.pod, r.w.state.ip, r.c, base)
		if err == nil {
			_, _, err = identity(r.w.pod, r.c)
		}
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		r.set(func(s *containerState) { s.state = waiting("CreateContainerConfigError", err.Error()) })
		select {
		case <-ctx.Done():
			return false
		case <-time.After(volumePause):
		}
	}
}

// attempt runs the container once and returns how it ended.
func (r *containerRun) attempt(ctx context.Context, number int) corev1.ContainerStateTerminated {
	begun := metav1.Now()
	id := fmt.Sprintf("devcluster://%s/%s/%d", r.w.uid, r.c.Name, number)
	failed := func(err error) corev1.ContainerStateTerminated {
		return corev1.ContainerStateTerminated{
			ExitCode: startError, Reason: "StartError", Message: err.Error(), ContainerID: id, StartedAt: begun, FinishedAt: metav1.Now(),
		}
	}
	dir := filepath.Join(r.w.dir, r.c.Name, fmt.Sprint(number))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed(err)
	}
	log, err := newAttemptLog(filepath.Join(dir, "log"))
	if err != nil {
		return failed(err)
	}
	r.w.addLog(r.c.Name, log)
	note := filepath.Join(dir, "termination-message")
	live, logged, err := r.start(dir, note, log)
	if err != nil {
		log.end()
		return failed(err)
	}
	r.w.setLive(r.c.Name, live)
	defer r.w.setLive(r.c.Name, nil)
	r.set(func(s *containerState) {
		if s.state.Terminated != nil {
			s.last = s.state
		}
		s.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: begun}}
		s.restarts, s.id = int32(number), id //nolint:gosec // it restarts every 5 minutes at most
	})
	code, killed := r.supervise(ctx, live.proc)
	select {
	case <-logged:
	case <-time.After(drainTime):
		log.end()
	}
	live.close()
	end := corev1.ContainerStateTerminated{
		ExitCode: code, Reason: "Completed", ContainerID: id, StartedAt: begun, FinishedAt: metav1.Now(),
		Message: r.message(note, log, code),
	}
	switch {
	case killed:
		end.Reason = "OOMKilled"
	case code != 0:
		end.Reason = "Error"
	}
	return end
}

// start starts the process; logged is closed when its log is complete.
func (r *containerRun) start(dir, note string, log *attemptLog) (live *liveContainer, logged chan struct{}, err error) {
	spec, err := r.spec(dir, note)
	if err != nil {
		return nil, nil, err
	}
	s, err := newStdio(&spec, r.c.Stdin, r.c.TTY)
	if err != nil {
		return nil, nil, err
	}
	proc, err := container.Start(spec, r.w.rt.cfg.Exec.Isolated)
	if err := s.started(proc, err); err != nil {
		return nil, nil, err
	}
	live = &liveContainer{run: r, proc: proc, in: s.in, since: time.Now()}
	logged = make(chan struct{})
	go func() {
		defer close(logged)
		defer s.out.Close()
		log.consume(io.TeeReader(s.out, &live.attached))
	}()
	return live, logged, nil
}

// supervise waits for the process, probes it, and ends it when the pod ends or it fails its probes. It reports whether it was killed for its memory.
func (r *containerRun) supervise(ctx context.Context, proc *container.Container) (code int32, killed bool) {
	exited := make(chan int, 1)
	go func() { exited <- proc.Wait() }()
	probing, stopProbing := context.WithCancel(ctx)
	unhealthy := make(chan error, 3)
	probed := make(chan struct{})
	go func() {
		defer close(probed)
		(&prober{of: r, proc: proc}).run(probing, unhealthy)
	}()
	defer func() { stopProbing(); <-probed }()
	tooMuch := make(chan struct{})
	if limit := r.c.Resources.Limits.Memory().Value(); r.w.rt.cfg.Exec.EnforceMemory && limit > 0 {
		go watchMemory(probing, func() int64 { return proc.Usage().Memory }, limit, tooMuch)
	}

	select {
	case code := <-exited:
		return int32(code), false //nolint:gosec // a byte
	case <-tooMuch:
		stopProbing()
		proc.Kill()
		return int32(<-exited), true //nolint:gosec // a byte
	case <-ctx.Done():
	case <-unhealthy: //nolint:errcheck // that there is one is all that counts
	}
	stopProbing()
	r.set(func(s *containerState) { s.ready = false })
	proc.Terminate()
	select {
	case code := <-exited:
		return int32(code), false //nolint:gosec // a byte
	case <-time.After(r.w.grace()):
	case <-r.w.kill:
	}
	proc.Kill()
	return int32(<-exited), false //nolint:gosec // a byte
}

// memoryInterval is how often it is looked at what a container uses: what it takes for a shorter time is not seen.
const memoryInterval = 500 * time.Millisecond

// watchMemory closes tooMuch once a container uses more than its limit. It ends with ctx.
func watchMemory(ctx context.Context, use func() int64, limit int64, tooMuch chan<- struct{}) {
	look := time.NewTicker(memoryInterval)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			if use() > limit {
				close(tooMuch)
				return
			}
		}
	}
}

// message is what the container says about its end.
func (r *containerRun) message(note string, log *attemptLog, code int32) string {
	const most = 4096
	text := ""
	if f, err := os.Open(note); err == nil {
		content, _ := io.ReadAll(io.LimitReader(f, most)) // nothing, then
		_ = f.Close()                                     // only read
		text = string(content)
	}
	if text == "" && code != 0 && r.c.TerminationMessagePolicy == corev1.TerminationMessageFallbackToLogsOnError {
		text = log.tail(80, 2048)
	}
	return strings.ToValidUTF8(text, "?")
}
