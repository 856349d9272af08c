// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"trunkline.dev/trunkline/test/devcluster/node/container"
	"trunkline.dev/trunkline/test/devcluster/node/gateway"
)

// networkFiles are what a container finds names by: where it sees them, and what they are called in the pod's folder.
var networkFiles = []string{"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"}

// openNetwork makes the pod's own network where it has one. The caller calls closeNetwork at the end.
func (w *podWorker) openNetwork() (closeNetwork func(), err error) {
	if w.rt.network == nil || w.pod.Spec.HostNetwork {
		return func() {}, nil
	}
	if w.network, err = w.rt.network.Add(w.number, w.state.ip); err != nil {
		return nil, err
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "localhost"
	}
	order, err := os.ReadFile("/etc/nsswitch.conf")
	if err != nil {
		order = nil // then there is only what we say
	}
	for path, content := range map[string]string{
		"/etc/hosts": fmt.Sprintf("127.0.0.1\tlocalhost\n::1\tlocalhost\n%s\t%s %s\n", w.state.ip, w.pod.Name, machine),
		"/etc/resolv.conf": fmt.Sprintf("search %s.svc.cluster.local svc.cluster.local cluster.local\nnameserver %s\noptions ndots:5\n",
			w.pod.Namespace, gateway.DNS),
		"/etc/nsswitch.conf": lookUpOrder(string(order)),
	} {
		if err := os.WriteFile(w.networkFile(path), []byte(content), 0o644); err != nil { //nolint:gosec // as everywhere
			w.network.Close()
			return nil, fmt.Errorf("writing %s of a pod: %w", path, err)
		}
	}
	return w.network.Close, nil
}

func (w *podWorker) networkFile(path string) string {
	return filepath.Join(w.dir, "etc-"+filepath.Base(path))
}

// lookUpOrder has hosts looked up in files and DNS alone: what else the machine asks is not in the pod's network.
func lookUpOrder(machine string) string {
	var lines []string
	for line := range strings.Lines(machine) {
		if !strings.HasPrefix(strings.TrimSpace(line), "hosts:") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return strings.Join(append(lines, "hosts: files dns"), "\n") + "\n"
}

// networkMounts show a container what it finds names by.
func (w *podWorker) networkMounts() []container.Mount {
	var mounts []container.Mount
	for _, path := range networkFiles {
		mounts = append(mounts, container.Mount{Path: path, Source: w.networkFile(path)})
	}
	return mounts
}

// networkNamespace is for the containers to run in, nil for the machine's.
func (w *podWorker) networkNamespace() *os.File {
	if w.network == nil {
		return nil
	}
	return w.network.Namespace()
}

// networkEnv leads in-cluster clients to the API server's address in the cluster.
func networkEnv() map[string]string {
	return map[string]string{
		"KUBERNETES_SERVICE_HOST": gateway.APIServer, "KUBERNETES_SERVICE_PORT": "443", "KUBERNETES_SERVICE_PORT_HTTPS": "443",
		"KUBERNETES_PORT": "tcp://" + net.JoinHostPort(gateway.APIServer, "443"),
	}
}

// dial connects as from within the pod.
func (w *podWorker) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if w.network == nil {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return w.network.Dial(ctx, address)
}

// dialLocal connects to a server in the pod, at its loopback interface or its own address.
func (w *podWorker) dialLocal(ctx context.Context, port string) (net.Conn, error) {
	hosts := []string{w.state.ip, hostIP} // in the machine's network, what is at 127.0.0.1 may be another's
	if w.network != nil {
		hosts = []string{hostIP, "::1", w.state.ip}
	}
	var failed []error
	for _, host := range hosts {
		conn, err := w.dial(ctx, "tcp", net.JoinHostPort(host, port))
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}
