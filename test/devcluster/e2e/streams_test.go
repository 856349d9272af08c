// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
)

// testPrograms runs programs that look up processes by their numbers.
func testPrograms(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	const python = `import multiprocessing, os, pathlib

def who(_):
    return os.getpid(), int(pathlib.Path("/proc/self").readlink().name), os.getppid()

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for own, listed, parent in pool.map(who, range(4)):
            assert own == listed and parent == os.getpid(), (own, listed, parent)
    print("pool")
`
	spec := podSpec(corev1.RestartPolicyNever,
		"ps -o pid= -p $$$$ | tr -d ' ' | grep -qx $$$$ && echo ps", "cat >/tmp/who.py <<'EOF'", python+"EOF", "python3 /tmp/who.py")
	c.createPod(t, ns, "programs", spec)
	c.awaitPod(t, ns, "programs", "it has succeeded", phase(corev1.PodSucceeded))
	if diff := cmp.Diff("ps\npool\n", c.kubectl(t, "-n", ns, "logs", "programs")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// runningPod makes a pod that runs a script until it is deleted.
func (c *cluster) runningPod(t *testing.T, name string, script ...string) (ns string) {
	t.Helper()
	ns = c.namespace(t)
	spec := podSpec(corev1.RestartPolicyAlways, script...)
	spec.TerminationGracePeriodSeconds = new(int64(0))
	spec.Containers[0].Env = []corev1.EnvVar{{Name: "COLOUR", Value: "red"}}
	spec.Containers[0].WorkingDir = "/work"
	c.createPod(t, ns, name, spec)
	c.awaitPod(t, ns, name, "it is ready", ready)
	return ns
}

func ready(pod *corev1.Pod) bool {
	return len(pod.Status.ContainerStatuses) > 0 && pod.Status.ContainerStatuses[0].Ready
}

// command is the embedded kubectl with arguments.
func (c *cluster) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), binary, append([]string{"kubectl", "--kubeconfig", c.kubeconfig}, args...)...)
}

func testKubectlExec(t *testing.T, c *cluster) {
	ns := c.runningPod(t, "worker", "touch /tmp/mark; exec sleep 600")
	for _, test := range []struct {
		reason      string
		args        []string
		in          string
		out, errOut string
		code        int
	}{
		{"a command sees the container's files, user, environment and processes", []string{"worker", "--", "sh", "-c", "ls /tmp; id -u; pwd; echo $COLOUR; cat /proc/1/comm"}, "", "mark\n65532\n/work\nred\nsleep\n", "", 0},
		{"output and errors are two streams, and the exit code is the command's", []string{"worker", "--", "sh", "-c", "echo out; echo err >&2; exit 7"}, "", "out\n", "err\ncommand terminated with exit code 7\n", 7},
		{"input reaches the command, and so does its end", []string{"-i", "worker", "--", "tr", "a-z", "A-Z"}, "hello\nworld\n", "HELLO\nWORLD\n", "", 0},
		{"a command that is not there is an error", []string{"worker", "--", "no-such-program"}, "", "", "executable file not found", 1},
		{"a container that is not there is an error", []string{"worker", "-c", "none", "--", "true"}, "", "", "container none", 1},
		{"what is left behind does not hold up the answer", []string{"worker", "--", "sh", "-c", "sleep 500 & echo done"}, "", "done\n", "", 0},
		{"the older protocol works, too", []string{"worker", "--", "echo", "spdy"}, "", "spdy\n", "", 0},
	} {
		t.Run(test.reason, func(t *testing.T) {
			cmd := c.command(t, append([]string{"-n", ns, "exec"}, test.args...)...)
			if strings.Contains(test.reason, "older protocol") {
				cmd.Env = append(os.Environ(), "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false")
			}
			var out, errOut bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(test.in), &out, &errOut
			_ = cmd.Run() // the code is compared
			if diff := cmp.Diff(test.out, out.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if cmd.ProcessState.ExitCode() != test.code || !strings.Contains(errOut.String(), test.errOut) {
				t.Errorf("exit code %d, want %d; errors, which should contain %q:\n%s", cmd.ProcessState.ExitCode(), test.code, test.errOut, &errOut)
			}
		})
	}
}

// sizes hands out the size of a terminal once.
type sizes chan remotecommand.TerminalSize

// Next implements remotecommand.TerminalSizeQueue.
func (s sizes) Next() *remotecommand.TerminalSize {
	size, more := <-s
	if !more {
		return nil
	}
	return &size
}

// testExecByClient runs a command in a terminal, over both protocols, as programs with client-go do.
func testExecByClient(t *testing.T, c *cluster) {
	ns := c.runningPod(t, "worker", "exec sleep 600")
	url := c.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(ns).Name("worker").SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: "main", Stdin: true, Stdout: true, TTY: true,
			// The size comes with a signal, or has come before.
			Command: []string{"sh", "-c", `tty; until test "$(stty size)" = "33 77"; do sleep 0.02; done; stty size; read line; echo "got $line"; exit 3`},
		}, scheme.ParameterCodec).URL()
	for name, dial := range map[string]func() (remotecommand.Executor, error){
		"WebSocket": func() (remotecommand.Executor, error) {
			return remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, url.String())
		},
		"SPDY": func() (remotecommand.Executor, error) {
			return remotecommand.NewSPDYExecutor(rest.CopyConfig(c.config), http.MethodPost, url)
		},
	} {
		t.Run(name, func(t *testing.T) {
			executor, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			size := make(sizes, 1)
			size <- remotecommand.TerminalSize{Width: 77, Height: 33}
			defer close(size)
			var out bytes.Buffer
			in, write := io.Pipe()
			defer write.Close()
			go func() { _, _ = io.WriteString(write, "a line\n") }()
			err = executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdin: in, Stdout: &out, Tty: true, TerminalSizeQueue: size})
			var exit utilexec.CodeExitError
			if !errors.As(err, &exit) || exit.Code != 3 {
				t.Errorf("end of the command: %v", err)
			}
			// What is typed is shown as soon as it comes.
			got := strings.Replace(strings.ReplaceAll(out.String(), "\r", ""), "a line\n", "", 1)
			if !strings.HasPrefix(got, "/dev/pts/") || !strings.HasSuffix(got, "\n33 77\ngot a line\n") {
				t.Errorf("output: %q", out.String())
			}
		})
	}
}

func testAttach(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyNever, "while read line; do echo \"got $line\"; done; echo end")
	spec.Containers[0].Stdin, spec.Containers[0].StdinOnce = true, true
	c.createPod(t, ns, "reader", spec)
	c.awaitPod(t, ns, "reader", "it is ready", ready)
	cmd := c.command(t, "-n", ns, "attach", "-i", "--quiet", "reader")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for _, text := range []string{"one", "two"} {
		if _, err := io.WriteString(in, text+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || lines.Text() != "got "+text {
			t.Errorf("after %q: %q, %v", text, lines.Text(), lines.Err())
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "end" {
		t.Errorf("after the end of the input: %q, %v", lines.Text(), lines.Err())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	c.awaitPod(t, ns, "reader", "it has succeeded", phase(corev1.PodSucceeded))
	if diff := cmp.Diff("got one\ngot two\nend\n", c.kubectl(t, "-n", ns, "logs", "reader")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// testTerminal gives a container a terminal that it finds by its name.
func testTerminal(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyNever, "tty; test -t 0 && test -t 1 && test -t 2 && echo terminal")
	spec.Containers[0].Stdin, spec.Containers[0].TTY = true, true
	c.createPod(t, ns, "terminal", spec)
	c.awaitPod(t, ns, "terminal", "it has succeeded", phase(corev1.PodSucceeded))
	if diff := cmp.Diff("/dev/pts/0\r\nterminal\r\n", c.kubectl(t, "-n", ns, "logs", "terminal")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func testCopy(t *testing.T, c *cluster) {
	ns := c.runningPod(t, "worker", "exec sleep 600")
	dir := t.TempDir()
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // a megabyte: more than any buffer
	if err := os.WriteFile(filepath.Join(dir, "up"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	c.kubectl(t, "-n", ns, "cp", filepath.Join(dir, "up"), "worker:/tmp/there")
	c.kubectl(t, "-n", ns, "exec", "worker", "--", "mv", "/tmp/there", "/tmp/again")
	c.kubectl(t, "-n", ns, "cp", "worker:/tmp/again", filepath.Join(dir, "down"))
	got, err := os.ReadFile(filepath.Join(dir, "down"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content, got) {
		t.Errorf("%d bytes went there, %d came back", len(content), len(got))
	}
}

// testPortForward reaches a server that listens on the pod's address.
func testPortForward(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyAlways, "cd /tmp; echo from the pod >index.html; exec python3 -m http.server --bind $(POD_IP) 8080")
	spec.Containers[0].Env = []corev1.EnvVar{{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}}}
	spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: port(8080)}}, PeriodSeconds: 1}
	c.createPod(t, ns, "web", spec)
	c.awaitPod(t, ns, "web", "it is ready", ready)
	c.fetchForwarded(t, ns, "pod/web", "8080", "from the pod\n")
}

// fetchForwarded fetches / twice through kubectl port-forward, on connections of their own.
func (c *cluster) fetchForwarded(t *testing.T, ns, what, port, want string) {
	t.Helper()
	cmd := c.command(t, "-n", ns, "port-forward", "--address=127.0.0.1", what, ":"+port)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // by the signal
	}()
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatalf("port-forward says nothing: %s", &errOut)
	}
	// "Forwarding from 127.0.0.1:41233 -> 8080"
	address, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "Forwarding from "), " ")
	if _, _, err := net.SplitHostPort(address); err != nil {
		t.Fatalf("port-forward says %q", lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: waitTimeout}
	for range 2 {
		response, err := client.Get("http://" + address + "/")
		if err != nil {
			t.Fatalf("%v: %s", err, &errOut)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(body)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	}
}
