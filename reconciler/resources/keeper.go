// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/resource"
)

const (
	// lookInterval is how often it is asked which catalog is accepted, which costs no request.
	lookInterval = time.Second
	// atOnce bounds how many resources of an environment are looked at at a time, and each takes timeout at most.
	atOnce  = 8
	timeout = time.Minute
	// leftInterval is how often it is looked for what is not declared any more, beside when something has ceased to be.
	leftInterval = time.Hour
	// firstPause and lastPause are how long it takes until what failed is tried again.
	firstPause, lastPause = 5 * time.Second, 10 * time.Minute
)

// DefaultInterval is how often resources are compared with what is declared.
const DefaultInterval = 5 * time.Minute

// Options are what a keeper is made of. All are required.
type Options struct {
	// Accepted returns the catalog that counts; nil before there is one.
	Accepted func() *catalog.Catalog
	Clouds   Clouds
	// Interval is how often resources are compared with what is declared.
	Interval time.Duration
	Log      *slog.Logger
	Now      func() time.Time
	// Happened is called with what was done, and Told with how all resources are doing, whenever that has changed; nil once nobody looks
	// after them any more. Neither may wait.
	Happened func(Event)
	Told     func([]State)
}

// Keeper keeps the resources of all environments that have the daemon make them.
type Keeper struct{ opts Options }

// New makes a keeper, which does nothing before it runs.
func New(opts Options) *Keeper { return &Keeper{opts} }

// loop is one run of the keeper. All of it is the loop's own, but for what comes back from passes.
type loop struct {
	*Keeper

	catalog *catalog.Catalog
	areas   map[string]*area
	passed  chan passed
	beside  sync.WaitGroup
	told    []State
}

// area is an environment.
type area struct {
	platform string
	declared v1alpha1.Environment
	// resources are those that are declared, by id.
	resources map[string]catalog.Resource
	// projects are those that are in the environment.
	projects map[string]bool
	states   map[string]state
	// leftErr is why it could not be seen last what is not declared any more; empty if it could.
	leftErr string
	// next is when all are looked at again, and left when it is looked for what is not declared any more.
	next, left time.Time
	busy       bool
	// stale reports whether other resources are declared than those that the pass under way looks at.
	stale bool
}

// state is what is known of a resource.
type state struct {
	State

	// seen is the declaration that it was brought into last, and tried the one that it was last tried to be; nil if it was not since the
	// keeper runs.
	seen, tried *catalog.Resource

	tries int
	// next is when it is tried again; zero if it did not fail.
	next time.Time
}

// Run keeps resources until ctx ends. It begins with nothing but what is written on them.
func (k *Keeper) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	l := &loop{Keeper: k, areas: map[string]*area{}, passed: make(chan passed)}
	defer k.opts.Told(nil)
	defer l.beside.Wait()
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-l.passed:
			l.took(p)
		case <-timer.C:
		}
		l.advance(ctx, k.opts.Now())
		timer.Reset(lookInterval)
	}
}

// advance begins what is to be done now.
func (l *loop) advance(ctx context.Context, now time.Time) {
	if c := l.opts.Accepted(); c != nil && c != l.catalog {
		l.catalog = c
		l.declare(c)
	}
	for _, name := range slices.Sorted(maps.Keys(l.areas)) {
		if a := l.areas[name]; !a.busy && !held(&a.declared, now) {
			l.pass(ctx, name, a, now)
		}
	}
	l.tell()
}

// held reports whether nothing is rolled out in an environment now.
func held(env *v1alpha1.Environment, now time.Time) bool {
	s, err := gate.NewSchedule(env.Spec)
	if err != nil {
		return true
	}
	_, _, is := s.Holds(now)
	return is
}

// declare has a catalog count.
func (l *loop) declare(c *catalog.Catalog) {
	for name := range l.areas {
		if env := c.Environments[name]; env == nil || env.Spec.Resources == nil || env.Spec.Resources.Via != v1alpha1.ViaAPI {
			delete(l.areas, name)
		}
	}
	for name, env := range c.Environments {
		if env.Spec.Resources == nil || env.Spec.Resources.Via != v1alpha1.ViaAPI {
			continue
		}
		all := map[string]catalog.Resource{}
		for _, r := range c.Resources(name) {
			all[r.ID()] = r
		}
		projects := map[string]bool{}
		for p := range c.Projects() {
			if _, deployed := p.Spec.Environments[name]; deployed {
				projects[p.Name] = true
			}
		}
		a := l.areas[name]
		if a == nil {
			a = &area{states: map[string]state{}}
			l.areas[name] = a
		} else if !reflect.DeepEqual(a.declared.Spec.Resources, env.Spec.Resources) {
			clear(a.states) // they may be elsewhere
			a.next = time.Time{}
		}
		if !reflect.DeepEqual(a.resources, all) {
			a.next, a.left, a.stale = time.Time{}, time.Time{}, a.busy
		}
		a.platform, a.declared, a.resources, a.projects = c.Name(), *env, all, projects
		maps.DeleteFunc(a.states, func(id string, s state) bool {
			_, is := all[id]
			return !is && !s.Undeclared || is && s.Undeclared
		})
	}
}

// pass looks at the resources of an environment that are due, beside the loop.
func (l *loop) pass(ctx context.Context, name string, a *area, now time.Time) {
	p := pass{area: *a, name: name, now: now, all: !a.next.After(now), left: !a.left.After(now)}
	for _, id := range slices.Sorted(maps.Keys(a.resources)) {
		if r := a.resources[id]; !r.Suspended && (p.all && a.states[id].tries == 0 || !a.states[id].next.IsZero() && !a.states[id].next.After(now) || changed(a, r)) {
			p.due = append(p.due, r)
		}
	}
	if len(p.due) == 0 && !p.left {
		if p.all {
			a.next = now.Add(l.opts.Interval)
		}
		return
	}
	p.states = maps.Clone(a.states)
	a.busy, a.stale = true, false
	if p.all {
		a.next = now.Add(l.opts.Interval)
	}
	if p.left {
		a.left = now.Add(leftInterval)
	}
	l.beside.Go(func() {
		done := l.carry(ctx, p)
		select {
		case l.passed <- done:
		case <-ctx.Done():
		}
	})
}

// changed reports whether a resource is declared otherwise than when it was looked at last.
func changed(a *area, r catalog.Resource) bool {
	tried := a.states[r.ID()].tried
	return tried == nil || !reflect.DeepEqual(*tried, r)
}

// pass is one look at the resources of an environment.
type pass struct {
	area

	name      string
	now       time.Time
	all, left bool
	due       []catalog.Resource
}

// passed is what came of a pass.
type passed struct {
	name   string
	states map[string]state
	events []Event
	// gone are the resources that were removed, and leftFailed reports whether it could not be seen or done what is to go.
	gone       []string
	leftFailed bool
	leftErr    string
}

// carry carries a pass out: buckets and databases first, then the tables in them, then what is to be removed.
func (l *loop) carry(ctx context.Context, p pass) passed {
	out := passed{name: p.name, states: map[string]state{}}
	cloud, err := l.opts.Clouds(ctx, *p.declared.Spec.Resources)
	if err != nil {
		for _, r := range p.due {
			out.states[r.ID()] = l.failed(p, r, err)
		}
		out.leftFailed = p.left
		return out
	}
	var mu sync.Mutex
	for _, tables := range []bool{false, true} {
		var group errgroup.Group
		group.SetLimit(atOnce)
		for _, r := range p.due {
			if (r.Kind == catalog.TableResource) != tables {
				continue
			}
			group.Go(func() error {
				s, events := l.ensure(ctx, cloud, p, r)
				mu.Lock()
				defer mu.Unlock()
				out.states[r.ID()], out.events = s, append(out.events, events...)
				return nil
			})
		}
		_ = group.Wait()
	}
	if p.left && ctx.Err() == nil {
		l.clear(ctx, cloud, p, &out)
	}
	return out
}

// ensure brings a resource into its declared state.
func (l *loop) ensure(ctx context.Context, cloud Cloud, p pass, r catalog.Resource) (state, []Event) {
	begun := l.opts.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	owner := resource.Owner{Platform: p.platform, Environment: r.Environment, Project: r.Project}
	what := "the " + r.ID()
	done, err := cloud.Ensure(ctx, r, owner, func(mark string) error {
		return resource.MayChange(what, mark, owner, r.Adopt)
	})
	before := p.states[r.ID()]
	var events []Event
	event := Event{Release: p.release(r.Project), ID: r.ID(), Fields: done.Changed, Took: l.opts.Now().Sub(begun)}
	switch {
	case done.Made:
		event.Act, event.Fields = Made, nil
		events = append(events, event)
	case len(done.Changed) > 0:
		if event.Act = Changed; before.seen != nil && before.seen.Equal(&r) {
			event.Act = Corrected
		}
		events = append(events, event)
	}
	if err != nil {
		return l.failed(p, r, err), events
	}
	return state{State: State{Release: p.release(r.Project), ID: r.ID(), Made: true, Unknown: done.Unknown}, seen: &r, tried: &r}, events
}

// release is the one that a resource of a project is told with.
func (p *pass) release(project string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: project, Environment: p.name, Cluster: p.declared.Spec.Clusters[0]}
}

// failed is the state of a resource that could not be brought into its declared state.
func (l *loop) failed(p pass, r catalog.Resource, err error) state {
	before := p.states[r.ID()]
	pause := lastPause
	if before.tries < 7 {
		pause = firstPause << before.tries
	}
	return state{
		State: State{Release: p.release(r.Project), ID: r.ID(), Err: oneLine(err.Error())}, seen: before.seen, tried: &r, tries: before.tries + 1,
		next: p.now.Add(min(pause, lastPause)),
	}
}

// protects reports whether nothing of a project is removed, as the environment is protected and the project has left it without a word.
func (p *pass) protects(project string) bool {
	return p.declared.Spec.Protected && !p.projects[project] && !slices.Contains(p.declared.Spec.Removals, project)
}

// maxError bounds the text of an error, in bytes.
const maxError = 600

// oneLine makes a text one line that can be shown.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + "…"
	}
	return text
}

// clear removes what is not declared any more and is to be.
func (l *loop) clear(ctx context.Context, cloud Cloud, p pass, out *passed) {
	found, err := cloud.Left(ctx, p.platform, p.name)
	if err != nil {
		out.leftFailed, out.leftErr = true, oneLine(err.Error())
	}
	there := map[string]bool{}
	for _, left := range found {
		there[left.ID] = true
		declared := func(id string) bool { _, is := p.resources[id]; return is }
		if !resource.ToRemove(left, p.platform, p.name, declared) || p.protects(left.Owner.Project) || ctx.Err() != nil {
			continue
		}
		begun := l.opts.Now()
		release := p.release(left.Owner.Project)
		if err := cloud.Remove(ctx, left); err != nil {
			out.leftFailed = true
			out.states[left.ID] = state{State: State{Release: release, ID: left.ID, Err: oneLine(err.Error()), Undeclared: true}}
			continue
		}
		out.gone = append(out.gone, left.ID)
		out.events = append(out.events, Event{Act: Removed, Release: release, ID: left.ID, Took: l.opts.Now().Sub(begun)})
	}
	for id, s := range p.states {
		if s.Undeclared && err == nil && !there[id] {
			out.gone = append(out.gone, id) // someone else has removed it, or it is nobody's any more
		}
	}
}

// took takes what came of a pass.
func (l *loop) took(p passed) {
	for _, e := range p.events {
		l.opts.Log.Info("a resource was "+string(e.Act), "environment", p.name, "project", e.Release.Project, "resource", e.ID, "fields", strings.Join(e.Fields, ","))
		l.opts.Happened(e)
	}
	a := l.areas[p.name]
	if a == nil {
		return
	}
	a.busy = false
	if p.leftErr != "" && p.leftErr != a.leftErr {
		l.opts.Log.Warn("cannot see all resources that are not declared any more; it is tried again", "environment", p.name, "err", p.leftErr)
	}
	a.leftErr = p.leftErr
	if p.leftFailed {
		a.left = l.opts.Now().Add(l.opts.Interval)
	}
	if a.stale {
		a.next, a.left = time.Time{}, time.Time{}
	}
	for id, s := range p.states {
		if _, declared := a.resources[id]; declared == s.Undeclared {
			continue // it came or went meanwhile
		}
		if before := a.states[id]; s.Err != "" && s.Err != before.Err {
			l.opts.Log.Warn("a resource is not as declared; it is tried again", "environment", p.name, "resource", id, "err", s.Err)
		}
		a.states[id] = s
	}
	for _, id := range p.gone {
		if a.states[id].Undeclared {
			delete(a.states, id)
		}
	}
}

// tell tells how all resources are doing, if that has changed.
func (l *loop) tell() {
	all := []State{}
	for _, name := range slices.Sorted(maps.Keys(l.areas)) {
		a := l.areas[name]
		for _, id := range slices.Sorted(maps.Keys(a.states)) {
			all = append(all, a.states[id].State)
		}
		for _, id := range slices.Sorted(maps.Keys(a.resources)) {
			if _, known := a.states[id]; !known {
				r := a.resources[id]
				p := pass{area: *a, name: name}
				all = append(all, State{Release: p.release(r.Project), ID: id})
			}
		}
	}
	if !reflect.DeepEqual(all, l.told) {
		l.told = all
		l.opts.Told(all)
	}
}
