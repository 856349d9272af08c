// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// View is what the watches of a cluster have seen.
type View interface {
	// Watch returns once the objects of the kinds were seen.
	Watch(ctx context.Context, kinds []schema.GroupKind) error
	Members(applySet string) []cluster.Object
	// Gone reports whether an object of that version was deleted since.
	Gone(ref plan.Ref, version plan.Version) bool
	// Owner returns the ApplySet that an object is a member of.
	Owner(ref plan.Ref) (string, bool)
	// InUse says what would be lost with an object; empty if nothing.
	InUse(ctx context.Context, ref plan.Ref) (string, error)
}

// Ledger keeps the inventories of releases.
type Ledger interface {
	Inventories(ctx context.Context, platform string) ([]cluster.Inventory, error)
	Inventory(ctx context.Context, platform string, id catalog.ReleaseID) (cluster.Inventory, bool, error)
	Record(ctx context.Context, i cluster.Inventory) error
	// Empty reports whether the API server holds nothing of a release, whatever the watches have seen.
	Empty(ctx context.Context, i cluster.Inventory) (bool, error)
	Forget(ctx context.Context, i cluster.Inventory) error
}

// Writer changes objects, or tries to, as someone.
type Writer interface {
	Apply(ctx context.Context, o *unstructured.Unstructured, how cluster.Applying) (cluster.Live, error)
	Delete(ctx context.Context, ref plan.Ref, uid types.UID) error
	// CheckFree fails if an object that is to be created is there already and not the release's.
	CheckFree(ctx context.Context, o *unstructured.Unstructured, applySet string) error
	// CheckAccount fails if the writer's account is not there.
	CheckAccount(ctx context.Context) error
	Diagnose(ctx context.Context, ref plan.Ref, release []*unstructured.Unstructured) (health.Reason, error)
}

// Conn is a working connection to a cluster. Two are equal if they are the same one.
type Conn interface {
	View
	Ledger
	As(as cluster.Identity, scope plan.Scope) (Writer, error)
}

// Live is a connection to a real cluster.
func Live(conn *cluster.Conn) Conn { return live{conn} }

type live struct{ *cluster.Conn }

func (l live) As(as cluster.Identity, scope plan.Scope) (Writer, error) {
	actor, err := l.Conn.As(as, scope)
	if err != nil {
		return nil, err // not a nil *Actor in an interface
	}
	return actor, nil
}
