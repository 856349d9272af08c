// SPDX-License-Identifier: Apache-2.0

package dryrun

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/secrets"
)

// writer is the [apply.Writer] of a dry run: it remembers what the API server says the object would be.
type writer struct {
	*cluster.Actor

	after *unstructured.Unstructured
}

var _ apply.Writer = (*writer)(nil)

// Apply has the API server try it.
func (w *writer) Apply(ctx context.Context, o *unstructured.Unstructured, how cluster.Applying) (cluster.Live, error) {
	after, err := w.DryRun(ctx, o, how)
	w.after = after
	return cluster.Live{}, err
}

// Delete does nothing: what is deleted is shown as it is.
func (w *writer) Delete(context.Context, plan.Ref, types.UID) error { return nil }

// sealedSecrets leaves what is encrypted as it is: it is not compared.
type sealedSecrets struct{}

func (sealedSecrets) Open(_ context.Context, _ secrets.Release, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return o, nil
}

// writers are those as whom a release would be changed.
type writers struct {
	own, account *cluster.Actor
	// missing says why there is no account, and note what people should know of how it was tried.
	missing error
	note    string
}

// of returns who would take a step.
func (w writers) of(s plan.Step) (*cluster.Actor, error) {
	if s.Origin == plan.Platform || w.account == nil {
		return w.own, nil
	}
	return w.account, w.missing
}

// writers returns those of the release, as the daemon has them. An account that this very change would create cannot be tried as,
// and neither can one by someone who may not impersonate it: then it is tried with the rights of who asks, and said.
func (r release) writers(ctx context.Context, steps []plan.Step) (w writers, err error) {
	access, _ := r.in.Head.Catalog.Access(r.id)
	namespace := r.namespace()
	scope := plan.Scope{
		Namespace: namespace, Account: access.Account, ClusterScoped: access.ClusterScoped, Namespaces: access.Namespaces, System: catalog.SystemNamespace,
	}
	if w.own, err = r.conn.As(cluster.Daemon(), scope); err != nil || access.Account == "" {
		return w, err
	}
	for _, s := range steps {
		if s.Action == plan.Create && s.Ref.Kind == "ServiceAccount" && s.Ref.Name == access.Account && s.Ref.Namespace == namespace {
			w.note = "tried with your own rights: the account " + access.Account + " is not there yet"
			return w, nil
		}
	}
	identity, missing := cluster.ServiceAccount(namespace, access.Account)
	if missing != nil {
		w.account, w.missing = w.own, missing
		return w, nil //nolint:nilerr // what is the platform's own can still be tried
	}
	if w.account, err = r.conn.As(identity, scope); err != nil {
		return w, err
	}
	if access.Role == "" {
		w.missing = w.account.CheckAccount(ctx)
	}
	return w, nil
}

// namespace returns that of the release.
func (r release) namespace() string {
	if p, ok := r.in.Head.Catalog.Project(r.id.Project); ok && !r.removed {
		return r.in.Head.Catalog.Release(p, r.id).Namespace
	}
	return r.inventory.Namespace
}

// notImpersonated reports whether who asks may not act as the account.
func notImpersonated(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && apierrors.IsForbidden(err) && strings.Contains(status.Status().Message, "cannot impersonate")
}

// Fate implements [apply.Moves]; what a release would delete is shown as that.
func (r release) Fate(plan.Ref) (taker string, undecided bool) { return "", false }

// Settled implements [apply.Moves]: both sides are rendered.
func (r release) Settled() bool { return true }

// Owner implements [apply.Moves]: another release has let go of an object if the head does not declare it there.
func (r release) Owner(applySet string, ref plan.Ref) (string, bool) {
	for id, inv := range r.recordedAll {
		if inv.ApplySet() != applySet {
			continue
		}
		for _, o := range r.in.Head.Releases[id].Objects {
			if plan.RefOf(o) == ref {
				return id.String(), false
			}
		}
		return id.String(), true
	}
	return "", false
}
