// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// waitTimeout bounds every single wait of a test; a loaded machine is slow, a hung cluster is worse.
const waitTimeout = 60 * time.Second

// cluster is a running devcluster.
type cluster struct {
	dir, kubeconfig string
	cmd             *exec.Cmd
	lifeline        io.Closer
	stderr          *bytes.Buffer
	exited          chan struct{}
	config          *rest.Config
	client          kubernetes.Interface
}

// start starts a devcluster and waits until it is ready. It is gone when the test ends.
func start(t *testing.T, args ...string) *cluster {
	t.Helper()
	c := launch(t, filepath.Join(t.TempDir(), "a rather long name of a folder, longer than a path of a Unix socket may be, so there"), args...)
	if c.kubeconfig == "" {
		<-c.exited
		t.Fatalf("devcluster did not start:\n%s", c.stderr)
	}
	return c
}

// launch starts a devcluster in dir. Without a kubeconfig, it failed.
func launch(t *testing.T, dir string, args ...string) *cluster {
	t.Helper()
	return launchBy(t, nil, dir, args...)
}

// launchBy starts a devcluster by another command, which gets devcluster's command line as its last arguments.
func launchBy(t *testing.T, by []string, dir string, args ...string) *cluster {
	t.Helper()
	c := &cluster{dir: dir, stderr: &bytes.Buffer{}, exited: make(chan struct{})}
	line := append(append(slices.Clip(by), binary, "up", "--dir", dir, "--lifeline"), args...)
	c.cmd = exec.Command(line[0], line[1:]...)
	c.cmd.Stderr = c.stderr
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.lifeline, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if lines.Scan() {
		c.kubeconfig = lines.Text()
	}
	go func() {
		defer close(c.exited)
		for lines.Scan() {
			t.Errorf("a second line on stdout: %q", lines.Text())
		}
		_ = c.cmd.Wait() // the exit code is looked at where it matters
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Signal(os.Interrupt) // it may have ended
		select {
		case <-c.exited:
		case <-time.After(waitTimeout):
			_ = c.cmd.Process.Kill()
			t.Error("devcluster does not end")
		}
		if t.Failed() {
			t.Logf("stderr of devcluster:\n%s", c.stderr)
		}
	})
	if c.kubeconfig == "" {
		return c
	}
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig); err != nil {
		t.Fatal(err)
	}
	c.config.QPS = -1
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		t.Fatal(err)
	}
	return c
}

// kubectl runs the embedded kubectl.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"kubectl", "--kubeconfig", c.kubeconfig}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// awaitExit waits for the end of devcluster and returns its exit code.
func (c *cluster) awaitExit(t *testing.T) int {
	t.Helper()
	select {
	case <-c.exited:
	case <-time.After(waitTimeout):
		t.Fatal("devcluster does not end")
	}
	return c.cmd.ProcessState.ExitCode()
}

// eventually polls for what cannot be watched: processes and files.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitTimeout)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come true that %s", what)
		}
		<-tick.C
	}
}

// processes returns all processes whose command lines mention the text, by their numbers.
func processes(t *testing.T, text string) map[int]string {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(entry)
		if err != nil || len(content) == 0 {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(entry)))
		if err != nil {
			t.Fatal(err)
		}
		if line := strings.ReplaceAll(string(content), "\x00", " "); strings.Contains(line, text) {
			found[pid] = line
		}
	}
	return found
}
