// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/workspace"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

var (
	setsResource    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	secretsResource = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	podsResource    = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

const (
	// callTimeout bounds a request, and atOnce is how many objects one lists.
	callTimeout, atOnce = 30 * time.Second, 500
	fieldManager        = "trunkline"
)

// Cluster is one in which workspaces are. Its methods may be called by any goroutine.
type Cluster interface { //nolint:interfacebloat // it is all that is done there
	Name() string
	// Sets lists the StatefulSets of workspaces, in all namespaces.
	Sets(ctx context.Context) ([]unstructured.Unstructured, error)
	// Set reads a StatefulSet, of a workspace or of a workload; nil if there is none.
	Set(ctx context.Context, as tunnel.As, name string) (*unstructured.Unstructured, error)
	// Create makes a StatefulSet or a Secret of a workspace.
	Create(ctx context.Context, as tunnel.As, o *unstructured.Unstructured) (*unstructured.Unstructured, error)
	// Change changes the StatefulSet of a workspace by a JSON patch.
	Change(ctx context.Context, as tunnel.As, name string, patch []byte) error
	// Remove deletes a StatefulSet, with what is its own, or a Secret, if it is that one still: by its UID, and its version if it has one. One that is not
	// there is as good as removed.
	Remove(ctx context.Context, as tunnel.As, o *unstructured.Unstructured) error
	// Secrets lists the Secrets of a workspace of someone, and those that are left of one of its name.
	Secrets(ctx context.Context, as tunnel.As, name, owner string) ([]unstructured.Unstructured, error)
	// Pod reads the pod of a workspace; nil if there is none. Dial opens a connection to a port of it.
	Pod(ctx context.Context, as tunnel.As, name string) (*unstructured.Unstructured, error)
	Dial(ctx context.Context, as tunnel.As, pod string, port int) (net.Conn, error)
}

// API is the API server of a cluster that is reached from here. [tunnel.Cluster] is one.
type API interface {
	Name() string
	// REST is how it is reached as someone.
	REST(as tunnel.As) (*rest.Config, error)
	// Dial opens a connection to a port of a pod, as someone.
	Dial(ctx context.Context, as tunnel.As, pod string, port int) (net.Conn, error)
}

// Reached is a cluster whose API server is reached.
type Reached struct{ API }

var _ Cluster = Reached{}

// do makes a request about objects of a kind, as someone.
func (c Reached) do(ctx context.Context, as tunnel.As, kind schema.GroupVersionResource, request func(context.Context, dynamic.ResourceInterface) error) error {
	cfg, err := c.REST(as)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("connecting to cluster %q: %w", c.Name(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return request(ctx, client.Resource(kind).Namespace(as.Namespace))
}

// list lists objects as the daemon, which may.
func (c Reached) list(ctx context.Context, namespace string, kind schema.GroupVersionResource, selector string) (all []unstructured.Unstructured, err error) {
	opts := metav1.ListOptions{LabelSelector: selector, Limit: atOnce}
	for {
		err := c.do(ctx, tunnel.As{Namespace: namespace}, kind, func(ctx context.Context, r dynamic.ResourceInterface) error {
			list, err := r.List(ctx, opts)
			if err == nil {
				all = append(all, list.Items...)
				opts.Continue = list.GetContinue()
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("listing %s in cluster %q: %w", kind.Resource, c.Name(), err)
		}
		if opts.Continue == "" {
			return all, nil
		}
	}
}

// found is a workspace as a cluster has it, and how it is reached.
type found struct {
	Workspace

	namespace string
	uid       types.UID
	// version is what of it was seen.
	version string
	// keeps is set if its volume stays when it is deleted.
	keeps bool
	// wanted is set if it is to have a pod, woken and stopped are when it was, and active is when it was used last as far as it was noted.
	wanted         bool
	woken, stopped time.Time
	active         time.Time
	owner          string

	cluster Cluster
	as      tunnel.As
}

// readSet reads a StatefulSet; false if it is no workspace of a person.
func readSet(c Cluster, o *unstructured.Unstructured) (found, bool) {
	labels, notes := o.GetLabels(), o.GetAnnotations()
	if labels[workspace.LabelKind] == "" || labels[workspace.LabelOwner] == "" || labels[plan.RunLabel] != o.GetName() {
		return found{}, false
	}
	at := func(name string) time.Time {
		t, err := time.Parse(time.RFC3339, notes[name])
		if err != nil {
			return time.Time{}
		}
		return t
	}
	f := found{
		Workspace: Workspace{
			Name: o.GetName(), Kind: labels[workspace.LabelKind], Environment: labels[workspace.LabelEnvironment], Project: labels[workspace.LabelProject],
			Workload: labels[workspace.LabelWorkload], Cluster: c.Name(), By: notes[workspace.AnnotationBy], Repository: notes[workspace.AnnotationRepository],
			Branch: notes[workspace.AnnotationBranch], Size: notes[workspace.AnnotationSize], Created: o.GetCreationTimestamp().Time,
		},
		namespace: o.GetNamespace(), uid: o.GetUID(), version: o.GetResourceVersion(), owner: labels[workspace.LabelOwner], cluster: c,
		woken: at(workspace.AnnotationWoken), stopped: at(workspace.AnnotationStopped), active: at(workspace.AnnotationActive),
	}
	replicas, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	f.wanted = replicas > 0 && o.GetDeletionTimestamp() == nil
	becomes, _, _ := unstructured.NestedString(o.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
	f.keeps = becomes == retain
	f.git, _ = strconv.ParseBool(notes[workspace.AnnotationGit])
	f.Used = f.woken
	if f.active.After(f.Used) {
		f.Used = f.active
	}
	return f, true
}

// sets lists the workspaces of a cluster.
func sets(ctx context.Context, c Cluster) (all []found, err error) {
	items, err := c.Sets(ctx)
	for i := range items {
		if f, is := readSet(c, &items[i]); is {
			all = append(all, f)
		}
	}
	return all, err
}

// Sets implements [Cluster].
func (c Reached) Sets(ctx context.Context) ([]unstructured.Unstructured, error) {
	return c.list(ctx, "", setsResource, workspace.LabelKind)
}

// Set implements [Cluster].
func (c Reached) Set(ctx context.Context, as tunnel.As, name string) (*unstructured.Unstructured, error) {
	return c.get(ctx, as, setsResource, "StatefulSet", name)
}

// Pod implements [Cluster].
func (c Reached) Pod(ctx context.Context, as tunnel.As, name string) (*unstructured.Unstructured, error) {
	return c.get(ctx, as, podsResource, "pod", name)
}

func (c Reached) get(ctx context.Context, as tunnel.As, kind schema.GroupVersionResource, what, name string) (out *unstructured.Unstructured, err error) {
	err = c.do(ctx, as, kind, func(ctx context.Context, r dynamic.ResourceInterface) error {
		o, err := r.Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			out = o
		}
		return err
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("reading the %s %s/%s: %w", what, as.Namespace, name, err)
	}
	return out, nil
}

// Create implements [Cluster].
func (c Reached) Create(ctx context.Context, as tunnel.As, o *unstructured.Unstructured) (made *unstructured.Unstructured, err error) {
	err = c.do(ctx, as, resourceOf(o), func(ctx context.Context, r dynamic.ResourceInterface) error {
		made, err = r.Create(ctx, o, metav1.CreateOptions{FieldManager: fieldManager})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("creating the %s %s/%s in cluster %q: %w", o.GetKind(), as.Namespace, o.GetName(), c.Name(), err)
	}
	return made, nil
}

// resourceOf is that of a StatefulSet or a Secret.
func resourceOf(o *unstructured.Unstructured) schema.GroupVersionResource {
	if o.GetKind() == "Secret" {
		return secretsResource
	}
	return setsResource
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// note is the operation that sets an annotation.
func note(name, value string) operation {
	return operation{"add", "/metadata/annotations/" + strings.ReplaceAll(name, "/", "~1"), value}
}

// change changes a workspace, if it is still the same one.
func (f found) change(ctx context.Context, changes ...operation) error {
	patch, err := json.Marshal(append([]operation{{"test", "/metadata/uid", f.uid}}, changes...))
	if err != nil {
		return fmt.Errorf("writing a patch: %w", err)
	}
	return f.cluster.Change(ctx, f.as, f.Name, patch)
}

// Change implements [Cluster].
func (c Reached) Change(ctx context.Context, as tunnel.As, name string, patch []byte) error {
	err := c.do(ctx, as, setsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		_, err := r.Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		return err
	})
	if err != nil {
		return fmt.Errorf("changing the StatefulSet %s/%s: %w", as.Namespace, name, err)
	}
	return nil
}

// retain is what a StatefulSet says of volumes that stay, and remove of those that go.
const retain, remove = "Retain", "Delete"

// keep has the volume of a workspace stay when it is deleted, or go.
func (f found) keep(ctx context.Context, stays bool) error {
	becomes := remove
	if stays {
		becomes = retain
	}
	return f.change(ctx, operation{"replace", "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted", becomes})
}

// remove deletes a workspace with what is its own; with a version, only if it is as it was seen. Its volume goes or stays as its workload declares.
func (f found) remove(ctx context.Context, version string) error {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "StatefulSet"}}
	o.SetNamespace(f.namespace)
	o.SetName(f.Name)
	o.SetUID(f.uid)
	o.SetResourceVersion(version)
	return f.cluster.Remove(ctx, f.as, o)
}

// Remove implements [Cluster].
func (c Reached) Remove(ctx context.Context, as tunnel.As, o *unstructured.Unstructured) error {
	uid, version, background := o.GetUID(), o.GetResourceVersion(), metav1.DeletePropagationBackground
	only := &metav1.Preconditions{UID: &uid}
	if version != "" {
		only.ResourceVersion = &version
	}
	err := c.do(ctx, as, resourceOf(o), func(ctx context.Context, r dynamic.ResourceInterface) error {
		return r.Delete(ctx, o.GetName(), metav1.DeleteOptions{Preconditions: only, PropagationPolicy: &background})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the %s %s/%s: %w", o.GetKind(), as.Namespace, o.GetName(), err)
	}
	return nil
}

// held is what the Secret of a workspace has.
type held struct{ token, username, password string }

// secret reads the Secret of a workspace: what it has, nil if there is none. Another one of its name is left of a workspace before.
func (f found) secret(ctx context.Context) (has *held, left *unstructured.Unstructured, err error) {
	items, err := f.cluster.Secrets(ctx, f.as, f.Name, f.owner)
	if err != nil {
		return nil, nil, err
	}
	for i := range items {
		if items[i].GetName() != f.Name {
			continue
		}
		if owners := items[i].GetOwnerReferences(); len(owners) != 1 || owners[0].UID != f.uid {
			return nil, &items[i], nil
		}
		return &held{decoded(&items[i], workspace.KeyToken), decoded(&items[i], workspace.KeyGitUsername), decoded(&items[i], workspace.KeyGitPassword)}, nil, nil
	}
	return nil, nil, nil
}

// token is what the server of a workspace lets us in by; empty if its Secret is not there.
func (f found) token(ctx context.Context) (string, error) {
	has, _, err := f.secret(ctx)
	if has == nil {
		return "", err
	}
	return has.token, nil
}

// Secrets implements [Cluster].
func (c Reached) Secrets(ctx context.Context, as tunnel.As, name, owner string) ([]unstructured.Unstructured, error) {
	return c.list(ctx, as.Namespace, secretsResource, plan.RunLabel+"="+name+","+workspace.LabelOwner+"="+owner)
}
