// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	api "trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/flow/workspaces"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/workspace"
	"trunkline.dev/trunkline/reconciler/reach"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

// maxQuestion bounds a question, in bytes: objects have their bound in the cluster.
const maxQuestion = 4 << 20

var (
	// errOthers is why something is not done that is no workspace's.
	errOthers = fmt.Errorf("%w: it is no workspace of a person", tunnel.ErrForbidden)
	// errKept is why nothing is done at an agent that does not keep the cluster.
	errKept = errors.New("it does not keep the cluster at the moment")
)

// Hands do to workspaces what the daemon asks for.
type Hands struct {
	cluster workspaces.Cluster
	kept    func() map[tunnel.As]bool
	begin   func(context.Context) (running context.Context, done func(), ok bool)
	log     *slog.Logger
}

// NewHands makes hands. The first function returns where and as whom releases are deployed that the agent keeps. Whatever they do begins with the second one,
// which reports whether the agent keeps the cluster, and ends when it does not any more.
func NewHands(c workspaces.Cluster, kept func() map[tunnel.As]bool, begin func(context.Context) (context.Context, func(), bool), log *slog.Logger) *Hands {
	return &Hands{c, kept, begin, log}
}

// Register has a gate lead to the hands.
func (h *Hands) Register(g *reach.Gate) {
	g.Handle("POST "+askPath, http.HandlerFunc(h.answer))
	g.Handle("POST "+dialPath, http.HandlerFunc(h.dial))
}

func (h *Hands) answer(w http.ResponseWriter, r *http.Request) {
	var q question
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion)).Decode(&q); err != nil {
		reach.Refuse(w, fmt.Errorf("reading what the daemon asks for: %w", err))
		return
	}
	running, done, ok := h.begin(r.Context())
	if !ok {
		reach.Refuse(w, errKept)
		return
	}
	defer done()
	a, err := h.do(running, q)
	if err != nil {
		h.log.Warn("what the daemon asks for of a workspace is not done", "do", string(q.Do), "namespace", q.As.Namespace, "name", q.Name, "err", err.Error())
		reach.Refuse(w, err)
		return
	}
	data, err := json.Marshal(a)
	if err != nil {
		reach.Refuse(w, fmt.Errorf("writing an answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // who asked may be gone
}

// do does one deed.
func (h *Hands) do(ctx context.Context, q question) (a answer, err error) {
	if q.Do == doSets {
		a.Objects, err = h.sets(ctx)
		return a, err
	}
	if err := h.allowed(q.As); err != nil {
		return a, err
	}
	switch q.Do {
	case doSet:
		a.Object, err = h.cluster.Set(ctx, q.As, q.Name)
	case doCreate:
		if !creatable(q.As, q.Object) {
			return a, errOthers
		}
		a.Object, err = h.cluster.Create(ctx, q.As, q.Object)
	case doChange:
		if _, err = h.workspace(ctx, q.As, q.Name); err == nil {
			err = h.cluster.Change(ctx, q.As, q.Name, q.Patch)
		}
	case doRemove:
		if err = h.removable(ctx, q); err == nil {
			err = h.cluster.Remove(ctx, q.As, q.Object)
		}
	case doSecrets:
		a.Objects, err = h.secrets(ctx, q)
	case doPod:
		if _, err = h.workspace(ctx, q.As, of(q.Name)); err == nil {
			a.Object, err = h.cluster.Pod(ctx, q.As, q.Name)
		}
	default:
		err = fmt.Errorf("this agent does not know what %q is", q.Do)
	}
	return a, err
}

// allowed returns why nothing is done in a namespace as an account; nil if a release is deployed so.
func (h *Hands) allowed(as tunnel.As) error {
	if !h.kept()[as] {
		return fmt.Errorf("%w: the agent keeps no release in the namespace %q that the account %q deploys", tunnel.ErrForbidden, as.Namespace, as.Account)
	}
	return nil
}

// isWorkspace reports whether a StatefulSet is the workspace of a person.
func isWorkspace(o *unstructured.Unstructured) bool {
	labels := o.GetLabels()
	return api.Is(labels[workspace.LabelKind]) && labels[workspace.LabelOwner] != "" && labels[plan.RunLabel] == o.GetName()
}

// creatable reports whether an object is one that a workspace consists of, and no other's.
func creatable(as tunnel.As, o *unstructured.Unstructured) bool {
	if o == nil || o.GetNamespace() != as.Namespace || !isWorkspace(o) {
		return false
	}
	return o.GetAPIVersion() == "apps/v1" && o.GetKind() == "StatefulSet" || o.GetAPIVersion() == "v1" && o.GetKind() == "Secret"
}

// workspace reads the StatefulSet of a workspace.
func (h *Hands) workspace(ctx context.Context, as tunnel.As, name string) (*unstructured.Unstructured, error) {
	o, err := h.cluster.Set(ctx, as, name)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return nil, fmt.Errorf("%w: there is no workspace %s/%s", tunnel.ErrNotThere, as.Namespace, name)
	case !isWorkspace(o):
		return nil, errOthers
	}
	return o, nil
}

// sets lists workspaces where releases are that the agent keeps.
func (h *Hands) sets(ctx context.Context) ([]unstructured.Unstructured, error) {
	namespaces := map[string]bool{}
	for as := range h.kept() {
		namespaces[as.Namespace] = true
	}
	all, err := h.cluster.Sets(ctx)
	return slices.DeleteFunc(all, func(o unstructured.Unstructured) bool { return !namespaces[o.GetNamespace()] }), err
}

// removable returns why an object is not removed; nil if it is a workspace, or the Secret of one, or of one before it.
func (h *Hands) removable(ctx context.Context, q question) error {
	o := q.Object
	if o == nil || o.GetName() != q.Name || o.GetUID() == "" {
		return errOthers
	}
	set, err := h.workspace(ctx, q.As, q.Name)
	if err != nil || o.GetKind() == "StatefulSet" {
		return err
	}
	all, err := h.cluster.Secrets(ctx, q.As, q.Name, set.GetLabels()[workspace.LabelOwner])
	if err != nil {
		return err
	}
	if o.GetKind() != "Secret" || !slices.ContainsFunc(all, func(s unstructured.Unstructured) bool { return s.GetName() == q.Name && s.GetUID() == o.GetUID() }) {
		return errOthers
	}
	return nil
}

// secrets lists those of a workspace. What one has is shown only if it belongs to the workspace by more than what it says of itself: another one may be
// left of a workspace before.
func (h *Hands) secrets(ctx context.Context, q question) ([]unstructured.Unstructured, error) {
	set, err := h.workspace(ctx, q.As, q.Name)
	if err != nil {
		return nil, err
	}
	all, err := h.cluster.Secrets(ctx, q.As, q.Name, q.Owner)
	all = slices.DeleteFunc(all, func(o unstructured.Unstructured) bool { return o.GetName() != q.Name })
	for i := range all {
		if owners := all[i].GetOwnerReferences(); len(owners) != 1 || owners[0].UID != set.GetUID() {
			unstructured.RemoveNestedField(all[i].Object, "data")
		}
	}
	return all, err
}

// of is the workspace that a pod is of.
func of(pod string) string { return strings.TrimSuffix(pod, "-0") }

// dial passes a connection on to the server of a workspace.
func (h *Hands) dial(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	as, pod := tunnel.As{Namespace: v.Get("namespace"), Account: v.Get("account")}, v.Get("pod")
	port, err := strconv.Atoi(v.Get("port"))
	if err == nil {
		err = h.allowed(as)
	}
	if err == nil {
		var set *unstructured.Unstructured
		if set, err = h.workspace(r.Context(), as, of(pod)); err == nil && api.Port(set.GetLabels()[workspace.LabelKind]) != port {
			err = errOthers
		}
	}
	if err != nil {
		h.log.Warn("the daemon does not reach a workspace", "namespace", as.Namespace, "pod", pod, "err", err.Error())
		reach.Refuse(w, err)
		return
	}
	conn, err := h.cluster.Dial(r.Context(), as, pod, port)
	if err != nil {
		reach.Refuse(w, err)
		return
	}
	if err := reach.Pass(w, r, conn); err != nil {
		h.log.Debug("a connection to a workspace has ended", "namespace", as.Namespace, "pod", pod, "err", err.Error())
	}
}
