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
	"sync"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/status"
)

// Renderer renders the objects of a release. It is [render.Renderer] outside of tests.
type Renderer = evaluate.Renderer

// Options are what a reconciler is made of. All but Secrets, Trees, Parts, Recall, Sharing, DefaultServiceAccount, Observe, Tell, Log and Principal are
// required.
type Options struct {
	// Clusters says how to reach each cluster, until [Reconciler.SetClusters] says otherwise.
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
	// Parts returns what a commit joins that is one of several repositories, as inventories record it; empty for others. Recall is told what
	// inventories have recorded. Nil: no commit is of several.
	Parts  func(commit string) string
	Recall func(commit, parts string)
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
	// Principal is the daemon that an agent keeps its cluster for; nil for a daemon, which decides itself.
	Principal Principal
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
	// Base returns the content of the commit that was accepted before the daemon was started, nil if there was none: what this
	// one lets projects do is compared with it. Nil: nothing is.
	Base func(ctx context.Context) (fs.FS, error)
	// Compare is set if the repository has not said yet that this is what it is at. It returns an error if one of the commits
	// that a cluster holds came later; that cluster is left as it is until [Reconciler.Confirm] is called, or another revision
	// is accepted. It may be called by any goroutine.
	Compare func(ctx context.Context, recorded []string) error
	// Persist is called when the revision was found acceptable, before anything is done about it, perhaps while releases are
	// rendered; it makes sure that a restart finds this revision, or returns why the revision must not be acted on, and then
	// it is not. Nil: nothing.
	Persist func(ctx context.Context) error
	// Intact returns why what was read of the tree is not what the commit says: from then on nothing is handed out that was made
	// of it. Nil: it always is.
	Intact func() error
	// Behind is set if a newer head is not accepted: it stays what the board says of the head.
	Behind bool
	// Again is set if the revision was accepted before, and only what could not be rendered of it is to be.
	Again bool
	// Judged is called with the problems of the revision once it is accepted or refused, and then the board is not told what its head is and
	// what is wrong with it: whoever judges heads of several repositories says so. Nil: the board is told.
	Judged func(v1alpha1.Problems)
}

func (rev Revision) intact() error {
	if rev.Intact == nil {
		return nil
	}
	return rev.Intact()
}

// Reconciler keeps clusters in the declared state.
type Reconciler struct {
	opts     Options
	clusters fleet
	// accepted is the last revision that all releases were handed, and rules the catalog by whose rules health is judged; nil before
	// the first.
	accepted *evaluate.Evaluation
	current  accepted
	rules    *catalog.Catalog
	progress progress
	removals removals
	past     *past
	planning planning
	replies  replies
	// declarations say whose objects are, as of the last commit that all releases have.
	declarations declarations
	// handing is how far a newer one has been handed out.
	handing handing

	mu     sync.Mutex
	actors map[catalog.ReleaseID]*actor
	// declared is the set of releases of the accepted revision; nil before the first.
	declared map[catalog.ReleaseID]bool
	// previews are those of pull requests.
	previews previews
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
	if opts.Parts == nil {
		opts.Parts = func(string) string { return "" }
	}
	if opts.Recall == nil {
		opts.Recall = func(string, string) {}
	}
	if opts.Sharing == nil {
		opts.Sharing = single{}
	}
	if opts.Tell == nil {
		opts.Tell = func(history.Event) {}
	}
	r := &Reconciler{
		opts: opts, actors: map[catalog.ReleaseID]*actor{}, stopped: make(chan struct{}),
		past: newPast(opts), planning: planning{places: runtime.GOMAXPROCS(0)},
	}
	if _, err := r.SetClusters(opts.Clusters); err != nil {
		return nil, err
	}
	return r, nil
}

// Run keeps the clusters in the state of the accepted revision until ctx ends.
func (r *Reconciler) Run(ctx context.Context) {
	var actors, running sync.WaitGroup
	r.mu.Lock()
	r.keep = func(a *actor) {
		living, end := context.WithCancel(ctx)
		a.end = end
		actors.Go(func() {
			defer end()
			a.run(living)
		})
	}
	for _, a := range r.actors {
		r.keep(a)
	}
	r.mu.Unlock()
	r.clusters.keepBy(func(c *clusterState) {
		living, end := context.WithCancel(ctx)
		c.end = end
		running.Go(func() { r.keepInventories(living, c) })
		running.Go(func() { r.compareCluster(living, c) })
	})
	<-ctx.Done()
	r.clusters.keepBy(nil)
	r.mu.Lock()
	r.keep = func(*actor) {}
	r.mu.Unlock()
	actors.Wait()
	close(r.stopped) // before the rest is waited for: it may wait for actors that ended first
	running.Wait()
	for _, c := range r.clusters.all() {
		c.end()
		c.Close()
	}
}

// ErrRefused says that a revision is not accepted. What is wrong with it is on the board.
var ErrRefused = errors.New("the commit is refused")

// Accept evaluates a revision and makes it what the clusters are kept at, unless it is refused, in which case nothing
// changes and the error is [ErrRefused]. If ctx ends after the revision was accepted and before all releases have it, the error is
// an [UnfinishedError]. Calls must not overlap.
func (r *Reconciler) Accept(ctx context.Context, rev Revision) error {
	began := r.opts.Now()
	evaluating, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	h := &handover{Reconciler: r, rev: rev, stop: stop, handed: map[catalog.ReleaseID]bool{}}
	in := evaluate.Input{
		Tree: rev.Tree, Library: r.opts.Library, Renderer: r.opts.Renderer, Now: began,
		OnDeclared:   func(c *catalog.Catalog) { r.prepare(c.Name()) },
		OnAcceptable: func(e *evaluate.Evaluation) { h.acceptable(evaluating, e) },
		OnRendered:   func(rel catalog.Release, out evaluate.Rendered) { h.onRendered(evaluating, rel, out) },
	}
	if changed, ok := r.changes(rev); ok {
		in.Before, in.Changed, h.changed = r.accepted, changed, changed
	}
	// There is no change to judge: what is merged was judged against its base before, and what it says of rules and
	// exceptions is what counts from now on.
	e, err := evaluate.Head(evaluating, in)
	if h.accepting != nil {
		if <-h.accepting; h.failed != nil {
			return h.failed
		}
	}
	switch {
	case err != nil:
		return h.unfinished(fmt.Errorf("evaluating commit %s: %w", rev.Commit.Short(), err))
	case e.Denied():
		return r.refuse(rev, e.Problems())
	case h.accepting == nil:
		err = h.accept(ctx, e)
	default:
		err = rev.intact()
	}
	if err != nil {
		return h.unfinished(err)
	}
	h.finish(e)
	if rev.Again {
		return nil // it was logged
	}
	log := r.opts.Log
	if rev.Commit.Parts != "" {
		log = log.With("joins", rev.Commit.Parts)
	}
	log.Info("commit accepted", "commit", rev.Commit.Hash, "subject", rev.Commit.Subject, "releases", e.Len(),
		"changed", h.told, "took", r.opts.Now().Sub(began))
	return nil
}

// prepare has the clusters looked at for what they hold of a platform, before the first revision of it is accepted.
func (r *Reconciler) prepare(platform string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.declared != nil {
		return
	}
	r.platform = platform
	for _, c := range r.clusters.all() {
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
	if r.rules != nil && reflect.DeepEqual(r.rules.Platform.Spec.Health, cat.Platform.Spec.Health) {
		return nil, nil //nolint:nilnil // nothing is new
	}
	rules, _, err := health.Compile(cat.Platform.Spec.Health)
	return rules, err
}

// judgeHealthBy has the clusters judge health by the rules of a catalog, if they are new.
func (r *Reconciler) judgeHealthBy(c *catalog.Catalog, rules *health.Rules) {
	r.rules = c
	if rules == nil {
		return
	}
	r.clusters.judgeBy(rules)
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
	if rev.Judged != nil {
		rev.Judged(problems)
		return ErrRefused
	}
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
func (r *Reconciler) actor(id catalog.ReleaseID) *actor { return r.actorOf(id, false) }

// actorOf is [Reconciler.actor] for releases that may be a preview's.
func (r *Reconciler) actorOf(id catalog.ReleaseID, preview bool) *actor {
	if a := r.actors[id]; a != nil {
		return a
	}
	a := newActor(r, id, preview)
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
	if r.actors[a.id] != a {
		return true // it was forgotten
	}
	if r.declares(a.id) || !a.box.empty() {
		a.box.put(release.Nudged{}) // to try again
		return false
	}
	delete(r.actors, a.id)
	r.progress.forget(a)
	r.opts.Board.RemoveRelease(a.id)
	return true
}
