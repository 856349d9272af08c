// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/reconciler/cluster"
)

var (
	jobsResource  = batchv1.SchemeGroupVersion.WithResource("jobs")
	cronsResource = batchv1.SchemeGroupVersion.WithResource("cronjobs")
	podsResource  = corev1.SchemeGroupVersion.WithResource("pods")
)

// callTimeout bounds a request.
const callTimeout = 30 * time.Second

// Cluster is one cluster. Its methods may be called by any goroutine.
type Cluster struct {
	name   string
	config func() (*rest.Config, error)
	log    *slog.Logger

	mu      sync.Mutex
	read    *rest.Config
	clients map[string]reach // by account
}

// New makes a cluster without connecting to it. The function reads how it is reached; it is called again when credentials are refused.
func New(name string, config func() (*rest.Config, error), log *slog.Logger) *Cluster {
	return &Cluster{name: name, config: config, log: log}
}

// Name returns the cluster's name.
func (c *Cluster) Name() string { return c.name }

// As is as whom something is done: the account of a release's namespace, or the daemon with its own rights if it is empty.
type As struct{ Namespace, Account string }

// reach is how a cluster is reached: rest is for what is no object, such as a log, and follow for a log that goes on.
type reach struct {
	dynamic.Interface

	rest, follow rest.Interface
}

// reach returns the clients of an account.
func (c *Cluster) reach(as As) (reach, error) {
	user := ""
	if as.Account != "" {
		identity, err := cluster.ServiceAccount(as.Namespace, as.Account)
		if err != nil {
			return reach{}, err
		}
		user = identity.String()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, ok := c.clients[user]; ok {
		return client, nil
	}
	if c.read == nil {
		cfg, err := c.config()
		if err != nil {
			return reach{}, err
		}
		c.read, c.clients = cfg, map[string]reach{}
	}
	cfg := rest.CopyConfig(c.read)
	if user != "" {
		cfg.Impersonate = rest.ImpersonationConfig{UserName: user}
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return reach{}, fmt.Errorf("connecting to cluster %q: %w", c.name, err)
	}
	long := rest.CopyConfig(cfg)
	long.Timeout = logTimeout // otherwise a client of discovery has a shorter one
	other, err := discovery.NewDiscoveryClientForConfig(long)
	if err != nil {
		return reach{}, fmt.Errorf("connecting to cluster %q: %w", c.name, err)
	}
	longest := rest.CopyConfig(cfg)
	longest.Timeout = followTimeout
	follow, err := discovery.NewDiscoveryClientForConfig(longest)
	if err != nil {
		return reach{}, fmt.Errorf("connecting to cluster %q: %w", c.name, err)
	}
	c.clients[user] = reach{client, other.RESTClient(), follow.RESTClient()}
	return c.clients[user], nil
}

// forget has the configuration read again.
func (c *Cluster) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.clients = nil, nil
}

// do makes a request about objects of a kind.
func (c *Cluster) do(ctx context.Context, as As, kind schema.GroupVersionResource, request func(context.Context, dynamic.ResourceInterface) error) error {
	client, err := c.reach(as)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = request(ctx, client.Resource(kind).Namespace(as.Namespace))
	if apierrors.IsUnauthorized(err) {
		c.forget()
	}
	return err
}

// Create makes a Job. One of its name that is there already is the same: names are deterministic.
func (c *Cluster) Create(ctx context.Context, as As, o Order) error {
	err := c.do(ctx, as, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		_, err := r.Create(ctx, build(o), metav1.CreateOptions{FieldManager: cluster.FieldManager})
		return err
	})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating the Job %s/%s in cluster %q: %w", as.Namespace, o.Name, c.name, err)
	}
	return nil
}

// Settle notes at a Job what came of it. One that is gone needs no note.
func (c *Cluster) Settle(ctx context.Context, as As, j Job, outcome string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": j.UID, "annotations": map[string]string{annotationOutcome: outcome},
	}})
	if err != nil {
		return fmt.Errorf("writing a patch: %w", err)
	}
	err = c.do(ctx, as, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		_, err := r.Patch(ctx, j.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: cluster.FieldManager})
		return err
	})
	return unlessGone(err, "noting what came of the Job "+j.Namespace+"/"+j.Name)
}

// Delete removes a Job with its pods.
func (c *Cluster) Delete(ctx context.Context, as As, j Job) error {
	background := metav1.DeletePropagationBackground
	err := c.do(ctx, as, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		return r.Delete(ctx, j.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &j.UID}, PropagationPolicy: &background,
		})
	})
	return unlessGone(err, "deleting the Job "+j.Namespace+"/"+j.Name)
}

// ErrUnanswered means that a cluster could not be asked, or did not answer, for now: what was asked for may have been done.
var ErrUnanswered = errors.New("the cluster does not answer")

// Transient reports whether an error says that an API server does not answer, or has too much to do, for now: what was asked for may have been
// done. That it says no, or that credentials are wrong, is none.
func Transient(err error) bool {
	if errors.Is(err, ErrUnanswered) {
		return true
	}
	var status apierrors.APIStatus // which is no error by itself, so that it has to be found by a variable
	if errors.As(err, &status) {
		code := status.Status().Code
		return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError && code != http.StatusNotImplemented
	}
	_, unanswered := errors.AsType[*url.Error](err)
	return unanswered
}

// unlessGone is an error, unless it says that the object is not there, or another one of its name is.
func unlessGone(err error, doing string) error {
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
