// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"io"
	"net/http"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// idleTimeout is how long a connection may be silent: the kubelet's default.
const idleTimeout = 4 * time.Hour

// runningPod is what can be done with a pod that runs.
type runningPod interface {
	// Exec runs a command in a container.
	Exec(ctx context.Context, container string, command []string, s streams) error
	// Attach joins the container's own input and output.
	Attach(ctx context.Context, container string, s streams) error
	// Forward joins a connection with a port of the pod.
	Forward(ctx context.Context, port int32, stream io.ReadWriteCloser) error
}

// streams are those of someone's terminal. Those that were not asked for are nil.
type streams struct {
	in     io.Reader
	out    io.WriteCloser
	errs   io.WriteCloser
	tty    bool
	resize <-chan remotecommand.TerminalSize
}

// streamServer answers requests for exec, attach and port-forward.
type streamServer struct{ rt runtime }

func (s streamServer) exec(w http.ResponseWriter, r *http.Request) {
	s.command(w, r, func(pod runningPod, options *remotecommand.Options) {
		remotecommand.ServeExec(w, r, podStreams{pod}, r.PathValue("pod"), "", r.PathValue("container"), r.URL.Query()["command"], options,
			idleTimeout, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	})
}

func (s streamServer) attach(w http.ResponseWriter, r *http.Request) {
	s.command(w, r, func(pod runningPod, options *remotecommand.Options) {
		remotecommand.ServeAttach(w, r, podStreams{pod}, r.PathValue("pod"), "", r.PathValue("container"), options,
			idleTimeout, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
	})
}

func (s streamServer) command(w http.ResponseWriter, r *http.Request, do func(runningPod, *remotecommand.Options)) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pod, err := s.rt.Pod(r.PathValue("namespace"), r.PathValue("pod"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	do(pod, options)
}

func (s streamServer) portForward(w http.ResponseWriter, r *http.Request) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pod, err := s.rt.Pod(r.PathValue("namespace"), r.PathValue("pod"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	portforward.ServePortForward(w, r, podStreams{pod}, r.PathValue("pod"), "", options,
		idleTimeout, remotecommand.DefaultStreamCreationTimeout, portforward.SupportedProtocols)
}

// podStreams is a pod as the kubelet's libraries want it.
type podStreams struct{ pod runningPod }

// ExecInContainer implements remotecommand.Executor.
func (p podStreams) ExecInContainer(ctx context.Context, _, _, container string, command []string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	return p.pod.Exec(ctx, container, command, streams{in, out, errs, tty, resize})
}

// AttachContainer implements remotecommand.Attacher.
func (p podStreams) AttachContainer(ctx context.Context, _, _, container string, in io.Reader, out, errs io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize) error {
	return p.pod.Attach(ctx, container, streams{in, out, errs, tty, resize})
}

// PortForward implements portforward.PortForwarder.
func (p podStreams) PortForward(ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	return p.pod.Forward(ctx, port, stream)
}
