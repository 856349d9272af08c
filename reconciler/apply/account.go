// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// writers are those as whom a release is changed: what is the platform's own as the daemon itself, everything else as the
// account.
type writers struct {
	own, account Writer
	namespace    string
	// name is that of the account; empty if it is the daemon.
	name string
	// provided is set if the daemon makes the account.
	provided bool
	// missing says why there is no account; nil if there is one.
	missing error
}

// writers returns those for a run. When the environment is not declared any more, the account is the one of the last run, which
// the inventory knows: what an account has created is not deleted with other rights than its own.
func (x *Executor) writersFor(conn Conn, namespace string, a release.Access, inv cluster.Inventory) (writers, error) {
	w := writers{namespace: namespace, name: a.Account, provided: a.Role != ""}
	if !a.Declared {
		w.name = inv.Account
		if w.name == "" {
			w.name = x.opts.DefaultAccount
		}
	}
	scope := plan.Scope{
		Namespace: namespace, Account: w.name, ClusterScoped: a.ClusterScoped, Namespaces: a.Namespaces, System: catalog.SystemNamespace,
	}
	var err error
	if w.own, err = conn.As(cluster.Daemon(), scope); err != nil || w.name == "" {
		w.account = w.own
		return w, err
	}
	identity, missing := cluster.ServiceAccount(namespace, w.name)
	w.missing = missing // what is the daemon's own can still be done
	if missing == nil {
		w.account, err = conn.As(identity, scope)
	}
	return w, err
}

// reader returns who looks into why an object is not healthy; nil if there is nobody. Namespaces are the daemon's.
func (w writers) reader(ref plan.Ref) Writer {
	if ref.GroupKind == (schema.GroupKind{Kind: "Namespace"}) {
		return w.own
	}
	return w.account
}

// of returns who takes a step.
func (w writers) of(s plan.Step) Writer {
	if s.Origin == plan.Platform {
		return w.own
	}
	return w.account
}

// ready makes sure that the account is there, if something of a stage is done as it. One that the daemon makes is a member
// of the release, and looked after as such.
func (w writers) ready(ctx context.Context, stage []plan.Step) error {
	switch {
	case !slices.ContainsFunc(stage, func(s plan.Step) bool { return s.Origin != plan.Platform }):
		return nil
	case w.missing != nil:
		return w.missing
	case w.provided:
		return nil
	}
	return w.account.CheckAccount(ctx)
}
