// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// maxObjects bounds how many objects of a release are told of.
	maxObjects = 500
	// eventsTimeout bounds how long a cluster is asked for events; without them, the objects are told all the same.
	eventsTimeout = 5 * time.Second
)

// ErrNotSeen means that the daemon does not see the objects of a release now.
var ErrNotSeen = errors.New("its objects are not seen from here")

// Objects returns the objects of a release as its cluster has told of them last, with what Kubernetes says happened to them. What is worst
// comes first. The error is [ErrNotSeen] where an agent or another replica keeps the cluster, or it does not answer.
func (r *Reconciler) Objects(ctx context.Context, id catalog.ReleaseID) ([]status.Object, error) {
	c := r.clusters.get(id.Cluster)
	if c == nil {
		return nil, fmt.Errorf("%w: nobody says how cluster %s is reached", ErrNotSeen, id.Cluster)
	}
	conn := c.Connected()
	inventory, recorded := c.inventories.Inventory(id)
	if conn == nil || !recorded {
		return nil, fmt.Errorf("%w: there is no connection to cluster %s, or nothing of it is there", ErrNotSeen, id.Cluster)
	}
	now := r.opts.Now()
	members := conn.Members(inventory.ApplySet())
	slices.SortFunc(members, func(a, b cluster.Object) int { return status.CompareObjects(objectOf(a, now), objectOf(b, now)) })
	members = members[:min(len(members), maxObjects)]
	out := make([]status.Object, len(members))
	at, namespaces := map[types.UID]int{}, map[string]bool{}
	for i, m := range members {
		out[i], at[m.UID], namespaces[m.Ref.Namespace] = objectOf(m, now), i, true
	}
	ctx, cancel := context.WithTimeout(ctx, eventsTimeout)
	defer cancel()
	for namespace := range namespaces {
		for _, e := range conn.Events(ctx, namespace) {
			if i, ours := at[e.InvolvedObject.UID]; ours && len(out[i].Events) < maxObjectEvents {
				out[i].Events = append(out[i].Events, status.ObjectEvent{Type: e.Type, Reason: e.Reason, Message: strings.TrimSpace(e.Message), Count: max(1, int(e.Count)), Time: e.LastTimestamp.Time})
			}
		}
	}
	return out, nil
}

// maxObjectEvents bounds the events of an object.
const maxObjectEvents = 5

// objectOf returns what is told of an object.
func objectOf(m cluster.Object, now time.Time) status.Object {
	verdict := m.At(now)
	return status.Object{
		Kind: m.Ref.Kind, Group: m.Ref.Group, Namespace: m.Ref.Namespace, Name: m.Ref.Name, Health: told(verdict.State), Message: verdict.Message, Changed: m.Changed,
		Deleting: m.Deleting, ByRun: m.Origin == plan.ByRun,
	}
}
