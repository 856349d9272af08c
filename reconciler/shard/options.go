// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The defaults of the durations. A replica that was killed is missed for Duration and two intervals; one that ends
// in order hands over within a few intervals. Each replica asks the API server for one list and one update an
// interval, which is one request a second.
const (
	DefaultDuration      = 50 * time.Second
	DefaultRenewDeadline = 15 * time.Second
	DefaultWriteTimeout  = 30 * time.Second
	DefaultInterval      = 2 * time.Second
	DefaultRebalance     = time.Minute
)

// drift is how much faster one clock may go than another, in percent; those of computers differ by less than 0.1.
const drift = 5

// maxIdentity bounds the name of a replica, in bytes; that of a pod is shorter.
const maxIdentity = 100

// Leases are how replicas speak to each other. [NewLeases] returns those of a cluster.
type Leases interface {
	// List returns all Leases of the group as they are now: it must not be answered from an older state.
	List(ctx context.Context, group string) ([]coordinationv1.Lease, error)
	// Create makes a Lease, unless there is one of that name.
	Create(ctx context.Context, lease *coordinationv1.Lease) error
	// Update writes a Lease if it still has the uid and the resource version that are given in it.
	Update(ctx context.Context, lease *coordinationv1.Lease) error
	// Delete removes a Lease if it still has the uid and the resource version that are given in it.
	Delete(ctx context.Context, lease *coordinationv1.Lease) error
}

// Options are what a coordinator is made of.
type Options struct {
	// Leases are those of the home cluster. Required.
	Leases Leases
	// Group names the replicas that belong together: those of one platform. Required, the same for all of them, and
	// a DNS label.
	Group string
	// Identity names this replica to people; that of its pod or host will do. Required. Two processes with the same
	// one do no harm.
	Identity string
	// Sole says that no other process has this identity while this one runs, as a lock that it holds shows. What an earlier one has
	// left behind, which was killed, is taken over without waiting for its Lease.
	Sole bool
	// Untouched reports whether nothing was ever done for any release. It is asked once, where replicas meet for the first time as far as
	// Leases tell: if it is so, nobody is waited for whose Lease is gone. Default: nobody knows.
	Untouched func(ctx context.Context) (bool, error)
	// Shards asks for the releases to be spread over the replicas. They are when all replicas ask for it; otherwise
	// one of them, the leader, has all.
	Shards bool
	// Duration is for how long a replica is not missed that does not renew its Lease; default: [DefaultDuration].
	// At 95 % it must not be shorter than RenewDeadline and WriteTimeout together.
	Duration time.Duration
	// RenewDeadline is for how long a replica goes on that cannot renew its Lease; default: [DefaultRenewDeadline].
	RenewDeadline time.Duration
	// WriteTimeout is the longest that a single write of a run may take which had begun while the release was owned;
	// default: [DefaultWriteTimeout].
	WriteTimeout time.Duration
	// Interval is how often a Lease is renewed and the others are looked at; default: [DefaultInterval]. At most a
	// third of RenewDeadline.
	Interval time.Duration
	// Rebalance is how long an assignment stays before buckets are taken from a replica that is alive; default:
	// [DefaultRebalance].
	Rebalance time.Duration
	// Changed is called whenever other releases may be owned than before. It must not block.
	Changed func()
	// Heard is called with what other replicas say by [Coordinator.Say]. It must not block.
	Heard func([]string)
	// Note says how far this replica is, for its Lease. It must not block.
	Note func() Note
	// Now reads the clock, with its monotonic part. Required.
	Now func() time.Time
	Log *slog.Logger
}

// complete puts in the defaults, and finds what is wrong.
func (o *Options) complete() error {
	o.Duration = cmp.Or(o.Duration, DefaultDuration)
	o.RenewDeadline = cmp.Or(o.RenewDeadline, DefaultRenewDeadline)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, DefaultWriteTimeout)
	o.Interval = cmp.Or(o.Interval, DefaultInterval)
	o.Rebalance = cmp.Or(o.Rebalance, DefaultRebalance)
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Heard == nil {
		o.Heard = func([]string) {}
	}
	if o.Note == nil {
		o.Note = func() Note { return Note{} }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	// Hosts may have capitals in their names, and Leases may not.
	o.Identity = strings.ToLower(o.Identity)
	switch {
	case o.Leases == nil || o.Now == nil:
		return errors.New("replicas need a cluster to meet in, and a clock")
	case len(validation.IsDNS1123Label(o.Group)) > 0:
		return fmt.Errorf("the group %q of replicas is no name: write letters, digits and dashes, 63 at most", o.Group)
	case len(validation.IsDNS1123Subdomain(o.Identity)) > 0 || len(o.Identity) > maxIdentity:
		return fmt.Errorf("%q cannot be the name of a replica: write letters, digits, dots and dashes, %d at most", o.Identity, maxIdentity)
	case min(o.Duration, o.RenewDeadline, o.WriteTimeout, o.Interval, o.Rebalance) < 0:
		return errors.New("durations of replicas cannot be negative")
	case o.Duration > maxDuration:
		return fmt.Errorf("a Lease of %s is too long: %s is the most", o.Duration, maxDuration)
	case o.Duration%time.Second != 0:
		return fmt.Errorf("a Lease of %s: it has to be whole seconds", o.Duration)
	case o.Duration*(100-drift)/100 < o.RenewDeadline+o.WriteTimeout:
		return fmt.Errorf("a Lease of %s is too short for going on for %s without renewing it, and for a write of %s that had begun before: two replicas could write at once",
			o.Duration, o.RenewDeadline, o.WriteTimeout)
	case o.Interval*3 > o.RenewDeadline:
		return fmt.Errorf("renewing every %s is too rare for a deadline of %s: one lost request would stop everything", o.Interval, o.RenewDeadline)
	}
	return nil
}
