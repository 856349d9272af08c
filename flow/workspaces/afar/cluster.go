// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"context"
	"net"
	"net/url"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/flow/workspaces"
	"trunkline.dev/trunkline/reconciler/reach"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

const (
	// askPath is where deeds are asked for, and dialPath where connections are.
	askPath, dialPath = "/workspaces", "/workspaces/dial"
)

// deed is what an agent is asked for.
type deed string

const (
	doSets    deed = "sets"
	doSet     deed = "set"
	doCreate  deed = "create"
	doChange  deed = "change"
	doRemove  deed = "remove"
	doSecrets deed = "secrets"
	doPod     deed = "pod"
)

// question asks for one deed, with what it takes.
type question struct {
	Do     deed                       `json:"do"`
	As     tunnel.As                  `json:"as"`
	Name   string                     `json:"name,omitempty"`
	Owner  string                     `json:"owner,omitempty"`
	Patch  []byte                     `json:"patch,omitempty"`
	Object *unstructured.Unstructured `json:"object,omitempty"`
}

// answer has what was found or made.
type answer struct {
	Object  *unstructured.Unstructured  `json:"object,omitempty"`
	Objects []unstructured.Unstructured `json:"objects,omitempty"`
}

// Cluster is a cluster that an agent keeps, as the keeper of workspaces sees it. Its methods may be called by any goroutine.
type Cluster struct {
	name string
	to   *reach.Cluster
}

var _ workspaces.Cluster = Cluster{}

// New makes a cluster.
func New(name string, to *reach.Cluster) Cluster { return Cluster{name, to} }

// Name returns the cluster's name.
func (c Cluster) Name() string { return c.name }

func (c Cluster) ask(ctx context.Context, q question) (a answer, err error) {
	err = c.to.Ask(ctx, askPath, q, &a)
	return a, err
}

// Sets implements [workspaces.Cluster].
func (c Cluster) Sets(ctx context.Context) ([]unstructured.Unstructured, error) {
	a, err := c.ask(ctx, question{Do: doSets})
	return a.Objects, err
}

// Set implements [workspaces.Cluster].
func (c Cluster) Set(ctx context.Context, as tunnel.As, name string) (*unstructured.Unstructured, error) {
	a, err := c.ask(ctx, question{Do: doSet, As: as, Name: name})
	return a.Object, err
}

// Create implements [workspaces.Cluster].
func (c Cluster) Create(ctx context.Context, as tunnel.As, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	a, err := c.ask(ctx, question{Do: doCreate, As: as, Object: o})
	return a.Object, err
}

// Change implements [workspaces.Cluster].
func (c Cluster) Change(ctx context.Context, as tunnel.As, name string, patch []byte) error {
	_, err := c.ask(ctx, question{Do: doChange, As: as, Name: name, Patch: patch})
	return err
}

// Remove implements [workspaces.Cluster]. What the agent has to know is which object is meant.
func (c Cluster) Remove(ctx context.Context, as tunnel.As, o *unstructured.Unstructured) error {
	meant := &unstructured.Unstructured{Object: map[string]any{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind()}}
	meant.SetName(o.GetName())
	meant.SetUID(o.GetUID())
	meant.SetResourceVersion(o.GetResourceVersion())
	_, err := c.ask(ctx, question{Do: doRemove, As: as, Name: o.GetName(), Object: meant})
	return err
}

// Secrets implements [workspaces.Cluster].
func (c Cluster) Secrets(ctx context.Context, as tunnel.As, name, owner string) ([]unstructured.Unstructured, error) {
	a, err := c.ask(ctx, question{Do: doSecrets, As: as, Name: name, Owner: owner})
	return a.Objects, err
}

// Pod implements [workspaces.Cluster].
func (c Cluster) Pod(ctx context.Context, as tunnel.As, name string) (*unstructured.Unstructured, error) {
	a, err := c.ask(ctx, question{Do: doPod, As: as, Name: name})
	return a.Object, err
}

// Dial implements [workspaces.Cluster].
func (c Cluster) Dial(ctx context.Context, as tunnel.As, pod string, port int) (net.Conn, error) {
	return c.to.Connect(ctx, dialPath, url.Values{"namespace": {as.Namespace}, "account": {as.Account}, "pod": {pod}, "port": {strconv.Itoa(port)}})
}
