// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/record"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/survey"
)

// twoClusters has the environment be on the clusters one and two.
func twoClusters(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.more, w.handover = []*played{newPlayed("two")}, 10*time.Second
	w.declare("clusters: [one]", "clusters: [one, two]", "kind: Cluster\nmetadata: {name: one}", "kind: Cluster\nmetadata: {name: one}\n---\napiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: two}")
	return w
}

// lose has a cluster be lost: nobody can reach it, for long enough.
func (w *world) lose() {
	w.t.Helper()
	w.cluster.cut()
	for _, c := range append([]*played{w.cluster}, w.more...) {
		w.await("the clusters to be watched", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.tells) > 0 })
	}
	w.await("the stores not to be listed", func() bool { // a listing that takes that long is not followed by another for a while
		return w.keeper.ask(w.t.Context(), func(l *loop) error {
			for _, at := range l.upkeep {
				if at.listing {
					return errors.New("they are")
				}
			}
			w.ahead.Add(int64(w.handover + time.Second))
			return nil
		}) == nil
	})
}

// TestStandings: what a cluster is good for follows from what it has said, and since when it says nothing.
func TestStandings(t *testing.T) {
	for name, tc := range map[string]struct {
		complete, away bool
		ago            time.Duration
		want           standing
	}{
		"it answers":                          {true, false, time.Hour, reached},
		"it begins":                           {false, false, time.Second, awaited},
		"it cannot be begun":                  {false, true, time.Second, awaited},
		"it does not answer":                  {true, true, time.Minute - 1, silent},
		"it has not answered for long enough": {true, true, time.Minute, lost},
		"it never answered":                   {false, true, time.Minute, lost},
		"it is listed for too long":           {false, false, time.Hour, lost},
		"a clock went back":                   {true, true, -time.Hour, silent},
	} {
		f := newFleet("one")
		f.complete, f.away, f.since = tc.complete, tc.away, noon.Add(-tc.ago)
		if got := f.standing(noon, time.Minute); got != tc.want {
			t.Errorf("%s: it is %d, want %d", name, got, tc.want)
		}
	}
}

// TestTheFirstClusterMakesAllLots: where all answer, nothing runs in the second cluster; of a workload that has no template in the first, what
// has one there does.
func TestTheFirstClusterMakesAllLots(t *testing.T) {
	w := twoClusters(t)
	two := w.more[0]
	two.templates = two.templates[1:]
	w.keep()
	w.await("all lots", w.made)
	if diff := cmp.Diff(w.once(nil), w.cluster.starts()); diff != "" || len(two.starts()) > 0 {
		t.Errorf("the second cluster made %v; -want +got of the first:\n%s", two.starts(), diff)
	}

	w = twoClusters(t)
	two = w.more[0]
	w.cluster.templates = w.cluster.templates[:1]
	w.keep()
	w.await("all lots", w.made)
	for start := range w.cluster.starts() {
		if strings.HasPrefix(start, "sales/clean") {
			t.Errorf("%s ran where its release is not", start)
		}
	}
	if got := len(two.starts()); got != hours {
		t.Errorf("the second cluster made %v", two.starts())
	}
	w.await("what is written down of runs to go", func() bool { return len(w.running()) == 0 })
}

// running are the runs that are written down to be under way.
func (w *world) running() (all []string) {
	root := filepath.Join(w.dir, "manifests", catalog.RecordsFolder, "acme/dev/runs")
	_ = filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(root, path)
			all = append(all, rel)
		}
		return nil
	})
	return all
}

// TestALostCluster: what does not run in a cluster that is lost is made in the next; what does is not doubled, whoever looks, and is taken
// when the cluster is back.
func TestALostCluster(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint(restart), func(t *testing.T) {
			w := twoClusters(t)
			two := w.more[0]
			under := func(o jobs.Order, _ string) (bool, bool) {
				return false, o.Template.Workload == "orders/land" && (o.Lot == w.at(2) || o.Lot == w.at(3))
			}
			w.cluster.program = under
			stop := w.keep()
			w.await("the rest, and that it is noted", func() bool {
				return len(w.lots("clean", manifest.Complete)) == hours-2 && w.cluster.outcomes()[""] == 2
			})
			if restart {
				stop()
			}
			if restart {
				w.cluster.cut() // before anybody looks
				w.keep()
			}
			w.lose()
			if err := os.Remove(w.path("clean", w.at(5))); err != nil { // it is made again, which shows that the keeper has planned
				t.Fatal(err)
			}
			w.await("the lot that does not run there", func() bool {
				return two.starts()["sales/clean "+w.at(5).ID()] == 1 && len(w.lots("clean", manifest.Complete)) == hours-2
			})
			if diff := cmp.Diff(map[string]int{"sales/clean " + w.at(5).ID(): 1}, two.starts()); diff != "" {
				t.Fatalf("in the second cluster: -want +got:\n%s", diff)
			}
			w.cluster.end(func(j jobs.Job) bool { return j.Lot == w.at(2) })
			w.cluster.remove(func(j jobs.Job) bool { return j.Lot == w.at(3) && j.Ended.IsZero() })
			w.cluster.mu.Lock()
			w.cluster.program = func(jobs.Order, string) (bool, bool) { return false, false }
			w.cluster.mu.Unlock()
			w.cluster.restore()
			w.await("all lots", w.made)
			if diff := cmp.Diff(w.once(map[string]int{"orders/land " + w.at(3).ID(): 2}), w.cluster.starts()); diff != "" {
				t.Errorf("in the first cluster: -want +got:\n%s", diff)
			}
			w.await("it to be written down", func() bool { return w.cluster.outcomes()[""] == 0 && len(w.running()) == 0 })
		})
	}
}

// TestARunWhoseTimeIsOver: a run of a lost cluster is given up once its time is over, and its lot is made in the next; what comes of it when the
// cluster is back counts for nothing.
func TestARunWhoseTimeIsOver(t *testing.T) {
	w := twoClusters(t)
	two := w.more[0]
	for i := range w.cluster.templates {
		w.cluster.templates[i].Timeout = 30 * time.Minute
	}
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) { return false, o.Lot == w.at(2) }
	w.keep()
	w.await("the rest", func() bool { return len(w.lots("clean", manifest.Complete)) == hours-1 })
	w.cluster.mu.Lock()
	for _, j := range w.cluster.jobs {
		if j.Lot == w.at(2) {
			j.Created = time.Now().Add(-33 * time.Minute) // when it is over is by the clock of the cluster
			w.cluster.set(j)
		}
	}
	w.cluster.mu.Unlock()
	w.lose()
	w.await("all lots", w.made)
	want := map[string]int{"orders/land " + w.at(2).ID(): 1, "sales/clean " + w.at(2).ID(): 1}
	if diff := cmp.Diff(want, two.starts()); diff != "" {
		t.Errorf("in the second cluster: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{w.at(2).ID()}, w.lots("raw", manifest.Partial)); diff != "" {
		t.Errorf("what was given up: -want +got:\n%s", diff)
	}
	w.cluster.end(func(jobs.Job) bool { return true })
	before, err := os.ReadFile(w.path("raw", w.at(2)))
	if err != nil {
		t.Fatal(err)
	}
	w.cluster.restore()
	w.await("it to be written down", func() bool { return w.cluster.outcomes()[""] == 0 && len(w.running()) == 0 })
	if after, err := os.ReadFile(w.path("raw", w.at(2))); err != nil || string(after) != string(before) {
		t.Errorf("the lot is another one by now: %s, %v", after, err)
	}
	failed := 0
	for _, c := range w.keeper.Counts() {
		if c.State == "failed" {
			failed += c.Lots
		}
	}
	if got := w.cluster.starts(); got["orders/land "+w.at(2).ID()] != 1 || failed > 0 {
		t.Errorf("the first cluster started it %d times, and %d lots have failed", got["orders/land "+w.at(2).ID()], failed)
	}
}

// TestLotsAreMadeOnceWhateverClustersDo: whichever of three clusters answer, when, and whoever looks, no lot is started while a run of it is
// under way, none is doubled, and in the end all are made.
func TestLotsAreMadeOnceWhateverClustersDo(t *testing.T) {
	w := newWorld(t)
	w.declare("clusters: [one]", "clusters: [one, two, three]", "kind: Cluster\nmetadata: {name: one}",
		"kind: Cluster\nmetadata: {name: one}\n---\napiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: two}\n---\napiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: three}")
	const handover, timeout = 5 * time.Minute, time.Hour
	rapid.Check(t, func(t *rapid.T) {
		p := &playedClusters{t: t, w: w, now: w.now, written: map[record.Run]bool{}, under: map[arcLot]string{}, has: map[string]map[string]jobs.Job{}, stores: map[survey.At]survey.Lot{}}
		for _, name := range []string{"one", "two", "three"} {
			p.has[name] = map[string]jobs.Job{}
		}
		p.begin()
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			p.step(handover, timeout)
		}
		for _, name := range []string{"one", "two", "three"} { // in the end all answer
			p.answers(name)
		}
		for range 6 * hours {
			p.endAll()
			p.now = p.now.Add(time.Minute)
			p.turn(handover, timeout)
		}
		for n := range hours {
			for _, series := range []string{"orders/raw@1", "sales/clean@1"} {
				if !p.stores[survey.At{Series: series, Lot: w.at(n)}].State.There() {
					t.Fatalf("%s of %s is not made", w.at(n), series)
				}
			}
		}
		for r := range p.written {
			if p.under[arcLot{r.Workload, r.Lot}] != r.Cluster {
				t.Fatalf("it is still written down that %+v is under way", r)
			}
		}
	})
}

// playedClusters is a state, the clusters that it has, and a worker that does what is to be done at once.
type playedClusters struct {
	t   *rapid.T
	w   *world
	now time.Time

	state   *state
	loop    *loop
	dead    map[string]bool
	written map[record.Run]bool
	has     map[string]map[string]jobs.Job
	stores  map[survey.At]survey.Lot
	// under has where each lot is run that is.
	under map[arcLot]string
	n     int
}

// begin is a keeper that begins: it knows of what answers, and what is in the stores.
func (p *playedClusters) begin() {
	var fleets []*fleet
	l := &loop{fleets: map[string]*fleet{}, states: map[string]*state{}, Keeper: New(Options{Now: func() time.Time { return p.now }})}
	for _, name := range []string{"one", "two", "three"} {
		f := newFleet(name)
		f.since, f.away = p.now, true
		fleets, l.fleets[name] = append(fleets, f), f
	}
	if p.dead == nil {
		p.dead = map[string]bool{}
	}
	p.state = newState(declare(p.w.catalog.Load(), "dev", ""), DefaultLimits(), fleets...)
	p.loop = l
	l.states["dev"] = p.state
	p.state.lists(p.w.t, maps.Clone(p.stores))
	for name := range l.fleets {
		if !p.dead[name] {
			p.answers(name)
		}
	}
}

// answers has a cluster answer: all that it has is told.
func (p *playedClusters) answers(name string) {
	delete(p.dead, name)
	p.event(jobs.Event{Cluster: name, Kind: jobs.Begins})
	for _, t := range []*jobs.Template{template("orders", "land"), template("sales", "clean")} {
		t.Timeout = time.Hour
		p.event(jobs.Event{Cluster: name, Kind: jobs.Has, Template: t})
	}
	for _, j := range p.has[name] {
		p.event(jobs.Event{Cluster: name, Kind: jobs.Has, Job: &j})
	}
	p.event(jobs.Event{Cluster: name, Kind: jobs.Complete})
}

// event is one of a cluster, and what is done about it is done.
func (p *playedClusters) event(e jobs.Event) {
	f := p.loop.fleets[e.Cluster]
	switch e.Kind {
	case jobs.Begins:
		f.quiet(p.now)
		f.complete = false
		clear(f.told)
	case jobs.Away:
		f.quiet(p.now)
		f.away = true
	case jobs.Complete:
		for _, left := range f.left() {
			f.gone(left)
			if left.Job != nil {
				p.work(p.state.gone(*left.Job))
			}
		}
		f.complete, f.away = true, false
	case jobs.Has:
		f.has(e)
		if e.Job != nil {
			j := *e.Job
			j.Cluster = e.Cluster
			p.work(p.state.has(j))
		}
	case jobs.Gone, jobs.Back:
	}
}

// step is something that happens.
func (p *playedClusters) step(handover, timeout time.Duration) {
	name := rapid.SampledFrom([]string{"one", "two", "three"}).Draw(p.t, "cluster")
	switch rapid.SampledFrom([]string{"turn", "dies", "answers", "ends", "restart", "time"}).Draw(p.t, "what") {
	case "dies":
		p.dead[name] = true
		p.event(jobs.Event{Cluster: name, Kind: jobs.Away})
	case "answers":
		p.answers(name)
	case "ends":
		p.endAll()
	case "restart":
		p.begin()
	case "time":
		p.now = p.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, handover, timeout, timeout + 3*time.Minute}).Draw(p.t, "how long"))
		p.expire()
	}
	p.turn(handover, timeout)
}

// expire has clusters end runs whose time is over, whether anybody sees it or not.
func (p *playedClusters) expire() {
	for name, all := range p.has {
		for key, j := range all {
			if j.Ended.IsZero() && !p.now.Before(j.Created.Add(j.Timeout)) {
				j.Ended, j.Failed = j.Created.Add(j.Timeout), true
				p.ended(name, key, j)
			}
		}
	}
}

func (p *playedClusters) ended(name, key string, j jobs.Job) {
	p.has[name][key] = j
	delete(p.under, arcLot{j.Workload, j.Lot})
	if !p.dead[name] {
		p.event(jobs.Event{Cluster: name, Kind: jobs.Has, Job: &j})
	}
}

// endAll ends all runs well.
func (p *playedClusters) endAll() {
	for name, all := range p.has {
		for key, j := range all {
			if j.Ended.IsZero() {
				j.Ended = p.now
				p.ended(name, key, j)
			}
		}
	}
}

// turn is one of the loop's.
func (p *playedClusters) turn(handover, timeout time.Duration) {
	s := p.state
	s.stand(p.now, handover)
	if s.unread && s.known() {
		var all []record.Run
		for r := range p.written {
			r.Begun = p.now.Add(-time.Second) // of a later time than it was, which only makes it wait
			all = append(all, r)
		}
		s.unread = false
		for _, r := range s.remember(all) {
			r.Begun = time.Time{}
			delete(p.written, r)
		}
	}
	p.work(s.plan(p.now))
	p.work(s.given(p.now))
	todo, _ := s.starts(p.now)
	p.work(todo)
}

// work does what is to be done, as a worker does.
func (p *playedClusters) work(todo []work) {
	for _, k := range todo {
		mark := record.Run{Cluster: k.cluster, Workload: k.key.arc, Lot: k.key.lot, Attempt: k.attempt.String(), Timeout: time.Hour}
		if k.start != nil {
			p.start(k, mark)
			continue
		}
		p.finish(k, mark)
	}
}

func (p *playedClusters) start(k work, mark record.Run) {
	p.written[mark] = true
	if p.dead[k.cluster] {
		p.t.Fatalf("%v is started in %s, which does not answer", k.key, k.cluster)
	}
	name := run.JobName(k.target.workload, k.key.lot, k.attempt.String())
	if where, runs := p.under[k.key]; runs {
		p.t.Fatalf("%v is started in %s, and runs in %s", k.key, k.cluster, where)
	}
	for cluster, all := range p.has {
		if _, twice := all[k.key.arc+" "+name]; twice {
			p.t.Fatalf("the attempt %s is made in %s, and was in %s", name, k.cluster, cluster)
		}
	}
	p.n++
	p.under[k.key] = k.cluster
	j := jobs.Job{
		Namespace: k.target.as.Namespace, Name: name, UID: "u", Environment: "dev", Workload: k.key.arc, Lot: k.key.lot, Attempt: k.attempt.String(), Created: p.now, Timeout: time.Hour,
	}
	p.has[k.cluster][k.key.arc+" "+name] = j
	p.work(p.state.done(done{work: k, came: cameStarted}, p.now))
	p.event(jobs.Event{Cluster: k.cluster, Kind: jobs.Has, Job: &j})
}

func (p *playedClusters) finish(k work, mark record.Run) {
	arc, _ := k.graph.Arc(k.key.arc)
	at := survey.At{Series: arc.Writes[0], Lot: k.key.lot}
	f := p.stores[at]
	d := done{work: k, came: cameMade}
	switch _, given := f.Partial[k.attempt.String()]; {
	case given:
		d.came, d.why = cameFailed, "see its partial manifest"
	case k.lost || k.job.Failed:
		d.came = cameLost
		if !k.lost {
			d.came = cameFailed
		}
		f.Partial = clonePartial(f.Partial)
		f.Partial[k.attempt.String()] = p.now
		if !f.State.There() {
			f.Mark = plan.Mark{State: plan.Partial, Written: p.now}
		}
	case f.State.There() && f.ETag == k.attempt.String(): // it was written down before
	case f.State.There():
		p.t.Fatalf("%v is made twice: by %s in %s", k.key, k.attempt, k.cluster)
	default:
		f.Mark, f.ETag = plan.Mark{State: plan.Complete, Written: p.now}, k.attempt.String()
	}
	p.stores[at] = f
	d.lots = map[survey.At]survey.Lot{at: f}
	delete(p.written, mark)
	if !p.dead[k.cluster] {
		for name, j := range p.has[k.cluster] {
			if j.Workload == k.key.arc && j.Lot == k.key.lot && j.Attempt == k.attempt.String() {
				j.Outcome = string(d.came)
				p.has[k.cluster][name] = j
				p.loop.fleets[k.cluster].has(jobs.Event{Cluster: k.cluster, Kind: jobs.Has, Job: &j})
			}
		}
	}
	p.work(p.state.done(d, p.now))
}

// clonePartial copies what there was of attempts; there is a map also if there were none.
func clonePartial(of map[string]time.Time) map[string]time.Time {
	out := map[string]time.Time{}
	maps.Copy(out, of)
	return out
}

// TestAttemptsOfTwoClusters: attempts at one lot by the same template are called otherwise in two clusters, so that each has a folder of its own.
func TestAttemptsOfTwoClusters(t *testing.T) {
	tmpl := *template("orders", "land")
	if one, two := (home{cluster: "one", template: tmpl}).digest(), (home{cluster: "two", template: tmpl}).digest(); one == two || len(one) != digestLength {
		t.Errorf("they are %s and %s", one, two)
	}
}

// TestMissedElsewhere: that a Job went while another attempt at its lot was looked at is not forgotten.
func TestMissedElsewhere(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	todo, _ := s.starts(w.now)
	first := todo[0]
	other := jobs.Job{Cluster: "one", Namespace: first.target.as.Namespace, Name: "x", Environment: "dev", Workload: first.key.arc, Lot: first.key.lot, Attempt: attempt{9, first.attempt.epoch, first.attempt.digest}.String()}
	s.missed[first.key] = other
	if todo := s.done(done{work: first, came: cameFailed, why: "boom"}, w.now); !slices.ContainsFunc(todo, func(k work) bool { return k.lost && k.attempt.number == 9 }) {
		t.Errorf("what is left to do is %+v", todo)
	}
}

// TestAnOlderAttempt: what comes of an attempt says nothing of a newer one that is under way.
func TestAnOlderAttempt(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	todo, _ := s.starts(w.now)
	first := todo[0]
	newer := plan.Run{Arc: first.key.arc, Lot: first.key.lot, Attempt: first.attempt.number + 1, Digest: first.attempt.digest}
	for _, came := range []came{cameFailed, cameLost, cameMade, cameNot} {
		s.ran(first.key, newer)
		s.done(done{work: first, came: came, why: "boom"}, w.now)
		if diff := cmp.Diff(newer, s.runs[first.key]); diff != "" {
			t.Errorf("an older one is %s: -want +got:\n%s", came, diff)
		}
	}
}

// TestGivenUp: of several clusters, what a run makes that was given up does not count any more, also if nobody has made its lot meanwhile.
func TestGivenUp(t *testing.T) {
	c := newCounter(t)
	l := hourOf(0)
	k, _ := c.begin("raw", l, 1, false)
	several := *k.declared
	several.clusters = []string{"one", "two"}
	k.declared = &several
	gone := k
	gone.lost = true
	given, err := c.worker.finish(t.Context(), gone)
	if err != nil || given.came != cameLost {
		t.Fatalf("it is given up: %s, %v", given.came, err)
	}
	k.known = given.lots
	back, err := c.worker.finish(t.Context(), k)
	if err != nil || back.came != cameFailed {
		t.Errorf("its cluster is back, and it is %s, %v", back.came, err)
	}
	if diff := cmp.Diff([]string{"partial"}, statesOf(c.entries("raw", l))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
