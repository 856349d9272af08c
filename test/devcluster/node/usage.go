// SPDX-License-Identifier: Apache-2.0

package node

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"trunkline.dev/trunkline/test/devcluster/node/container"
)

// leastWindow is how long a container is measured at least before there is a new figure: times of processes are counted in
// hundredths of a second.
const leastWindow = time.Second

// figures are what a container used in the time before At.
type figures struct {
	At     time.Time
	Window time.Duration
	// NanoCores is the CPU, as an average of the window.
	NanoCores int64
	// Bytes is the memory at At.
	Bytes int64
}

// measurement measures a container when it is asked, from one question to the next. Nothing is measured that nobody asks for.
type measurement struct {
	mu   sync.Mutex
	last figures
	cpu  time.Duration
}

// now returns the figures of a container that runs since then.
func (m *measurement) now(at, since time.Time, use func() container.Usage) figures {
	m.mu.Lock()
	defer m.mu.Unlock()
	begun := since
	if !m.last.At.IsZero() {
		begun = m.last.At
		if at.Sub(begun) < leastWindow {
			return m.last
		}
	}
	used := use()
	window := max(at.Sub(begun), time.Millisecond)
	m.last = figures{
		At: at, Window: window, Bytes: used.Memory,
		NanoCores: int64(float64(used.CPU-m.cpu) / float64(window) * 1e9),
	}
	m.cpu = used.CPU
	return m.last
}

// podUsage is what the containers of a pod use.
type podUsage struct {
	pod        *corev1.Pod
	containers []containerUsage
}

type containerUsage struct {
	name string
	figures
}

// Usage implements runtime. Pods are sorted by namespace and name.
func (e *execRuntime) Usage() []podUsage {
	e.mu.Lock()
	workers := make([]*podWorker, 0, len(e.pods))
	for _, worker := range e.pods {
		workers = append(workers, worker)
	}
	e.mu.Unlock()
	var all []podUsage
	for _, worker := range workers {
		if u := worker.usage(time.Now()); len(u.containers) > 0 {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b podUsage) int {
		return strings.Compare(a.pod.Namespace+"/"+a.pod.Name, b.pod.Namespace+"/"+b.pod.Name)
	})
	return all
}

func (w *podWorker) usage(now time.Time) podUsage {
	w.mu.Lock()
	u, live := podUsage{pod: w.latest}, maps.Clone(w.live)
	w.mu.Unlock()
	for name, l := range live {
		u.containers = append(u.containers, containerUsage{name, l.measured.now(now, l.since, l.proc.Usage)})
	}
	slices.SortFunc(u.containers, func(a, b containerUsage) int { return strings.Compare(a.name, b.name) })
	return u
}
