// SPDX-License-Identifier: Apache-2.0

package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

// Kept is a release that the agent keeps: where, as whom, and what it declares.
type Kept struct {
	Namespace, Account string
	Objects            []*unstructured.Unstructured
}

// pods are reached: a [tunnel.Cluster] outside of tests.
type pods interface {
	DialService(ctx context.Context, as tunnel.As, service, port string) (net.Conn, error)
	Secret(ctx context.Context, as tunnel.As, name, key string) (string, error)
}

// Gate is at the agent, and answers what the daemon asks for. It lets through to ports of Services of releases that the agent was told to keep, as the
// accounts of these, and to nothing else.
type Gate struct {
	pods pods
	kept func(catalog.ReleaseID) (Kept, error)
	log  *slog.Logger
	now  func() time.Time
	mux  http.ServeMux
}

// NewGate makes a gate. The function returns a release that the agent keeps, or why it keeps none of that name.
func NewGate(to *tunnel.Cluster, kept func(catalog.ReleaseID) (Kept, error), log *slog.Logger, now func() time.Time) *Gate {
	return newGate(to, kept, log, now)
}

func newGate(to pods, kept func(catalog.ReleaseID) (Kept, error), log *slog.Logger, now func() time.Time) *Gate {
	g := &Gate{pods: to, kept: kept, log: log, now: now}
	g.mux.HandleFunc("POST "+dialPath, g.dial)
	g.mux.HandleFunc("POST "+tokenPath, g.token)
	return g
}

// ServeHTTP implements [http.Handler].
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// Handle has the gate answer something else, which decides for itself what it lets through.
func (g *Gate) Handle(pattern string, h http.Handler) { g.mux.Handle(pattern, h) }

// refuse answers why something is not let through.
func (g *Gate) refuse(ctx context.Context, w http.ResponseWriter, what string, err error) {
	level := slog.LevelDebug // what is not there yet is asked for again and again
	if errors.Is(err, tunnel.ErrForbidden) {
		level = slog.LevelWarn
	}
	g.log.Log(ctx, level, "the daemon does not reach what it asks for", "what", what, "err", err.Error())
	Refuse(w, err)
}

// Refuse answers why something is not done.
func Refuse(w http.ResponseWriter, err error) {
	http.Error(w, oneLine(err.Error()), statusOf(err))
}

// allowed returns as whom a port of a Service is reached, if a release declares it.
func (g *Gate) allowed(id catalog.ReleaseID, service, port string) (tunnel.As, error) {
	k, err := g.kept(id)
	if err != nil {
		return tunnel.As{}, fmt.Errorf("%w: %w", tunnel.ErrNotThere, err)
	}
	for _, o := range k.Objects {
		if o.GroupVersionKind() != corev1.SchemeGroupVersion.WithKind("Service") || o.GetName() != service || o.GetNamespace() != k.Namespace {
			continue
		}
		var s corev1.Service
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &s); err != nil {
			return tunnel.As{}, fmt.Errorf("%w: reading the Service %s that %s declares: %w", tunnel.ErrNotThere, service, id, err)
		}
		if slices.ContainsFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == port || fmt.Sprint(p.Port) == port }) {
			return tunnel.As{Namespace: k.Namespace, Account: k.Account}, nil
		}
	}
	return tunnel.As{}, fmt.Errorf("%w: %s declares no port %q of a Service %q", tunnel.ErrNotThere, id, port, service)
}

// dial passes a connection on.
func (g *Gate) dial(w http.ResponseWriter, r *http.Request) {
	to := toOf(r.URL.Query())
	what := to.Release.String() + " " + to.Service + ":" + to.Port
	as, err := g.allowed(to.Release, to.Service, to.Port)
	if err != nil {
		g.refuse(r.Context(), w, what, err)
		return
	}
	pod, err := g.pods.DialService(r.Context(), as, to.Service, to.Port)
	if err != nil {
		g.refuse(r.Context(), w, what, err)
		return
	}
	g.log.Debug("the daemon is passed on", "what", what)
	if err := Pass(w, r, pod); err != nil {
		g.log.Debug("a connection of the daemon has ended", "what", what, "err", err.Error())
	}
}

// Pass passes on a connection to the one who has asked for it by [Cluster.Connect], and closes it. An error is why it did not end in order.
func Pass(w http.ResponseWriter, r *http.Request, pod net.Conn) error {
	w.Header().Set("Trailer", whyTrailer)
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // who asked may have to begin
	if err := pass(w, r, pod); err != nil && r.Context().Err() == nil {
		w.Header().Set(whyTrailer, oneLine(err.Error()))
		return err
	}
	return nil
}

// pass passes on what is sent in both directions, until the pod ends, or the daemon does not want any more. It closes the connection.
func pass(w http.ResponseWriter, r *http.Request, pod net.Conn) error {
	var failed error
	ended, first := make(chan struct{}), false
	go func() {
		defer close(ended)
		failed = send(pod, r.Body)
	}()
	_, err := io.Copy(&flushed{w, http.NewResponseController(w)}, pod)
	select {
	case <-ended:
		first = true
	default:
	}
	_ = pod.Close()
	_ = r.Body.Close() // what is not read of it would be waited for
	if <-ended; err != nil && first && failed != nil {
		return failed
	}
	return err
}

// send sends the pod all that there is. A pod that does not get it all gets no chance to answer.
func send(pod net.Conn, all io.Reader) error {
	_, err := io.Copy(pod, all)
	if half, can := pod.(interface{ CloseWrite() error }); err == nil && can {
		err = half.CloseWrite()
	}
	if err != nil {
		_ = pod.Close()
	}
	return err
}

// flushed sends at once what is written: the one who waits for it may send nothing before.
type flushed struct {
	w       io.Writer
	control *http.ResponseController
}

// Write implements [io.Writer].
func (f *flushed) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.control.Flush()
}

// roles are those that Airflow has.
var roles = []airflow.Role{airflow.Viewer, airflow.User, airflow.Op, airflow.Admin}

// token makes one by the key of an Airflow, for as long as such a token is good.
func (g *Gate) token(w http.ResponseWriter, r *http.Request) {
	e := entranceOf(r.URL.Query())
	what := e.Release.String() + " " + e.Workload
	token, err := g.entrance(r.Context(), e)
	if err != nil {
		g.refuse(r.Context(), w, what, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, token) //nolint:gosec // it is no page; and who asked may be gone
}

func (g *Gate) entrance(ctx context.Context, e Entrance) (string, error) {
	if !slices.Contains(roles, e.Role) || e.Subject == "" {
		return "", fmt.Errorf("%w: nobody enters Airflow as %q with the role %q", tunnel.ErrForbidden, e.Subject, e.Role)
	}
	as, err := g.allowed(e.Release, e.Workload, catalog.AirflowPort)
	if err != nil {
		return "", err
	}
	key, err := g.pods.Secret(ctx, as, catalog.AirflowKeys(e.Workload), catalog.AirflowKey)
	if err != nil {
		return "", err
	}
	return airflow.Token(key, e.Subject, e.Role, g.now())
}
