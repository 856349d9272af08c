package reconciler

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/render"
)

// access is as whom a release is deployed and where its objects may be, as the environment of the accepted commit says it,
// whatever older commit the release is kept at: a right that was taken away is gone.
type access struct {
	catalog.Access
	// declared is false if nothing is known of the environment any more.
	declared bool
}

// accessOf reads what the environment of a release says.
func (r *Reconciler) accessOf(c *catalog.Catalog, id catalog.ReleaseID) access {
	a, ok := c.Access(id)
	return r.orDefault(access{Access: a, declared: ok})
}

// orDefault gives an environment that names no account the one of the daemon's configuration.
func (r *Reconciler) orDefault(a access) access {
	if a.declared && a.Account == "" {
		a.Account = r.opts.DefaultServiceAccount
	}
	return a
}

func (a access) equal(o access) bool {
	return a.declared == o.declared && a.Account == o.Account && a.Role == o.Role &&
		slices.Equal(a.ClusterScoped, o.ClusterScoped) && slices.Equal(a.Namespaces, o.Namespaces)
}

// objects are those by which the account may do what it does; none if somebody else sees to that.
func (a access) objects(id catalog.ReleaseID, namespace string) []*unstructured.Unstructured {
	return render.Access(id, namespace, a.Access)
}

// hands are those by whom a release is changed: by the daemon itself what is its own, everything else by the account.
type hands struct {
	own, account *cluster.Actor
	// name is that of the account; empty if it is the daemon.
	name string
	// made tells that the daemon makes the account.
	made bool
	// nobody says why there is no account; nil if there is one.
	nobody error
}

// handsFor gives the hands for a run. When the environment is gone, the account is the one of the last run, which the
// inventory knows: what an account has made is not deleted with other rights than its own.
func (w *worker) handsFor(conn *cluster.Conn, namespace string, a access, inv cluster.Inventory) (hands, error) {
	h := hands{name: a.Account, made: a.Role != ""}
	if !a.declared {
		h.name = inv.Account
		if h.name == "" {
			h.name = w.r.opts.DefaultServiceAccount
		}
	}
	scope := plan.Scope{
		Namespace: namespace, Account: h.name, ClusterScoped: a.ClusterScoped, Namespaces: a.Namespaces, System: catalog.SystemNamespace,
	}
	var err error
	if h.own, err = conn.As(cluster.Daemon(), scope); err != nil || h.name == "" {
		h.account = h.own
		return h, err
	}
	identity, nobody := cluster.ServiceAccount(namespace, h.name)
	h.nobody = nobody // what is the daemon's own can still be done
	if nobody == nil {
		h.account, err = conn.As(identity, scope)
	}
	return h, err
}

// reader gives who looks into why an object is not well; nil if there is nobody. Namespaces are the daemon's.
func (h hands) reader(ref plan.Ref) *cluster.Actor {
	if ref.GroupKind == (schema.GroupKind{Kind: "Namespace"}) {
		return h.own
	}
	return h.account
}

// of gives who takes a step.
func (h hands) of(s plan.Step) *cluster.Actor {
	if s.Own {
		return h.own
	}
	return h.account
}

// ready makes sure that the account is there, if something of a stage is done as it. One that the daemon makes is a member
// of the release, and looked after as such.
func (h hands) ready(ctx context.Context, stage []plan.Step) error {
	switch {
	case !slices.ContainsFunc(stage, func(s plan.Step) bool { return !s.Own }):
		return nil
	case h.nobody != nil:
		return h.nobody
	case h.made:
		return nil
	}
	return h.account.CheckAccount(ctx)
}
