// SPDX-License-Identifier: Apache-2.0

// Package clustertest gives tests a real Kubernetes API server: one for all tests of a package, with a fresh
// namespace for each, or a fresh one for a test that needs it for itself.
//
// The server is the devcluster of test/devcluster, which is a Go module of its own so that its dependencies
// stay out of this one; this package only starts its binary, bin/devcluster, which "make test" builds.
//
// It imports nothing of Trunkline.
package clustertest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// readyTimeout bounds the start of a cluster.
	readyTimeout = 60 * time.Second
	// stopTimeout bounds its end, after which it is killed.
	stopTimeout = 20 * time.Second
)

// Mode says what becomes of pods.
type Mode string

// The modes of a cluster's nodes.
const (
	// Fake makes every pod ready, and every pod of a Job succeed, without running anything.
	Fake Mode = "fake"
	// Exec runs pods of the image trunkline.local/host as processes of this machine.
	Exec Mode = "exec"
)

// Network says which network pods of mode Exec have.
type Network string

// The networks of pods.
const (
	// Host is that of this machine: pods reach servers at 127.0.0.1, and Services lead nowhere.
	Host Network = "host"
	// Pods is one of the cluster's own: each pod has an address, Services and their names lead to pods, and
	// host.devcluster.internal is this machine's 127.0.0.1.
	Pods Network = "pods"
)

// Options are what a cluster is started with.
type Options struct {
	// Name is also that of the context in the kubeconfig; default: "test".
	Name string
	// Mode of the nodes; default: Fake.
	Mode Mode
	// Network of pods; default: Host.
	Network Network
	// Args are further arguments for devcluster up.
	Args []string
}

// Cluster is a running cluster.
type Cluster struct {
	Name string
	// Kubeconfig is the path of a file with the rights of an administrator.
	Kubeconfig string
	// Config is the same for client-go, without a client-side limit on requests.
	Config *rest.Config

	command *exec.Cmd
	exited  chan struct{}
	stderr  *tail
}

// shared is the cluster of the package under test.
type shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// Package holds the cluster that the tests of a package share. Make one in a variable of the test package and
// call [Package.Main] from TestMain.
type Package struct {
	Options Options
	// AtEnd is called after the tests; for what TestMain has set up itself.
	AtEnd  func() error
	shared shared
}

// Main runs the tests and ends the shared cluster after them.
func (p *Package) Main(m *testing.M) {
	code := m.Run()
	if p.AtEnd != nil {
		if err := p.AtEnd(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if p.shared.cluster != nil {
		if err := p.shared.cluster.stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		if err := os.RemoveAll(filepath.Dir(p.shared.cluster.Kubeconfig)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// Cluster returns the shared cluster, which is started for the first test that asks.
func (p *Package) Cluster(tb testing.TB) *Cluster {
	tb.Helper()
	skipIfShort(tb)
	p.shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "trunkline-test-")
		if err == nil {
			p.shared.cluster, err = start(dir, p.Options)
		}
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		p.shared.err = err
	})
	if p.shared.err != nil {
		tb.Fatal(p.shared.err)
	}
	return p.shared.cluster
}

// Start returns a cluster that is the test's own and ends with it.
func Start(tb testing.TB, opts Options) *Cluster {
	tb.Helper()
	skipIfShort(tb)
	c, err := start(tb.TempDir(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.stop(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// Up starts a cluster for a program that is no test. The folder must be new or empty; who asked ends the cluster
// with [Cluster.Down].
func Up(dir string, opts Options) (*Cluster, error) { return start(dir, opts) }

// Down ends the cluster and waits for that.
func (c *Cluster) Down() error { return c.stop() }

// PID is the process that started all others of the cluster.
func (c *Cluster) PID() int { return c.command.Process.Pid }

func skipIfShort(tb testing.TB) {
	if testing.Short() {
		tb.Helper()
		tb.Skip("needs a cluster; left out by -short")
	}
}

// start runs devcluster in a folder and waits until it is ready.
func start(dir string, opts Options) (*Cluster, error) {
	binary, err := find()
	if err != nil {
		return nil, err
	}
	if opts.Name == "" {
		opts.Name = "test"
	}
	if opts.Mode == "" {
		opts.Mode = Fake
	}
	args := append([]string{"up", "--name", opts.Name, "--dir", dir, "--mode", string(opts.Mode), "--lifeline"}, opts.Args...)
	if opts.Network != "" {
		args = append(args, "--network", string(opts.Network))
	}
	if opts.Mode == Exec {
		args = append(args, engines()...)
	}
	c := &Cluster{Name: opts.Name, exited: make(chan struct{}), stderr: &tail{}}
	// The cluster ends by itself when the test process does, however that comes about: its standard input ends.
	c.command = exec.Command(binary, args...)
	c.command.Stderr = c.stderr
	if _, err := c.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("starting a cluster: %w", err)
	}
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting a cluster: %w", err)
	}
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("starting a cluster: %w", err)
	}
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		lines <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, stdout)
		_ = c.command.Wait()
		close(c.exited)
	}()
	select {
	case c.Kubeconfig = <-lines:
	case <-time.After(readyTimeout):
	}
	if c.Kubeconfig == "" {
		return nil, errors.Join(fmt.Errorf("the cluster %q is not ready after %s: %s", opts.Name, readyTimeout, c.stderr), c.stop())
	}
	c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the kubeconfig of the cluster %q: %w", opts.Name, err), c.stop())
	}
	c.Config.QPS = -1
	return c, nil
}

// find looks for the binary beside the module's root, wherever the test runs.
func find() (string, error) {
	if path := os.Getenv("DEVCLUSTER"); path != "" {
		return path, nil
	}
	path := filepath.Join(root(), "bin", "devcluster")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("tests with a cluster need bin/devcluster: run \"make devcluster\" once, or \"go test -short\" to leave them out: %w", err)
	}
	return path, nil
}

// engines has pods see the programs that "make engines" and the like install, also in a repository below /tmp: that of a pod is its own.
func engines() []string {
	cache := filepath.Join(root(), ".cache")
	if _, err := os.Stat(cache); err != nil {
		return nil // nothing is installed
	}
	return []string{"--mount", cache + "=" + cache + ":ro"}
}

// root is that of the module, wherever the test runs.
func root() string {
	_, file, _, _ := runtime.Caller(0) //nolint:dogsled // only the file matters
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// stop ends the cluster and waits for that.
func (c *Cluster) stop() error {
	select {
	case <-c.exited:
		return nil
	default:
	}
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending the cluster %q: %w", c.Name, err)
	}
	select {
	case <-c.exited:
		return nil
	case <-time.After(stopTimeout):
		err := c.command.Process.Kill()
		<-c.exited
		return errors.Join(fmt.Errorf("the cluster %q did not end within %s: %s", c.Name, stopTimeout, c.stderr), err)
	}
}

// Stop ends the cluster before its test ends, to see what happens without it.
func (c *Cluster) Stop(tb testing.TB) {
	tb.Helper()
	if err := c.stop(); err != nil {
		tb.Fatal(err)
	}
}

// Client returns a typed client.
func (c *Cluster) Client(tb testing.TB) kubernetes.Interface {
	tb.Helper()
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// Namespace makes a namespace of the test's own and has it deleted after the test.
func (c *Cluster) Namespace(tb testing.TB) string {
	tb.Helper()
	namespaces := c.Client(tb).CoreV1().Namespaces()
	ns, err := namespaces.Create(tb.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), stopTimeout)
		defer cancel()
		if err := namespaces.Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
			tb.Error(err)
		}
	})
	return ns.Name
}

// tail keeps the end of what was written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// tailBytes bounds what is kept.
const tailBytes = 16 << 10

// Write implements [io.Writer].
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if extra := t.buf.Len() - tailBytes; extra > 0 {
		t.buf.Next(extra)
	}
	return len(p), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
