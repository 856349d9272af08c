// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/status"
)

// Renderer renders the objects of a release. It is [render.Renderer] outside of tests.
type Renderer = evaluate.Renderer

// Options are what a reconciler is made of. All but Secrets, Trees, Sharing, DefaultServiceAccount, Observe, Tell and Log are required.
type Options struct {
	// Clusters says how to reach each cluster.
	Clusters []cluster.Config
	// Library holds the embedded blueprints.
	Library  fs.FS
	Renderer Renderer
	// Secrets decrypts what SOPS has encrypted, at the moment at which it is applied; nil has no keys.
	Secrets *secrets.Decrypter
	Board   *status.Board
	// Trees returns the content of an older commit, for releases that are held at it or go back to it; without it they
	// are left as they are instead.
	Trees func(ctx context.Context, commit string) (fs.FS, error)
	// Sharing says which releases are this replica's, when there are several; default: all are.
	Sharing Sharing
	// DefaultServiceAccount is the account as which releases are deployed whose environment names none; default: the
	// daemon's own rights.
	DefaultServiceAccount string
	// Observe is told of every run of a release that ended.
	Observe func(Run)
	// Tell is told of what is worth remembering. It must not block.
	Tell func(history.Event)
	Log  *slog.Logger
	Now  func() time.Time
}

// Run is one attempt to bring a release into its declared state.
type Run struct {
	Release catalog.ReleaseID
	Commit  string
	Applied int
	Pruned  int
	Took    time.Duration
	Err     error
}

// Revision is a commit that is to be reconciled.
type Revision struct {
	Commit status.Commit
	// Tree is its content.
	Tree fs.FS
	// Changed lists the paths that differ from the last revision that was accepted. It is not called when
	// there was none, and when it fails everything is rendered.
	Changed func() ([]string, error)
	// Persist is called when the revision was found acceptable, before anything is done about it; it makes sure that a
	// restart finds this revision, or returns why the revision must not be acted on, and then it is not. Nil: nothing.
	Persist func(ctx context.Context) error
}

// Reconciler keeps clusters in the declared state.
type Reconciler struct {
	opts     Options
	clusters map[string]*clusterState
	// accepted is the last revision that was accepted; nil before the first.
	accepted *evaluate.Evaluation
	progress progress
	removals removals
	past     *past
	planning planning
	replies  replies
	// declarations say whose objects are.
	declarations declarations

	mu     sync.Mutex
	actors map[catalog.ReleaseID]*actor
	// declared is the set of releases of the accepted revision; nil before the first.
	declared map[catalog.ReleaseID]bool
	// catalog is that of the accepted revision; nil before the first.
	catalog  *catalog.Catalog
	platform string
	// keep runs an actor; nil until Run is called. stopped is closed when no actor runs any more.
	keep    func(*actor)
	stopped chan struct{}
}

// New makes a reconciler. It does nothing until [Reconciler.Run] is called.
func New(opts Options) (*Reconciler, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Secrets == nil {
		opts.Secrets = &secrets.Decrypter{}
	}
	if opts.Observe == nil {
		opts.Observe = func(Run) {}
	}
	if opts.Sharing == nil {
		opts.Sharing = single{}
	}
	if opts.Tell == nil {
		opts.Tell = func(history.Event) {}
	}
	r := &Reconciler{
		opts: opts, clusters: map[string]*clusterState{}, actors: map[catalog.ReleaseID]*actor{}, stopped: make(chan struct{}),
		past: newPast(opts), planning: planning{places: runtime.GOMAXPROCS(0)},
	}
	for _, cfg := range opts.Clusters {
		if r.clusters[cfg.Name] != nil {
			return nil, fmt.Errorf("the cluster %q is configured twice", cfg.Name)
		}
		r.clusters[cfg.Name] = newClusterState(cfg, r.happened)
		opts.Board.SetCluster(status.Cluster{Name: cfg.Name, Message: "not connected yet"})
	}
	return r, nil
}

// Run keeps the clusters in the state of the accepted revision until ctx ends.
func (r *Reconciler) Run(ctx context.Context) {
	var running sync.WaitGroup
	r.mu.Lock()
	r.keep = func(a *actor) {
		running.Go(func() { a.run(ctx) })
	}
	for _, a := range r.actors {
		r.keep(a)
	}
	r.mu.Unlock()
	for _, c := range r.clusters {
		running.Go(func() { r.keepInventories(ctx, c) })
	}
	<-ctx.Done()
	r.mu.Lock()
	r.keep = func(*actor) {}
	r.mu.Unlock()
	running.Wait()
	close(r.stopped)
	for _, c := range r.clusters {
		c.Close()
	}
}

// ErrRefused says that a revision is not accepted. What is wrong with it is on the board.
var ErrRefused = errors.New("the commit is refused")

// Accept evaluates a revision and makes it what the clusters are kept at, unless it is refused, in which case nothing
// changes and the error is [ErrRefused]. Calls must not overlap.
func (r *Reconciler) Accept(ctx context.Context, rev Revision) error {
	began := r.opts.Now()
	in := evaluate.Input{
		Tree: rev.Tree, Library: r.opts.Library, Renderer: r.opts.Renderer, Now: began,
		OnDeclared: func(c *catalog.Catalog) { r.prepare(c.Name()) },
	}
	if changed, ok := r.changes(rev); ok {
		in.Before, in.Changed = r.accepted, changed
	}
	// There is no change to judge: what is merged was judged against its base before, and what it says of rules and
	// exceptions is what counts from now on.
	e, err := evaluate.Head(ctx, in)
	if err != nil {
		return fmt.Errorf("evaluating commit %s: %w", rev.Commit.Short(), err)
	}
	if e.Denied() {
		return r.refuse(rev, e.Problems())
	}
	rules, err := r.healthRules(e.Catalog())
	if err != nil {
		return fmt.Errorf("evaluating commit %s: %w", rev.Commit.Short(), err)
	}
	problems, err := r.widened(e, in.Changed)
	if err != nil {
		return err
	}
	if err := persist(ctx, rev); err != nil {
		return err
	}
	// From here on the revision is the accepted one, and nothing ends the hand-over half-way.
	r.judgeHealthBy(rules)
	r.opts.Board.SetName(e.Catalog().Name())
	r.accepted = e
	dispatched := r.dispatch(e, rev)
	r.opts.Board.SetSource(func(s *status.Source) {
		s.Head, s.Accepted, s.Problems = &rev.Commit, &rev.Commit, problems
	})
	r.opts.Log.Info("commit accepted", "commit", rev.Commit.Hash, "subject", rev.Commit.Subject, "releases", e.Len(),
		"changed", dispatched, "took", r.opts.Now().Sub(began))
	return nil
}

// widened returns the problems of an evaluation, and what it lets projects do that the last accepted commit did not. That is told,
// and refuses nothing: whether it may be was judged in the pull request.
func (r *Reconciler) widened(e *evaluate.Evaluation, changed []string) (v1alpha1.Problems, error) {
	if r.accepted == nil {
		return e.Problems(), nil
	}
	more, err := policy.Widened(policy.Input{Base: r.accepted.Catalog(), Catalog: e.Catalog(), Changed: changed, Now: r.opts.Now()})
	if err != nil {
		return nil, fmt.Errorf("comparing what projects may do with the last accepted commit: %w", err)
	}
	problems := slices.Clone(e.Problems())
	for _, p := range more {
		p.Severity = v1alpha1.Warn
		r.opts.Log.Warn("the commit lets projects do more than before", "where", p.Position.String(), "what", p.Message)
		problems = append(problems, p)
	}
	return problems, nil
}

// prepare has the clusters looked at for what they hold of a platform, while the first revision of it is rendered.
func (r *Reconciler) prepare(platform string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.declared != nil {
		return
	}
	r.platform = platform
	for _, c := range r.clusters {
		c.wake()
	}
}

// persist makes the acceptance durable, unless it was cancelled meanwhile.
func persist(ctx context.Context, rev Revision) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if rev.Persist == nil {
		return nil
	}
	if err := rev.Persist(ctx); err != nil {
		return &PersistError{Commit: rev.Commit.Short(), Err: err}
	}
	return nil
}

// PersistError says that a revision is acceptable and is not acted on, because [Revision.Persist] failed.
type PersistError struct {
	Commit string
	Err    error
}

func (e *PersistError) Error() string {
	return fmt.Sprintf("commit %s is acceptable, and is not acted on: %s", e.Commit, e.Err.Error())
}

func (e *PersistError) Unwrap() error { return e.Err }

// healthRules compiles how the platform has the health of custom kinds judged; nil if that has not changed. An expression
// that does not compile was refused before.
func (r *Reconciler) healthRules(cat *catalog.Catalog) (*health.Rules, error) {
	if r.accepted != nil && reflect.DeepEqual(r.accepted.Catalog().Platform.Spec.Health, cat.Platform.Spec.Health) {
		return nil, nil //nolint:nilnil // nothing is new
	}
	rules, _, err := health.Compile(cat.Platform.Spec.Health)
	return rules, err
}

// judgeHealthBy returns the clusters new rules, if there are any.
func (r *Reconciler) judgeHealthBy(rules *health.Rules) {
	if rules == nil {
		return
	}
	for _, c := range r.clusters {
		c.SetHealthRules(rules)
	}
}

// changes lists what differs from the last revision that was accepted, if that is known.
func (r *Reconciler) changes(rev Revision) ([]string, bool) {
	if r.accepted == nil || rev.Changed == nil {
		return nil, false
	}
	changed, err := rev.Changed()
	return changed, err == nil
}

// refuse puts on the board why a revision is not accepted.
func (r *Reconciler) refuse(rev Revision, problems v1alpha1.Problems) error {
	r.opts.Board.SetSource(func(s *status.Source) {
		s.Head, s.Problems = &rev.Commit, problems
	})
	r.opts.Log.Warn("commit refused", "commit", rev.Commit.Hash, "problems", len(problems), "first", problems[0].String())
	return ErrRefused
}

// Catalog returns what the accepted commit declares; nil before there is one.
func (r *Reconciler) Catalog() *catalog.Catalog {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.catalog
}

func (r *Reconciler) platformName() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.platform
}

// actor returns the one of a release, a new one if there is none. The caller holds the lock.
func (r *Reconciler) actor(id catalog.ReleaseID) *actor {
	if a := r.actors[id]; a != nil {
		return a
	}
	a := newActor(r, id)
	r.actors[id] = a
	if r.keep != nil {
		r.keep(a)
	}
	return a
}

// retire takes an actor away whose release is gone or another replica's to delete. It stays if someone has said something
// to it meanwhile, such as that the release is declared again.
func (r *Reconciler) retire(a *actor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.declared[a.id] || !a.box.empty() {
		a.box.put(release.Nudged{}) // to try again
		return false
	}
	delete(r.actors, a.id)
	r.progress.forget(a)
	r.opts.Board.RemoveRelease(a.id)
	return true
}
