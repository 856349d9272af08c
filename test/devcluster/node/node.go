// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"trunkline.dev/trunkline/test/devcluster/node/container"
)

// Mode says what becomes of pods.
type Mode string

// The modes.
const (
	Fake Mode = "fake"
	Exec Mode = "exec"
)

// Config describes the nodes to play.
type Config struct {
	// Client has the rights of a cluster-admin and no rate limit.
	Client kubernetes.Interface
	// Mode says what becomes of pods.
	Mode Mode
	// Count is the number of nodes.
	Count int
	// Version is the version the nodes report.
	Version string
	// Log receives what goes wrong.
	Log *slog.Logger
	// Server serves the kubelet's endpoint.
	Server ServerConfig
	// Exec is needed in mode Exec only.
	Exec ExecConfig
}

// runtime makes pods happen. Sync is called for every change of a pod, never twice at a time for one pod. The pod is
// shared and must not be changed; nil means that it is gone.
type runtime interface {
	Sync(ctx context.Context, key string, pod *corev1.Pod) error
	// Logs opens the logs of a container for the server.
	Logs(ctx context.Context, request LogRequest) (LogReader, error)
	// Pod finds a pod that runs, for exec, attach and port-forward.
	Pod(namespace, name string) (runningPod, error)
	// Usage is what all containers use that run now.
	Usage() []podUsage
	// Close ends all that runs and returns when it has ended.
	Close()
}

// workers is the number of pods looked at side by side. They mostly wait for the API server.
const workers = 16

// Run plays the nodes until ctx is done.
func Run(ctx context.Context, cfg Config) error {
	pods, informer := newPodInformer(cfg.Client)
	rt, err := newRuntime(ctx, cfg)
	if err != nil {
		return err
	}
	defer rt.Close()

	nodes := make([]string, cfg.Count)
	for i := range nodes {
		nodes[i] = nodeName(i)
	}
	server, err := listen(ctx, cfg.Server, rt, nodes, cfg.Log)
	if err != nil {
		return err
	}
	defer server.close()

	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, 10*time.Second))
	defer queue.ShutDown()
	if err := feed(informer, queue); err != nil {
		return err
	}
	var group sync.WaitGroup
	defer group.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	group.Go(func() { informer.RunWithContext(ctx) })
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil // told to stop
	}
	for range workers {
		group.Go(func() { work(ctx, queue, pods, rt, cfg.Log) })
	}
	group.Go(func() { <-ctx.Done(); queue.ShutDown() })

	if cfg.Mode == Exec {
		if err := publishMetrics(ctx, cfg, server.port); err != nil && ctx.Err() == nil {
			return err
		}
	}
	if cfg.Mode == Exec {
		group.Go(func() {
			if err := provision(ctx, cfg); err != nil && ctx.Err() == nil {
				cfg.Log.Error("claims get no volumes", "error", err)
			}
		})
	}
	if e, ok := rt.(*execRuntime); ok && e.network != nil {
		answers, failed := make(chan struct{}), make(chan error, 1)
		group.Go(func() {
			err := e.serve(ctx, func() { close(answers) })
			if err != nil && ctx.Err() == nil {
				cfg.Log.Error("Services and names are not answered for", "error", err)
			}
			failed <- err
		})
		select {
		case <-answers:
		case err := <-failed:
			return err
		}
	}
	// The nodes come last: as soon as they are ready, pods arrive.
	if err := register(ctx, cfg, server.port); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	group.Go(func() { heartbeat(ctx, cfg) })
	<-ctx.Done()
	return nil
}

func newRuntime(ctx context.Context, cfg Config) (runtime, error) {
	switch cfg.Mode {
	case Fake:
		return newFake(cfg.Client), nil
	case Exec:
		prepare := container.AdoptOrphans
		if cfg.Exec.Isolated {
			prepare = container.ShowOwnProcesses
		}
		if err := prepare(); err != nil {
			return nil, err
		}
		return newExec(ctx, cfg)
	default:
		return nil, fmt.Errorf("there is no mode %q; the modes are %s and %s", cfg.Mode, Fake, Exec)
	}
}

// newPodInformer watches all pods that are scheduled. One watch serves all nodes, as all nodes are ours.
func newPodInformer(client kubernetes.Interface) (corelisters.PodLister, cache.SharedIndexInformer) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
		}),
		informers.WithTransform(func(object any) (any, error) {
			if pod, ok := object.(*corev1.Pod); ok {
				pod.ManagedFields = nil // half of a pod's size, and of no use here
			}
			return object, nil
		}))
	pods := factory.Core().V1().Pods()
	return pods.Lister(), pods.Informer()
}

func feed(informer cache.SharedIndexInformer, queue workqueue.TypedInterface[string]) error {
	add := func(object any) {
		key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
		if err != nil {
			utilruntime.HandleError(err)
			return
		}
		queue.Add(key)
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: add, UpdateFunc: func(_, object any) { add(object) }, DeleteFunc: add,
	})
	if err != nil {
		return fmt.Errorf("watching the pods: %w", err)
	}
	return nil
}

func work(ctx context.Context, queue workqueue.TypedRateLimitingInterface[string], pods corelisters.PodLister, rt runtime, log *slog.Logger) {
	for {
		key, shutdown := queue.Get()
		if shutdown {
			return
		}
		if err := syncOne(ctx, key, pods, rt); err != nil {
			if ctx.Err() == nil {
				log.Error("pod not handled, will try again", "pod", key, "error", err)
			}
			queue.AddRateLimited(key)
		} else {
			queue.Forget(key)
		}
		queue.Done(key)
	}
}

func syncOne(ctx context.Context, key string, pods corelisters.PodLister, rt runtime) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return fmt.Errorf("splitting the key of a pod: %w", err)
	}
	pod, err := pods.Pods(namespace).Get(name)
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("reading a pod from the cache: %w", err)
	}
	if err != nil {
		pod = nil
	}
	return rt.Sync(ctx, key, pod)
}

// retry calls do until it works, with growing pauses, or ctx is done.
func retry(ctx context.Context, do func(context.Context) error) error {
	backoff := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Steps: 8, Cap: 2 * time.Second}
	var last error
	err := wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		last = do(ctx)
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}
