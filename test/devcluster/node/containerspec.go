// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"trunkline.dev/trunkline/test/devcluster/node/container"
)

// serviceAccountVolume is how the API server calls the volume it adds to every pod by itself.
const serviceAccountVolume = "kube-api-access-"

// spec is what to start for the container. dir is the attempt's folder, note the file for the termination message.
func (r *containerRun) spec(dir, note string) (container.Spec, error) {
	lookup := func(name string) (string, bool) { value, ok := r.env[name]; return value, ok }
	command := expandAll(r.c.Command, lookup)
	if program := r.w.rt.cfg.Exec.Programs[r.c.Image]; program != "" && len(command) == 0 {
		command = []string{program}
	}
	args := slices.Concat(command, expandAll(r.c.Args, lookup))
	if len(args) == 0 {
		return container.Spec{}, fmt.Errorf("the image %s has no command of its own; give the container a command", HostImage)
	}
	uid, gid, err := identity(r.w.pod, r.c)
	if err != nil {
		return container.Spec{}, err
	}
	mounts := append([]container.Mount(nil), r.w.rt.cfg.Exec.Mounts...)
	for _, m := range r.c.VolumeMounts {
		mount, err := r.mount(m, lookup)
		if err != nil {
			return container.Spec{}, fmt.Errorf("mounting volume %q: %w", m.Name, err)
		}
		mounts = append(mounts, mount)
	}
	if r.c.TerminationMessagePath != "" {
		if err := os.WriteFile(note, nil, 0o666); err != nil { //nolint:gosec // the container writes it
			return container.Spec{}, fmt.Errorf("making the file for the termination message: %w", err)
		}
		mounts = append(mounts, container.Mount{Path: r.c.TerminationMessagePath, Source: note, Optional: true})
	}
	network := r.w.networkNamespace()
	if network != nil {
		mounts = append(mounts, r.w.networkMounts()...)
	}
	return container.Spec{
		Network: network,
		Args:    args, Env: environ(r.env), Path: r.env["PATH"], Dir: r.c.WorkingDir,
		UID: uid, GID: gid, Mounts: mounts, ReadOnlyRoot: readOnlyRoot(r.c), Scratch: dir,
	}, nil
}

func (r *containerRun) mount(m corev1.VolumeMount, lookup func(string) (string, bool)) (container.Mount, error) {
	sub := m.SubPath
	if m.SubPathExpr != "" {
		sub = expand(m.SubPathExpr, lookup)
	}
	source := r.w.volumeDir(m.Name)
	if sub != "" {
		if !filepath.IsLocal(sub) {
			return container.Mount{}, fmt.Errorf("the sub-path %q leaves the volume", sub)
		}
		source = filepath.Join(source, sub)
		_, err := os.Stat(source)
		if errors.Is(err, os.ErrNotExist) {
			err = os.MkdirAll(source, 0o755) //nolint:gosec // as the kubelet does
		}
		if err != nil {
			return container.Mount{}, err
		}
	}
	readOnly := m.ReadOnly
	for _, v := range r.w.pod.Spec.Volumes {
		readOnly = readOnly || v.Name == m.Name && !writable(v)
	}
	return container.Mount{
		Path: m.MountPath, Source: source, ReadOnly: readOnly,
		// Nearly every pod has it and hardly any uses it, so it does not keep a pod from running without mounts.
		Optional: strings.HasPrefix(m.Name, serviceAccountVolume),
	}, nil
}

// writable reports whether a container may write to a volume.
func writable(v corev1.Volume) bool {
	return v.EmptyDir != nil || v.Ephemeral != nil || v.PersistentVolumeClaim != nil && !v.PersistentVolumeClaim.ReadOnly
}

// addLog remembers the log of a new attempt. As with the kubelet, the last two can be read; older ones are removed.
func (w *podWorker) addLog(name string, log *attemptLog) {
	w.mu.Lock()
	defer w.mu.Unlock()
	logs := slices.Concat(w.logs[name], []*attemptLog{log})
	for len(logs) > 2 {
		_ = os.RemoveAll(filepath.Dir(logs[0].path)) // goes with the pod's folder at the latest
		logs = logs[1:]
	}
	w.logs[name] = logs
}

// log answers a request for a log.
func (w *podWorker) log(request LogRequest) (LogReader, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if findContainer(w.pod, request.Container) == nil {
		return nil, fmt.Errorf("pod %s/%s has no container %q", request.Namespace, request.Pod, request.Container)
	}
	logs := w.logs[request.Container]
	back := 1
	if request.Previous {
		back = 2
		if state := w.state.containers[request.Container].state; state.Waiting != nil && len(logs) > 0 {
			back = 1 // between two attempts the last one is the previous one
		}
	}
	if len(logs) < back {
		which := "container"
		if request.Previous {
			which = "previous terminated container"
		}
		reason := "PodInitializing"
		if state := w.state.containers[request.Container].state; state.Waiting != nil {
			reason = state.Waiting.Reason
		}
		return nil, fmt.Errorf("%s %q in pod %q has no log; it is waiting: %s", which, request.Container, request.Pod, reason)
	}
	return logs[len(logs)-back].reader(request), nil
}
