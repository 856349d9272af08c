// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"cmp"
	"context"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/secrets"
)

// stepTimeout bounds the parts of a run that wait for the cluster as a whole.
const stepTimeout = 20 * time.Second

// Slots bounds what is done at once, since much more of it would take memory and be done no sooner.
type Slots interface {
	// Begin and End are around computing a plan. Those with something to write do not wait for the others.
	Begin(ctx context.Context, urgent bool) error
	End()
	// Write is called before a run that has something to write is planned; done is to be called when it has ended.
	Write(ctx context.Context) (done func(), err error)
}

// Opener decrypts what is encrypted, at the moment at which it is applied.
type Opener interface {
	Open(ctx context.Context, release secrets.Release, o *unstructured.Unstructured) (*unstructured.Unstructured, error)
}

// Moves says which release an object belongs to, when a commit moves it from one to another.
type Moves interface {
	// Settled reports whether it is known of all releases what the newest commit declares in them. Until it is, an object that a
	// release does not declare any more may be another one's, and stays; the release is asked to run again once it is known.
	Settled() bool
	// Fate says what the newest commit makes of an object that the release does not declare any more: taker names the other
	// release that it declares it in; empty if there is none. Undecided is set while that is not known, as [Moves.Settled]
	// says, and for an object that it declares in this very release again, which has just not been handed that yet.
	Fate(ref plan.Ref) (taker string, undecided bool)
	// Owner names the release with an ApplySet, and reports whether it has let go of the object. The name is empty if it is no
	// release of the platform.
	Owner(applySet string, ref plan.Ref) (release string, free bool)
}

// Options are what an executor is made of. All are required, but DefaultAccount and Parts.
type Options struct {
	ID catalog.ReleaseID
	// Cluster returns where the release is now; nil if the daemon does not know it.
	Cluster func() *Cluster
	// Platform returns the platform's name, as the newest accepted commit has it.
	Platform func() string
	// DefaultAccount is the account of releases whose environment is not declared any more and whose inventory names none.
	DefaultAccount string
	Secrets        Opener
	Slots          Slots
	// Moves says which objects belong to which releases.
	Moves Moves
	// Parts returns what a commit joins that is one of several repositories, for the inventory; empty for others. Nil: all are others.
	Parts func(commit string) string
	// Listen is handed events about objects of the release. It must not block.
	Listen func(cluster.Event)
	Now    func() time.Time
}

// partsOf returns what the commits of an inventory join: what is not known any more is as the inventory before has it.
func (o Options) partsOf(next, before cluster.Inventory) map[string]string {
	var parts map[string]string
	for _, commit := range next.Commits() {
		joined := before.Parts[commit]
		if o.Parts != nil {
			joined = cmp.Or(o.Parts(commit), joined)
		}
		if joined == "" {
			continue
		}
		if parts == nil {
			parts = map[string]string{}
		}
		parts[commit] = joined
	}
	return parts
}

// Executor does what has to be done to one release. Its methods must not be called at the same time, but for [Executor.Changed].
type Executor struct {
	opts Options
	// changed has one while members have changed that nobody has looked at.
	changed chan struct{}

	// site is the cluster as of the last operation.
	site     *Cluster
	conn     Conn
	applySet string
	// by are those as whom the last run changed the release.
	by writers
	// applied maps an object to what it was last applied with, as far as it is known to be there still.
	applied map[plan.Ref]plan.Applied
	// done are the declared objects that have ended and are not there any more, as the last plan had them.
	done map[plan.Ref]plan.Ending
	// deleted are the objects that were deleted to be created again.
	deleted map[types.UID]bool
}

// New returns an executor that knows nothing of the release yet.
func New(opts Options) *Executor {
	return &Executor{opts: opts, changed: make(chan struct{}, 1), applied: map[plan.Ref]plan.Applied{}, deleted: map[types.UID]bool{}}
}

// Changed reports to a run under way that members have changed. It does not block.
func (x *Executor) Changed() {
	select {
	case x.changed <- struct{}{}:
	default:
	}
}

// Look reads what the inventory remembers of the release. What watches it starts live as long as daemon.
func (x *Executor) Look(daemon, ctx context.Context, fresh bool) (out release.Looked) {
	if fresh {
		clear(x.applied)
	}
	if !x.locate() {
		return out // nothing can be in place
	}
	conn, err := x.connect(daemon, ctx)
	if err == nil && fresh {
		err = x.site.refresh(ctx, conn, x.opts.Platform(), x.opts.ID)
	}
	inv, recorded := x.site.Inventory(x.opts.ID)
	if err == nil && recorded {
		err = conn.Watch(ctx, cluster.KindsOf(inv.Kinds...))
	}
	if err != nil {
		return release.Looked{Err: err, Terminal: terminal(err)}
	}
	out = release.Looked{Commit: inv.Commit, Digest: inv.Digest, Memory: inv.Memory}
	if recorded {
		out.Objects = Made(observed(conn.Members(inv.ApplySet())))
	}
	return out
}

// Made counts the members that workloads are made of, as [render.Packed.Made] counts what is rendered: namespaces and accounts are
// there however little that is, and what runs have made is no part of it.
func Made(observed []plan.Observed) plan.Tally {
	account := schema.GroupKind{Kind: "ServiceAccount"}
	n := plan.Tally{}
	for _, o := range observed {
		if o.Origin == plan.Rendered && o.Ref.GroupKind != account {
			n[o.Ref.GroupKind]++
		}
	}
	return n
}

// observed returns what plans are made from.
func observed(members []cluster.Object) []plan.Observed {
	out := make([]plan.Observed, len(members))
	for i, m := range members {
		out[i] = m.Observed
	}
	return out
}

// Save writes what has to be remembered of the release into its inventory.
func (x *Executor) Save(daemon, ctx context.Context, in release.Save) error {
	if !x.locate() {
		return &unknownClusterError{name: x.opts.ID.Cluster}
	}
	conn, err := x.connect(daemon, ctx)
	if err != nil {
		return err
	}
	inv, recorded := x.site.Inventory(x.opts.ID)
	if !recorded {
		inv = cluster.Inventory{Platform: x.opts.Platform(), Release: x.opts.ID, Namespace: in.Namespace, Preview: in.Preview}
	}
	inv.Memory = in.Memory
	inv.Parts = x.opts.partsOf(inv, inv)
	if err := conn.Record(ctx, inv); err != nil {
		return err
	}
	x.site.set(inv)
	return nil
}

// locate finds the cluster, and reports whether there is one. Of a cluster that there is not any more nothing is known.
func (x *Executor) locate() bool {
	site := x.opts.Cluster()
	if site != x.site {
		x.site, x.conn = site, nil
		clear(x.applied)
	}
	return site != nil
}

// connect returns the connection to the cluster. With a new one, nothing is known of what was applied before: deletions may
// have gone unseen.
func (x *Executor) connect(daemon, ctx context.Context) (Conn, error) {
	call, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	conn, err := x.site.Load(daemon, call, x.opts.Platform())
	if err != nil {
		return nil, err
	}
	if x.conn != conn {
		x.conn = conn
		clear(x.applied)
	}
	return conn, nil
}

// Observe returns the health of a state at a time: that of the object that is worst off, one that has failed before one that is
// stalled and one that is progressing. An object counts only as seen once it was seen as it was last applied. What is not declared
// any more counts if its deletion is stuck. It is false before the first run.
func (x *Executor) Observe(t *release.Target, now time.Time) (out release.Observation, ok bool) {
	if x.conn == nil || x.applySet == "" {
		return out, false
	}
	members := x.conn.Members(x.applySet)
	seen := byRef(members)
	out.Health = health.Healthy
	consider := func(ref plan.Ref, is health.State, why string, changed time.Time) {
		if rank(is) > rank(out.Health) || is == out.Health && out.Message == "" && why != "" && is != health.Healthy {
			out.Worst, out.Health, out.Message, out.Changed = ref, is, why, changed
		}
	}
	for _, o := range t.Objects.Parts() {
		ref := plan.Ref(o.Identity)
		m, there := seen[ref]
		is, why := x.healthOf(ref, m, there, now)
		consider(ref, is, why, m.Changed)
	}
	_, stuck, until := onTheirWay(members, now)
	out.Until = earliest(out.Until, until)
	stuck = slices.DeleteFunc(stuck, func(m cluster.Object) bool { return t.Declares(m.Ref) || m.At(now).State == health.Healthy })
	if len(stuck) > 0 {
		m := stuck[0]
		v := m.At(now)
		consider(m.Ref, v.State, m.Ref.String()+": "+v.Message+andMore(stuck), m.Changed)
	}
	return out, true
}

// healthOf returns how a declared object is doing, and why, unless it is healthy.
func (x *Executor) healthOf(ref plan.Ref, m cluster.Object, there bool, now time.Time) (health.State, string) {
	switch done := x.done[ref]; {
	case !there && done == plan.Completed:
		return health.Healthy, ""
	case !there && done == plan.FailedForGood:
		return health.Failed, ref.String() + ": it has failed, and removed itself since"
	case !there || m.Version.Before(x.applied[ref].Version):
		return health.Progressing, ""
	}
	v := m.At(now)
	return v.State, ref.String() + ": " + v.Message
}

// earliest returns the first of two times, either of which may be zero for none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// rank says how far a health is from healthy.
func rank(s health.State) int {
	switch s {
	case health.Progressing:
		return 1
	case health.Stalled:
		return 2
	case health.Failed:
		return 3
	case health.Healthy:
	}
	return 0
}

// Reader returns who can look into why an object is not healthy; nil if there is nobody yet.
func (x *Executor) Reader(ref plan.Ref) Writer { return x.by.reader(ref) }

// SightOf returns what of an object decides whether it is as declared.
func SightOf(digest string, owners ownership.Owners) release.Sight {
	h := fnv.New64a()
	for _, m := range owners.Others {
		_, _ = io.WriteString(h, m.Name+"\x00"+m.Subresource+"\x00"+m.Fields+"\x00") // a hash never fails
	}
	return release.Sight{Digest: digest, Ours: owners.Ours, Others: h.Sum64()}
}

func byRef(objects []cluster.Object) map[plan.Ref]cluster.Object {
	m := make(map[plan.Ref]cluster.Object, len(objects))
	for _, o := range objects {
		m[o.Ref] = o
	}
	return m
}
