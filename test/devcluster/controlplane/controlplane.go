// SPDX-License-Identifier: Apache-2.0

// Package controlplane starts the components of one devcluster as child processes, waits until the cluster is of use,
// and stops them. It knows the components by name and flags only, and imports neither Kubernetes nor etcd itself.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"trunkline.dev/trunkline/test/devcluster/process"
)

// StartTimeout is how long a cluster may take until it is ready.
const StartTimeout = 60 * time.Second

// stopGrace is how long the nodes may take to end their pods. The other components are killed: their data dies with them.
const stopGrace = 5 * time.Second

// Config describes a cluster to run.
type Config struct {
	// Name names the context and the cluster in the kubeconfig.
	Name string
	// Layout has the cluster's folder, absolute.
	Layout Layout
	// Nodes is the number of nodes.
	Nodes int
	// Metrics reports whether the nodes serve metrics.k8s.io, which is then waited for.
	Metrics bool
	// EtcdServers is what the API server's process calls its etcd.
	EtcdServers string
	// StartNodes starts the process that plays the nodes, once the API server answers.
	StartNodes func(NodeEnv) (*process.Process, error)
	// Ready is called once, with the path of the kubeconfig.
	Ready func(kubeconfig string) error
	// Stderr receives short lines for people.
	Stderr io.Writer
}

// NodeEnv is what the nodes need to know of the control plane.
type NodeEnv struct {
	// Kubeconfig returns the nodes their rights.
	Kubeconfig string
	// CA, Cert and Key are the files for the nodes' own HTTPS server.
	CA, Cert, Key string
	// Log is the log file of the nodes' process.
	Log string
}

// Run runs a cluster until ctx is done, which is a clean stop and returns nil, or until something fails.
func Run(ctx context.Context, cfg Config) (err error) {
	started := time.Now()
	lock, err := cfg.Layout.Acquire()
	if err != nil {
		return err
	}
	defer lock.Close()
	defer func() {
		if cleanErr := cfg.Layout.Clean(); cleanErr != nil {
			err = errors.Join(err, cleanErr)
		}
	}()

	c := &cluster{Config: cfg, died: make(chan *process.Process, 8)}
	defer c.stop()
	if err := c.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while starting
		}
		return err
	}
	fmt.Fprintf(cfg.Stderr, "devcluster %s is ready after %.1f s; logs: %s\n", cfg.Name, time.Since(started).Seconds(), cfg.Layout.Logs())
	if err := cfg.Ready(cfg.Layout.Kubeconfig()); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		fmt.Fprintf(cfg.Stderr, "devcluster %s stops; its logs stay in %s\n", cfg.Name, cfg.Layout.Logs())
		return nil
	case p := <-c.died:
		if ctx.Err() != nil {
			return nil
		}
		return p.Failure()
	}
}

// cluster is a cluster while it runs.
type cluster struct {
	Config
	running []*process.Process
	nodes   *process.Process
	died    chan *process.Process
}

func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, StartTimeout, fmt.Errorf("not ready within %s", StartTimeout))
	defer cancel()

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("finding a free port on the loopback interface: %w", err)
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("listening on the loopback interface: unexpected kind of listener %T", listener)
	}
	socket, err := tcp.File()
	if err != nil {
		return fmt.Errorf("sharing the API server's socket: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("listening on the loopback interface: unexpected address %v", listener.Addr())
	}
	l := c.Layout
	if err := writeCredentials(l, c.Name, fmt.Sprintf("https://127.0.0.1:%d", address.Port), time.Now()); err != nil {
		return err
	}

	api, err := c.component("kube-apiserver", apiServerFlags(l, address.Port, c.EtcdServers), socket)
	// Only the child may hold the socket, or clients would hang instead of being refused when it dies.
	if err := errors.Join(err, socket.Close(), listener.Close()); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		return fmt.Errorf("reading the kubeconfig just written: %w", err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	if err := c.await(ctx, api, "the API server to be ready", apiReady(client)); err != nil {
		return err
	}

	manager, err := c.component("kube-controller-manager", controllerManagerFlags(l))
	if err != nil {
		return err
	}
	if _, err := c.component("kube-scheduler", schedulerFlags(l)); err != nil {
		return err
	}
	c.nodes, err = c.StartNodes(NodeEnv{
		Kubeconfig: l.pki("node.kubeconfig"),
		CA:         l.pki("ca.crt"), Cert: l.pki("kubelet.crt"), Key: l.pki("kubelet.key"),
		Log: l.Log("node"),
	})
	if err != nil {
		return err
	}
	c.watch(c.nodes)
	if err := c.await(ctx, manager, "the default ServiceAccount", defaultAccount(client)); err != nil {
		return err
	}
	if err := c.await(ctx, c.nodes, "the nodes to be ready", nodesReady(client, c.Nodes)); err != nil || !c.Metrics {
		return err
	}
	return c.await(ctx, c.nodes, "metrics.k8s.io to answer", allGroupsAnswer(client))
}

// component starts one Kubernetes component. Its working directory is the cluster's, where etcd has its socket.
func (c *cluster) component(name string, flags []string, files ...*os.File) (*process.Process, error) {
	p, err := process.Start(process.Spec{
		Name: name, Args: append([]string{"component", name}, flags...),
		Dir: c.Layout.Dir, LogPath: c.Layout.Log(name), Files: files,
	})
	if err != nil {
		return nil, err
	}
	c.running = append(c.running, p)
	c.watch(p)
	return p, nil
}

func (c *cluster) watch(p *process.Process) {
	go func() {
		<-p.Done()
		c.died <- p
	}()
}

func (c *cluster) stop() {
	if c.nodes != nil {
		c.nodes.Stop(stopGrace) // first, while the API server still answers: it ends the pods
	}
	for _, p := range c.running {
		p.Stop(0)
	}
}

// Abs returns a layout whose folder is absolute, with symbolic links in it resolved where it exists.
func Abs(dir string) (Layout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("finding the absolute path of %s: %w", dir, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	return Layout{Dir: abs}, nil
}
