// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/web"
	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/deliver"
	spaces "trunkline.dev/trunkline/flow/workspaces"
	"trunkline.dev/trunkline/notify/post"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/artifact"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/reach"
	"trunkline.dev/trunkline/reconciler/resources"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/reconciler/tunnel"
	"trunkline.dev/trunkline/traces"
	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/reports"
)

// daemon is all parts of a running "trunkline serve".
type daemon struct {
	flags    *serve
	log      *slog.Logger
	store    *git.Store
	board    *status.Board
	metrics  *metrics
	past     *historian
	usual    usual
	counting counting
	sharing  *sharing
	idle     *rest
	rec      *reconciler.Reconciler
	follower *reconciler.Follower
	trigger  chan struct{}
	// live are the settings that may change while the daemon runs, and decrypter and jobs what follows them; jobs is of whoever reloads.
	live      atomic.Pointer[inForce]
	decrypter *secrets.Decrypter
	jobs      map[cluster.Config]lotflow.Cluster
	door      door
	// agentDoor is where agents come in; nil if none do.
	agentDoor *agentDoor
	// newPulls makes what works on pull requests, pulls is the one that does, if this replica is to, and deliver
	// accepts what GitHub sends; newPulls and deliver are nil if the daemon is not connected to it.
	newPulls func() *webhooks.Engine
	pulls    atomic.Pointer[webhooks.Engine]
	deliver  func(event, id string, body []byte) (status int, message string)
	// started is when the daemon was, and fetched when it read the repository last, in nanoseconds; 0: not yet.
	started time.Time
	fetched atomic.Int64
	// fetches returns the repository with credentials that are good now.
	fetches func(context.Context) (git.Remote, error)
	// sources fetches the repositories that the platform includes; appToken gives those without credentials of their own one of the App's,
	// nil if there is no App.
	sources  *reconciler.SourceWatch
	appToken func(context.Context, git.Remote) (git.Remote, error)
	// lots keeps the lots of environments, if this replica is to.
	lots *lotflow.Keeper
	// workspaces keeps people's notebooks and editors; nil if nothing does.
	workspaces *spaces.Keeper
	// tunnels lead to what runs in clusters.
	tunnels *reached[tunnel.Cluster]
	// afar leads to what runs in clusters that agents keep.
	afar *throughAgents
	// appsDoor is where people come in to applications; nil if there are none.
	appsDoor *appsDoor
	// remoteRuns has people's own code run.
	remoteRuns remoteRuns
	// resources keeps what projects have made in the cloud, if this replica is to.
	resources *resources.Keeper
	// events tells others what happens to lots.
	events *deliver.Dispatcher
	// airflows reaches the Airflows of environments, and dagTasks counts what fails in them.
	airflows *airflows
	dagTasks *prometheus.CounterVec
	// notifications tell people what goes wrong; nil if no channel is configured.
	notifications *post.Poster
	// tracer makes traces; nil if none are asked for.
	tracer *traces.Tracer
	// artifacts has the blueprints of registries and Helm repositories.
	artifacts *artifact.Store
	// reports are the full reports of pull requests; nil if there are none.
	reports *reports.Keeper
	// closers end what was opened, the last one first.
	closers []func()
}

func (d *daemon) close() {
	for _, closer := range slices.Backward(d.closers) {
		closer()
	}
}

// assemble opens what the daemon needs, and puts its parts together. What was opened is closed again if it fails.
func (s *serve) assemble(ctx context.Context, configs []cluster.Config, log *slog.Logger) (*daemon, error) {
	d := &daemon{flags: s, log: log, board: status.NewBoard(time.Now), idle: newRest(), trigger: git.NewTrigger(), started: time.Now()}
	d.tunnels = newReached(d, func(c cluster.Config) *tunnel.Cluster { return tunnel.New(c.Name, c.REST, tunnel.MaxOpen) })
	d.afar = &throughAgents{d: d, known: map[*agent.Desk]*reach.Cluster{}}
	if err := d.open(ctx, configs); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// open opens what the daemon needs, in the order in which it is needed.
func (d *daemon) open(ctx context.Context, configs []cluster.Config) error {
	s := d.flags
	var err error
	live := &inForce{flags: s, configs: configs}
	if live.secrets, err = s.secrets(d.log); err != nil {
		return err
	}
	if live.identities, err = s.agents.identities(d.log); err != nil {
		return err
	}
	d.live.Store(live)
	if d.decrypter, err = s.sops.decrypter(); err != nil {
		return err
	}
	if err := d.openData(); err != nil {
		return err
	}
	listener, err := s.listening.listen(ctx)
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() { _ = listener.Close() }) // it is closed already, once it has served
	d.metrics = newMetrics(d.board)
	if err := d.openHistory(); err != nil {
		return err
	}
	if err := d.makeTraces(); err != nil {
		return err
	}
	if d.sharing, err = s.replicas.coordinator(configs, d.homeREST, d.log); err != nil {
		return err
	}
	if err := d.makeReconciler(configs); err != nil {
		return err
	}
	if err := d.makeAgents(ctx); err != nil {
		return err
	}
	if err := d.openAppsDoor(ctx); err != nil {
		return err
	}
	d.makeAirflow()
	d.makeWorkspaces()
	return d.makeDoor(listener)
}

// openData opens the copy of the repository, which is this process's own.
func (d *daemon) openData() error {
	s := d.flags
	if s.data == "" {
		// Not the temporary folder: anybody on the machine could put a copy there, which would be applied.
		cache, err := os.UserCacheDir()
		if err != nil {
			return usagef("say where the copy of the repository goes: --data FOLDER (%w)", err)
		}
		s.data = filepath.Join(cache, "trunkline")
	}
	unlock, err := lock(s.data)
	if err != nil {
		return err
	}
	d.closers = append(d.closers, unlock)
	if d.store, err = git.Open(filepath.Join(s.data, "git")); err != nil {
		return err
	}
	d.closers = append(d.closers, func() { _ = d.store.Close() }) // nothing is lost by it
	if err := d.store.Recovered(); err != nil {
		d.log.Warn("the copy of the repository was damaged and is created again", "err", err.Error())
	}
	d.board.SetSource(func(src *status.Source) { src.URL, src.Branch = git.Redact(s.remote.URL), s.remote.Branch })
	describeAccepted(d.store, d.board)
	return nil
}

// describeAccepted has the status say of the commit that is resumed what it said before. Without it, there is its hash.
func describeAccepted(store *git.Store, board *status.Board) {
	commit, ok, err := store.Accepted()
	if err != nil || !ok {
		return
	}
	if c, err := store.Describe(commit); err == nil {
		board.Describe(describedCommit(store, c))
	}
}

// partsOf returns what a commit joins, if it is one of several repositories.
func (d *daemon) partsOf(commit string) string {
	joined, several, err := d.store.Composition(commit)
	if err != nil || !several {
		return ""
	}
	return joined.String()
}

// recall tells the store what an inventory has recorded of a commit, which may be lost.
func (d *daemon) recall(commit, parts string) {
	if joined, err := git.ParseComposition(parts); err == nil {
		d.store.Recall(commit, joined)
	}
}

func (d *daemon) openHistory() (err error) {
	if d.past, err = newHistorian(&d.flags.history, d.flags.metering.tables(), d.flags.data, d.board, d.log); err != nil {
		return err
	}
	if d.past.recorder != nil {
		d.metrics.registry.MustRegister(&historyCollector{d.past.recorder})
	}
	return nil
}

// makeReconciler makes what keeps the clusters, and what brings it the commits.
func (d *daemon) makeReconciler(configs []cluster.Config) error {
	s := d.flags
	pool, err := newBuilders()
	if err != nil {
		return err
	}
	d.closers = append(d.closers, pool.Close)
	if d.artifacts, err = s.artifacts.store(s.data, s.clouds); err != nil {
		return err
	}
	renderer := s.renderer(pool, d.artifacts, d.log)
	d.rec, err = reconciler.New(reconciler.Options{
		DefaultServiceAccount: s.account, Sharing: d.sharing.orNone(), Clusters: configs, Library: blueprints.FS, Renderer: renderer,
		Secrets: d.decrypter, Board: d.board, Trees: trees(d.store, s.dir), Log: d.log, Now: time.Now,
		Parts: d.partsOf, Recall: d.recall,
		Tell:    func(e history.Event) { d.metrics.event(e); d.past.record(e); d.tracesEvent(e) },
		Observe: func(run reconciler.Run) { d.idle.touch(); d.metrics.observe(run); d.past.ran(run); d.tracesRun(run) },
	})
	if err != nil {
		return &usageError{err}
	}
	sources := d.makeSources()
	d.follower = &reconciler.Follower{
		Sources: sources,
		Store:   d.store, Reconciler: d.rec, Board: d.board, Dir: s.dir, Log: d.log, Observe: func(j reconciler.Judged) { d.past.judged(j); d.tracesJudged(j) }, Refetch: d.triggerAll,
		Admission: s.admission.of(d.store, d.live.Load().secrets.signers),
	}
	d.makeUsage()
	if err := d.makeLots(); err != nil {
		return err
	}
	d.makeRemote()
	if err := d.makeResources(); err != nil {
		return err
	}
	if err := d.makeNotifications(); err != nil {
		return err
	}
	d.fetches = func(context.Context) (git.Remote, error) { return d.remote(), nil }
	return d.makePulls(renderer)
}

// makeDoor makes what answers callers.
func (d *daemon) makeDoor(listener net.Listener) error {
	sessions, err := d.flags.signOn.sessions()
	if err != nil {
		return err
	}
	store, err := d.openTokens()
	if err != nil {
		return err
	}
	var own console.OwnTokens
	if store != nil {
		own = store
		if sessions != nil {
			sessions.Ends = store
		}
	}
	var tokens func() []console.Token
	if d.flags.listening.asksForTokens() {
		tokens = func() []console.Token { return d.live.Load().secrets.callers.get().tokens }
	}
	var kept console.Reports
	var pulls console.Pulls
	if d.reports != nil {
		kept, pulls = readReports{d.reports}, readReports{d.reports}
	}
	costs := d.counting.forConsole(d.board.Name, d.log)
	lots := &lotKeeper{d.lots, d.past.record, d.log, time.Now}
	entrance, err := d.makeApps(sessions, store)
	if err != nil {
		return err
	}
	setup, err := d.makeSetup()
	if err != nil {
		return err
	}
	pages := web.New(web.Sources{
		Setup: setup, Board: d.board, Catalog: d.rec.Catalog, History: d.past.forConsole(), Lots: lots, Pulls: pulls, Costs: costs, Objects: actors{d.rec}, Commits: commitBook{d}, Runs: lots, Daemon: d.about, Now: time.Now, Log: d.log,
	})
	handler := console.New(console.Options{
		Setup: setup, Address: d.flags.address(), Costs: costs, Pulls: pulls, Reports: kept, Lots: lots, Pages: pages, Commits: commitBook{d}, Runs: lots, TaskLogs: newTaskLogs(d), RemoteRuns: d.remoteRuns, Apps: entrance, Workspaces: d.workspacesForConsole(), Now: time.Now,
		Board: d.board, Actor: actors{d.rec}, Objects: actors{d.rec}, Metrics: promhttp.HandlerFor(d.metrics.registry, promhttp.HandlerOpts{}), Catalog: d.rec.Catalog,
		History: d.past.forConsole(), Trigger: func() { d.tracer.Pushed(); d.triggerAll() }, Tokens: tokens, Deliver: d.deliver, Log: d.log,
		HookSecret: func() string { return d.live.Load().secrets.callers.get().hook },
		Notify:     d.notified, NotifySecret: func() string { return d.live.Load().secrets.callers.get().arrivals },
		Daemon: d.about, Access: d.access, Sessions: sessions, OwnTokens: own, Record: d.past.record,
	})
	certificates, err := d.flags.listening.certificates(d.log)
	d.door = door{listener: listener, handler: handler, certificates: certificates, log: d.log}
	if d.appsDoor != nil {
		d.appsDoor.certificates = certificates
	}
	return err
}

// about is what there is to say of the daemon itself.
func (d *daemon) about() console.Daemon {
	out := console.Daemon{Version: programVersion(), Started: d.started, Poll: d.live.Load().flags.poll.Seconds()}
	if at := d.fetched.Load(); at != 0 {
		out.Fetched = time.Unix(0, at)
	}
	return out
}

// watcher follows the branch.
func (d *daemon) watcher() git.Watcher {
	return git.Watcher{
		Fetch: func(ctx context.Context) (git.Head, error) {
			d.tracer.Fetching()
			remote, err := d.fetches(ctx)
			if err != nil {
				return git.Head{}, err
			}
			return d.store.Fetch(ctx, remote)
		},
		Interval: d.flags.poll,
		Jitter:   d.pause,
		OnHead: func(h git.Head) {
			d.metrics.fetched(nil)
			d.fetched.Store(time.Now().UnixNano())
			d.tracesHead(h)
			d.follower.Head(h)
		},
		OnError: func(err error) { d.metrics.fetched(err); d.follower.Failed(err) },
		Trigger: d.trigger,
	}
}

// pause is how long to wait before the next fetch: as long as is configured now, unless it is tried again after an error, which takes
// less. Many daemons do not ask one server in step.
func (d *daemon) pause(t time.Duration) time.Duration {
	if now := d.live.Load().flags.poll; t == d.flags.poll || t > now {
		t = now
	}
	return t + time.Duration(rand.Int64N(int64(t)/10+1)) //nolint:gosec // spreading load
}

// trees returns a function that reads older commits.
func trees(store *git.Store, dir string) func(context.Context, string) (fs.FS, error) {
	return func(ctx context.Context, commit string) (fs.FS, error) {
		tree, err := store.Tree(ctx, commit)
		if err != nil || dir == "" {
			return tree, err
		}
		return tree.At(path.Clean(dir))
	}
}
