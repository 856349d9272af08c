// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"trunkline.dev/trunkline/test/devcluster/node/container"
	"trunkline.dev/trunkline/test/devcluster/node/gateway"
	"trunkline.dev/trunkline/test/devcluster/node/podnet"
)

// HostImage is the image of containers that run as processes of this machine, with any tag or digest.
const HostImage = "trunkline.local/host"

// ExecConfig is what mode Exec needs.
type ExecConfig struct {
	// Dir is a folder of the nodes' own for the pods' logs, volumes and scratch space, absolute.
	Dir string
	// Volumes is a folder of the nodes' own for what claims get, absolute.
	Volumes string
	// Mounts are shown in every container.
	Mounts []container.Mount
	// Programs are those that containers of further images run on this machine, as the entry points of the images; by image, as a pod names it.
	Programs map[string]string
	// EnforceMemory has containers be killed that are seen to use more memory than their limit.
	EnforceMemory bool
	// Isolated reports whether containers get mount namespaces; see [container.NamespaceAttr].
	Isolated bool
	// Services is the range of addresses of Services. If it is given, pods have a network of their own, with their own
	// addresses, unless they ask for the machine's. It takes Isolated.
	Services string
	// APIServer is where the API server is, host and port.
	APIServer string
	// Upstream is the machine's DNS server, if any.
	Upstream string
	// Env is the part of the environment all containers have. It needs a PATH.
	Env map[string]string
}

// The reasons for a pod to end before its containers do.
var (
	errDeleted  = errors.New("the pod was deleted")
	errGone     = errors.New("the pod is gone")
	errDeadline = errors.New("Pod was active on the node longer than the specified deadline") // the kubelet's words
	errShutdown = errors.New("the devcluster stops")
)

// execRuntime runs pods as processes. It keeps a worker for each pod until the pod object is gone.
type execRuntime struct {
	ctx context.Context //nolint:containedctx // the life of the nodes: workers outlive the call that makes them
	cfg Config
	// net is the second byte of the pods' addresses, so that clusters side by side do not share them.
	net byte

	// network is that of pods, nil where they have the machine's.
	network *podnet.Network

	mu      sync.Mutex
	pods    map[string]*podWorker
	counter uint32
	closed  bool
}

func newExec(ctx context.Context, cfg Config) (*execRuntime, error) {
	e := &execRuntime{
		ctx: context.WithoutCancel(ctx), cfg: cfg, pods: map[string]*podWorker{},
		net: byte(1 + rand.IntN(254)), //nolint:gosec // no secret
	}
	if cfg.Exec.Services == "" {
		return e, nil
	}
	var err error
	if e.network, err = podnet.New(cfg.Exec.Services); err != nil {
		return nil, fmt.Errorf("making the network of pods: %w", err)
	}
	return e, nil
}

// serve answers in the network of pods until ctx is done. It calls ready as soon as it does.
func (e *execRuntime) serve(ctx context.Context, ready func()) error {
	return gateway.Run(ctx, gateway.Config{
		Client: e.cfg.Client, Network: e.network, Host: podnet.Host,
		APIServer: e.cfg.Exec.APIServer, Upstream: e.cfg.Exec.Upstream, Log: e.cfg.Log,
	}, ready)
}

// Sync implements runtime.
func (e *execRuntime) Sync(ctx context.Context, key string, pod *corev1.Pod) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	worker := e.pods[key]
	if worker != nil && (pod == nil || worker.uid != pod.UID) {
		worker.podDeleted()
		delete(e.pods, key)
		worker = nil
	}
	switch {
	case pod == nil:
		return nil
	case worker != nil:
		worker.update(pod)
		return nil
	case pod.DeletionTimestamp != nil:
		return removePod(ctx, e.cfg.Client, pod) // it never started here
	case isFinished(pod):
		return nil
	}
	worker = newPodWorker(e, pod)
	e.pods[key] = worker
	go worker.run(e.ctx)
	return nil
}

// nextIP hands out the address of a pod, which has the given number. In the machine's network these are loopback
// addresses: on Linux all of 127.0.0.0/8 is the machine itself, so that every pod can listen on the same port.
func (e *execRuntime) nextIP(own bool) (ip string, number uint32) {
	e.counter++
	switch {
	case own:
		return podnet.Address(e.counter), e.counter
	case goruntime.GOOS != "linux":
		return hostIP, e.counter
	}
	if e.counter&0xff == 0 || e.counter&0xff == 0xff {
		e.counter += 2 - e.counter&1 // the customary network and broadcast addresses
	}
	return fmt.Sprintf("127.%d.%d.%d", e.net, e.counter>>8&0xff, e.counter&0xff), e.counter
}

// Logs implements runtime.
func (e *execRuntime) Logs(_ context.Context, request LogRequest) (LogReader, error) {
	e.mu.Lock()
	worker := e.pods[request.Namespace+"/"+request.Pod]
	e.mu.Unlock()
	if worker == nil {
		return nil, fmt.Errorf("pod %s/%s does not run here", request.Namespace, request.Pod)
	}
	return worker.log(request)
}

// Pod implements runtime.
func (e *execRuntime) Pod(namespace, name string) (runningPod, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	worker := e.pods[namespace+"/"+name]
	if worker == nil {
		return nil, fmt.Errorf("pod %s/%s does not run here", namespace, name)
	}
	return worker, nil
}

// Close implements runtime.
func (e *execRuntime) Close() {
	e.mu.Lock()
	e.closed = true
	workers := e.pods
	e.mu.Unlock()
	for _, worker := range workers {
		worker.end(errShutdown)
	}
	for _, worker := range workers {
		<-worker.done
	}
	if !e.cfg.Exec.Isolated {
		container.KillOrphans()
	}
	if e.network != nil {
		e.network.Close()
	}
}

// podDir is the folder of one pod.
func (e *execRuntime) podDir(pod *corev1.Pod) string {
	return filepath.Join(e.cfg.Exec.Dir, pod.Namespace+"_"+pod.Name+"_"+string(pod.UID))
}

// runs reports whether containers of an image run here: those of HostImage, whatever its tag or digest, and those of which a program is known.
func (c ExecConfig) runs(image string) bool {
	if _, known := c.Programs[image]; known {
		return true
	}
	rest, ok := strings.CutPrefix(image, HostImage)
	return ok && (rest == "" || rest[0] == ':' || rest[0] == '@')
}
