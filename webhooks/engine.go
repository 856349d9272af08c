// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/compose"
)

// Options are what an engine is made of. Forge, Repository, Trunk, Board, Hand, Library, Renderer and Now are required.
type Options struct {
	// Source names the repository, if the platform includes it; empty: it is the platform's own.
	Source string
	// Rights says who the people are that the platform names, and who administers it; nil: Forge does. Of a source it is the forge of the
	// platform's own repository: whoever administers another one has no rights here for it.
	Rights     People
	Forge      Forge
	Repository Repository
	Trunk      Trunk
	Board      Board
	Hand       Hand
	// Previews keeps the environments of pull requests, and Data removes what they wrote; nil: there are none.
	Previews Previews
	Data     Data
	// Images is how images that projects follow are watched; nil: they are not.
	Images *Images
	// Library holds the embedded blueprints.
	Library  fs.FS
	Renderer evaluate.Renderer
	// Typical returns how long runs took before, for those that do not declare it; nil: nobody knows.
	Typical func() map[cost.WorkloadID]time.Duration
	// Accuracy says in a sentence how far off estimates were; nil, or empty: that is not known.
	Accuracy func() string

	// CheckName is what rules for merging call the check; default: "trunkline".
	CheckName string
	// Links says where people read more.
	Links Links
	// Reports keeps full reports; nil: there are none.
	Reports Reports
	// Live compares with clusters; nil: it cannot be asked for.
	Live Live
	// Joint returns the commits of all repositories of the platform, as they are accepted; nil: it has only its own.
	Joint func() compose.State
	// Limit bounds one evaluation; when it is reached, the check fails and says so; default: 5m.
	Limit time.Duration
	// Poll is how often all open pull requests are looked at, which makes up for events that were lost; default: 5m.
	Poll time.Duration
	// Workers is how many pull requests are worked on at once; default: 4.
	Workers int
	// Observe is told of every review that was written into a check; nil: nobody is.
	Observe func(Reviewed)

	Log *slog.Logger
	Now func() time.Time
}

// Links are addresses for people.
type Links struct {
	// Release is where the state of an environment is seen; empty: nowhere.
	Console string
	// Rules is where the pages of the rules are, ending in "/".
	Rules string
}

const (
	defaultCheck   = "trunkline"
	defaultLimit   = 5 * time.Minute
	defaultPoll    = 5 * time.Minute
	defaultWorkers = 4
	// maxWaiting bounds the queue: more pull requests than that are not open anywhere at once.
	maxWaiting = 10_000
)

// Engine keeps the checks, comments and deployments of pull requests as they should be. [Engine.Run] does the work; the
// other methods return at once and may be called by any goroutine.
type Engine struct {
	opts  Options
	queue *queue
	// sweeps asks for all open pull requests to be looked at.
	sweeps chan struct{}

	mu sync.Mutex
	// pulls is what is known of pull requests; each value is its worker's own while it works.
	pulls map[int]*pullState
	// heads are the verdicts on commits that several pull requests share.
	heads heads
	// following are the merged ones whose releases are not all done, with these.
	following map[int]map[catalog.ReleaseID]bool
	// groups are the merge groups that are to be checked, by their commits.
	groups map[string]MergeGroup
	// strays are the commits of which an event told, and none whose head they are.
	strays map[string]bool
	// imagesOpen are the projects for which a pull request that moves images is open.
	imagesOpen map[string]bool

	bases  bases
	prices prices
	// all are the engines of the platform's repositories by the names of sources, this one among them, and previewing is theirs together.
	all        map[string]*Engine
	previewing *previewing
}

// New makes an engine for the platform's own repository, and with it one for each source.
func New(own Options, sources ...Options) *Engine {
	all, previewing := map[string]*Engine{}, newPreviewing()
	for _, opts := range slices.Concat(sources, []Options{own}) {
		all[opts.Source] = newEngine(opts, all, previewing)
	}
	return all[own.Source]
}

// Of returns the engine of a source; nil if it has none.
func (e *Engine) Of(source string) *Engine { return e.all[source] }

func newEngine(opts Options, all map[string]*Engine, previewing *previewing) *Engine {
	opts.CheckName = cmp.Or(opts.CheckName, defaultCheck)
	opts.Limit, opts.Poll = cmp.Or(opts.Limit, defaultLimit), cmp.Or(opts.Poll, defaultPoll)
	opts.Workers = cmp.Or(opts.Workers, defaultWorkers)
	if opts.Typical == nil {
		opts.Typical = func() map[cost.WorkloadID]time.Duration { return nil }
	}
	if opts.Accuracy == nil {
		opts.Accuracy = func() string { return "" }
	}
	if opts.Observe == nil {
		opts.Observe = func(Reviewed) {}
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Source != "" {
		opts.Log = opts.Log.With("source", opts.Source)
	}
	return &Engine{
		opts: opts, queue: newQueue(maxWaiting), sweeps: make(chan struct{}, 1), pulls: map[int]*pullState{},
		heads: heads{}, following: map[int]map[catalog.ReleaseID]bool{}, groups: map[string]MergeGroup{}, strays: map[string]bool{},
		all: all, previewing: previewing,
	}
}

// id names a pull request of the repository.
func (e *Engine) id(number int) catalog.Pull {
	return catalog.Pull{Source: e.opts.Source, Number: number}
}

// Take takes a hint in. It fails only with [ErrBusy].
func (e *Engine) Take(h Hint) error {
	switch {
	case h.Queue != nil && h.Queue.Destroyed:
		return nil // nobody waits for its check any more
	case h.Queue != nil:
		return e.takeGroup(*h.Queue)
	case h.Pull != 0:
		s := e.state(h.Pull)
		if h.Comment && h.CommentID != 0 && h.CommentID == s.ownComment.Load() {
			return nil // the forge tells of what we wrote ourselves
		}
		if h.SHA != "" {
			s.told.Store(h.SHA)
			e.mu.Lock()
			delete(e.strays, h.SHA) // whatever is pushed next
			e.mu.Unlock()
		}
		if h.Rerun {
			s.rerun.Store(true)
		}
		if h.Comment {
			s.commented.Store(true)
		}
		s.toldOf(e.opts.Now())
		return e.queue.add(key{pull: h.Pull}, h.SHA)
	case h.SHA != "":
		return e.takeCommit(h)
	}
	return nil
}

// takeCommit takes a hint in that names a commit only, as those about forks do: whose head it is, is known or found by a
// sweep. That a commit came is told beside an event about the pull request, before or after it, which is worth a sweep only if
// that one is lost.
func (e *Engine) takeCommit(h Hint) error {
	if !h.Rerun {
		if len(e.pullsAt(h.SHA)) > 0 {
			return nil
		}
		e.mu.Lock()
		e.strays[h.SHA] = true
		e.mu.Unlock()
		e.queue.work.AddAfter(key{commit: h.SHA}, commitGrace)
		return nil
	}
	pulls := e.pullsAt(h.SHA)
	for _, number := range pulls {
		e.state(number).rerun.Store(true)
		if err := e.queue.add(key{pull: number}, h.SHA); err != nil {
			return err
		}
	}
	if len(pulls) == 0 {
		e.Sweep()
	}
	return nil
}

// commitGrace is how long the event about a pull request may come after the one about its commit.
const commitGrace = 5 * time.Second

// missed has all pull requests looked at if no event said whose head a commit is, and it is none's as far as is known.
func (e *Engine) missed(sha string) {
	e.mu.Lock()
	stray := e.strays[sha]
	delete(e.strays, sha)
	e.mu.Unlock()
	if stray && len(e.pullsAt(sha)) == 0 {
		e.Sweep()
	}
}

// pullsAt returns the pull requests whose head is a commit, by what the forge said or an event told.
func (e *Engine) pullsAt(sha string) (out []int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for number, s := range e.pulls {
		if s.head.Load() == sha || s.told.Load() == sha {
			out = append(out, number)
		}
	}
	return out
}

// Sweep has all open pull requests looked at soon.
func (e *Engine) Sweep() {
	select {
	case e.sweeps <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, on the pull requests of all repositories.
func (e *Engine) Run(ctx context.Context) {
	var group sync.WaitGroup
	for _, each := range e.all {
		group.Go(func() { each.run(ctx) })
	}
	group.Wait()
}

func (e *Engine) run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { e.queue.run(ctx, e.opts.Workers, e.work) })
	group.Go(func() { e.sweep(ctx) })
	group.Go(func() { e.follow(ctx) })
	group.Go(func() { e.promotions(ctx) })
	group.Go(func() { e.followImages(ctx) })
	group.Wait()
}

// work brings one thing to its desired state.
func (e *Engine) work(ctx context.Context, k key) (again time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.opts.Log.Error("working on a pull request panicked", "pull", k.pull, "group", k.group, "panic", p, "stack", string(debug.Stack()))
			err = errors.New("internal error; see the daemon's log")
		}
	}()
	switch {
	case k.commit != "":
		e.missed(k.commit)
	case k.group != "":
		err = e.group(ctx, k)
	default:
		again, err = e.pull(ctx, k)
	}
	if err != nil && ctx.Err() == nil {
		e.opts.Log.Warn("cannot bring a pull request up to date; it is tried again", "pull", k.pull, "group", k.group, "err", err.Error())
	}
	return again, err
}

// pull brings a pull request to its desired state.
func (e *Engine) pull(ctx context.Context, k key) (time.Duration, error) {
	if _, runs := e.opts.Trunk.Accepted(); e.opts.Trunk.Tip() == "" && (runs == nil || e.opts.Trunk.Branch() != "") {
		return firstRetry, nil // the branch was not fetched yet
	}
	p, err := e.opts.Forge.Pull(ctx, k.pull)
	if errors.Is(err, ErrNotFound) {
		e.notKnown(k.pull)
		e.unnote(k.pull)
		e.forget(k.pull)
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading pull request #%d: %w", k.pull, err)
	}
	s := e.state(k.pull)
	s.head.Store(p.Head.SHA)
	e.note(p)
	e.queue.at(k, p.Head.SHA)
	if err := e.answer(ctx, p, s); err != nil {
		return 0, err
	}
	switch p.State {
	case Open:
		return e.open(ctx, p, s)
	case Merged:
		return e.merge(ctx, p, s)
	default:
		return e.closed(ctx, p, s)
	}
}

// open keeps the check, the comment and the preview of an open pull request as they should be.
func (e *Engine) open(ctx context.Context, p Pull, s *pullState) (time.Duration, error) {
	again, err := e.review(ctx, p, s)
	if err != nil {
		return 0, err
	}
	wait, err := e.preview(ctx, p, s)
	return soonest(again, wait), err
}

// merge tells what becomes of a merge, and ends the preview.
func (e *Engine) merge(ctx context.Context, p Pull, s *pullState) (time.Duration, error) {
	wait, ending := e.endOwn(ctx, p, s)
	again, err := e.rollout(ctx, p, s)
	if ending != nil || wait > 0 {
		s.ended.Store(false)
	}
	return soonest(again, wait), errors.Join(err, ending)
}

// closed ends what was begun for a pull request that was closed without having been merged.
func (e *Engine) closed(ctx context.Context, p Pull, s *pullState) (time.Duration, error) {
	if err := e.abandonCheck(ctx, p, s, "Not evaluated: the pull request was closed"); err != nil {
		return 0, err
	}
	if again, err := e.endOwn(ctx, p, s); again > 0 || err != nil {
		return again, err
	}
	if err := e.opts.Repository.Forget(ctx, p.Number); err != nil {
		return 0, fmt.Errorf("forgetting pull request #%d: %w", p.Number, err)
	}
	e.forget(p.Number)
	return 0, nil
}

// state returns what is known of a pull request.
func (e *Engine) state(number int) *pullState {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.pulls[number]
	if s == nil {
		s = &pullState{}
		e.pulls[number] = s
	}
	return s
}

// forget drops all that is known of a pull request. Others that share its check are looked at again: they may pass now.
func (e *Engine) forget(number int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lookAgain(e.heads.others(number))
	delete(e.pulls, number)
	delete(e.following, number)
	e.heads.forget(number)
}
