// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
)

// hours is how many lots each workload of the platform has to make.
const hours = 8

// waitTimeout bounds every wait; it is long, since only a failing test waits for all of it.
const waitTimeout = time.Minute

// world is a platform of two projects, the folders of its stores, and a cluster that is played.
type world struct {
	t       testing.TB
	dir     string
	catalog atomic.Pointer[catalog.Catalog]
	cluster *played
	// more are further clusters, in which the environment is too if it declares them, and handover is how long they are waited for.
	more     []*played
	handover time.Duration
	// ahead is by how much the clock is.
	ahead atomic.Int64
	now   time.Time

	// keeper is the one that keeps the lots now, or did last, and facts are what it told of datasets that are late.
	keeper *Keeper
	facts  func(Lateness)
	// expired is told of lots that are removed since they are not kept any more.
	expired func(Expired)
	// log is where keepers log to, and edits change what is declared.
	log   io.Writer
	edits []func(now time.Time, tree fstest.MapFS)

	mu    sync.Mutex
	ended map[string]int
}

// end counts what came of runs.
func (w *world) end(e Ended) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[e.Workload+" "+e.Outcome]++
	if e.Made() && e.Took <= 0 {
		w.ended[e.Workload+" made in no time"]++
	}
}

// outcomes are what came of runs, by workload.
func (w *world) outcomes() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.ended)
}

func newWorld(t testing.TB, edits ...func(now time.Time, tree fstest.MapFS)) *world {
	t.Helper()
	if left := time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)); left < 20*time.Second {
		time.Sleep(left) // a lot that becomes due while a test runs is none that it expects
	}
	w := &world{
		t: t, dir: t.TempDir(), log: io.Discard, now: time.Now().UTC().Truncate(time.Hour), cluster: newPlayed("one"), ended: map[string]int{},
		edits: edits,
	}
	w.declare()
	return w
}

// declare has the catalog be the one of the world, with texts of its declarations replaced by others.
func (w *world) declare(pairs ...string) {
	w.t.Helper()
	t := w.t
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	project := func(name, dataset, workload, reads string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(head + fmt.Sprintf(`kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: a/b:1
  datasets: [{name: %s, version: "1", path: "lake://%s/", lots: {unit: hourly, since: %q}, freshness: 1h}]
  workloads: [{name: %s, blueprint: container-job, command: [run], %swrites: {main: %s@1}}]
`, name, dataset, dataset, w.now.Add(-hours*time.Hour).Format(time.RFC3339), workload, reads, dataset))}
	}
	tree := fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" + head +
			fmt.Sprintf("kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: \"file://%s/lake\"}\n  lots: {manifests: \"file://%s/manifests/\"}\n", w.dir, w.dir))},
		"orders/project.yaml": project("orders", "raw", "land", ""),
		"sales/project.yaml":  project("sales", "clean", "clean", "reads: {raw: orders/raw@1}, "),
	}
	for _, edit := range w.edits {
		edit(w.now, tree)
	}
	for i := 0; i < len(pairs); i += 2 {
		found := false
		for _, f := range tree {
			found = found || strings.Contains(string(f.Data), pairs[i])
			f.Data = []byte(strings.ReplaceAll(string(f.Data), pairs[i], pairs[i+1]))
		}
		if !found {
			t.Fatalf("no declaration has %q", pairs[i])
		}
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatalf("%v\n%s", err, problems)
	}
	w.catalog.Store(cat)
}

// keep keeps the lots until the function that it returns is called.
func (w *world) keep() (stop func()) {
	return w.keepEvery(50 * time.Millisecond)
}

// keepEvery keeps the lots, and lists the stores from time to time.
func (w *world) keepEvery(interval time.Duration) (stop func()) {
	k := w.replica(interval)
	w.keeper = k
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	w.t.Cleanup(stop)
	return stop
}

// replica is a keeper that does not run.
func (w *world) replica(interval time.Duration) *Keeper {
	clusters := []Cluster{w.cluster}
	for _, c := range w.more {
		clusters = append(clusters, c)
	}
	return New(Options{
		Accepted: w.catalog.Load, Clusters: clusters, Interval: interval, Limits: DefaultLimits(), Handover: w.handover,
		Log: slog.New(slog.NewTextHandler(w.log, nil)), Now: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }, Ended: w.end, Late: w.facts,
		Expired: w.expired,
	})
}

// lots are those of a dataset in a state.
func (w *world) lots(dataset string, state manifest.State) (ids []string) {
	for _, at := range w.files(dataset, state) {
		_, id, _ := strings.Cut(at, "/lot=")
		id, _, _ = strings.Cut(id, "/")
		ids = append(ids, id)
	}
	return ids
}

// files are the manifests of a dataset in a state.
func (w *world) files(dataset string, state manifest.State) []string {
	file := "manifest.json"
	if state.Attempted() {
		file = "attempt=*/" + file
	}
	found, _ := filepath.Glob(filepath.Join(w.dir, "manifests/datasets/name="+dataset, "version=1/lot=*", "state="+string(state), file))
	return found
}

func (w *world) made() bool {
	return len(w.lots("raw", manifest.Complete)) == hours && len(w.lots("clean", manifest.Complete)) == hours
}

func (w *world) await(what string, ok func() bool) {
	w.t.Helper()
	for late := time.Now().Add(waitTimeout); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			w.t.Fatalf("waiting for %s: complete are %v and %v, partial %v, started %v", what, w.lots("raw", manifest.Complete), w.lots("clean", manifest.Complete),
				w.lots("raw", manifest.Partial), w.cluster.starts())
		}
	}
}

// path is where the manifest of a lot is that counts.
func (w *world) path(dataset string, l lot.Lot) string {
	return filepath.Join(w.dir, "manifests", manifest.Key{Dataset: manifest.Dataset{Name: dataset, Version: "1"}, Lot: l, State: manifest.Complete}.Path())
}

// at is a lot, by its number from the first on.
func (w *world) at(n int) lot.Lot {
	return lot.Hourly.At(w.now.Add(time.Duration(n-hours) * time.Hour))
}

// played is a cluster: the program of a run writes one object, and ends at once unless it is to go on.
type played struct {
	*fake

	started []string
	// program is what a run does; it returns whether it failed, and whether it goes on until it is ended.
	program func(o jobs.Order, out string) (failed, on bool)
	// settling is called before what came of a run is noted.
	settling func()
	// lingering are Jobs that are gone whose pods have not ended.
	lingering map[string]bool
	// logs says what a Job has written; nil: that it has written something.
	logs func(jobs.Job) (string, error)
	// deleting is what comes of removing a Job; nil: it is gone.
	deleting func(jobs.Job) error
	// why says why a Job has failed; nil: by an exit code.
	why func() (string, error)
	// others are Jobs that were not made for lots, by where they are.
	others map[string]jobs.Looked
}

func newPlayed(name string) *played {
	return &played{fake: newFake(name), program: func(jobs.Order, string) (bool, bool) { return false, false }, settling: func() {}}
}

func (p *played) Create(_ context.Context, as jobs.As, o jobs.Order) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.answers(); err != nil {
		return err
	}
	j, out, ok := p.order(as, o, time.Now())
	if !ok {
		return nil
	}
	p.started = append(p.started, o.Template.Workload+" "+o.Lot.ID())
	p.set(j)
	if err := os.MkdirAll(path(out), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(path(out), "part"), []byte(o.Attempt), 0o644); err != nil {
		return err
	}
	failed, on := p.program(o, path(out))
	if !on {
		j.Ended, j.Failed = time.Now(), failed
		p.set(j)
	}
	return nil
}

// end ends the runs that go on, or some of them.
func (p *played) end(which func(jobs.Job) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.jobs {
		if j.Ended.IsZero() && which(j) {
			j.Ended = time.Now()
			p.set(j)
		}
	}
}

func (p *played) Settle(ctx context.Context, _ jobs.As, j jobs.Job, outcome string) error {
	p.settling()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.answers(); err != nil {
		return err
	}
	p.note(j, outcome)
	return nil
}

func (p *played) Delete(_ context.Context, _ jobs.As, j jobs.Job) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deleting != nil {
		return p.deleting(j)
	}
	return nil
}

func (p *played) Log(_ context.Context, _ jobs.As, j jobs.Job) (string, error) {
	p.mu.Lock()
	logs := p.logs
	p.mu.Unlock()
	if logs != nil {
		return logs(j)
	}
	return "the log of " + j.Name + "\n", nil
}

func (p *played) Look(_ context.Context, as jobs.As, name string) (jobs.Looked, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.answers(); err != nil {
		return jobs.Looked{}, err
	}
	if p.others != nil {
		if found, there := p.others[as.Namespace+"/"+name]; there {
			return found, nil
		}
	}
	j, there := p.jobs[as.Namespace+"/"+name]
	if !there {
		return jobs.Looked{}, jobs.ErrNoJob
	}
	j.Cluster = p.name
	return jobs.Looked{Job: j, Manifest: "kind: Job\nmetadata: {name: " + name + "}\n"}, nil
}

func (p *played) Why(context.Context, jobs.As, jobs.Job) (string, error) {
	if p.why != nil {
		return p.why()
	}
	return "it ended with exit code 3", nil
}

func (p *played) Await(_ context.Context, as jobs.As, name string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, there := p.jobs[as.Namespace+"/"+name]
	return there, p.answers()
}

func (p *played) Lingering(context.Context, jobs.As) (map[string]bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lingering, p.answers()
}

// starts are how often each lot of each workload was started.
func (p *played) starts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]int{}
	for _, s := range p.started {
		out[s]++
	}
	return out
}

// outcomes are how many Jobs have which note.
func (p *played) outcomes() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]int{}
	for _, j := range p.jobs {
		out[j.Outcome]++
	}
	return out
}

// once are all lots of both workloads, each once, but for some.
func (w *world) once(but map[string]int) map[string]int {
	out := map[string]int{}
	for n := range hours {
		out["orders/land "+w.at(n).ID()], out["sales/clean "+w.at(n).ID()] = 1, 1
	}
	maps.Copy(out, but)
	return out
}

// TestEachLotOnce: all lots are made through both projects, each by one run.
func TestEachLotOnce(t *testing.T) {
	w := newWorld(t)
	w.keep()
	w.await("all lots", w.made)
	if diff := cmp.Diff(w.once(nil), w.cluster.starts()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want := map[string]int{"land made": hours, "clean made": hours}
	w.await("what came of the runs to be told", func() bool { return cmp.Equal(want, w.outcomes()) })
}

// TestKilledWhileSettling: a keeper that ends at any of the points at which it writes down what came of a run leaves nothing undone and
// has nothing done twice, whoever goes on.
func TestKilledWhileSettling(t *testing.T) {
	for at := range 5 {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w := newWorld(t)
			reached, n := make(chan struct{}), 0
			var mu sync.Mutex
			w.cluster.settling = func() {
				mu.Lock()
				defer mu.Unlock()
				if n++; n == 3*at+1 {
					close(reached)
				}
			}
			stop := w.keep()
			<-reached
			stop()
			w.keep()
			w.await("all lots", w.made)
			w.await("all to be noted", func() bool { return w.cluster.outcomes()[""] == 0 })
			if diff := cmp.Diff(w.once(nil), w.cluster.starts()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(map[string]int{"made": 2 * hours}, w.cluster.outcomes()); diff != "" {
				t.Errorf("what is noted: -want +got:\n%s", diff)
			}
		})
	}
}

// TestLostJobs: a run whose Job someone deletes is made again, whether anybody looked or not, and what it wrote counts for nothing.
func TestLostJobs(t *testing.T) {
	for _, looked := range []bool{true, false} {
		t.Run(fmt.Sprint(looked), func(t *testing.T) {
			w := newWorld(t)
			on := true
			w.cluster.program = func(o jobs.Order, _ string) (bool, bool) { return false, on && o.Lot == w.at(2) }
			stop := w.keep()
			w.await("the run", func() bool { return w.cluster.starts()["orders/land "+w.at(2).ID()] == 1 })
			w.await("the other runs", func() bool { return len(w.lots("clean", manifest.Complete)) == hours-1 })
			if !looked {
				stop()
			}
			w.cluster.mu.Lock()
			on = false
			w.cluster.mu.Unlock()
			w.cluster.remove(func(j jobs.Job) bool { return j.Lot == w.at(2) && j.Ended.IsZero() })
			if !looked {
				w.keep()
			}
			w.await("all lots", w.made)
			if diff := cmp.Diff(w.once(map[string]int{"orders/land " + w.at(2).ID(): 2}), w.cluster.starts()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			data, err := os.ReadFile(w.path("raw", w.at(2)))
			if err != nil || strings.Count(string(data), "/part") != 1 {
				t.Errorf("the manifest lists what both runs wrote: %s, %v", data, err)
			}
			if diff := cmp.Diff([]string{w.at(2).ID()}, w.lots("raw", manifest.Partial)); diff != "" {
				t.Errorf("partial: -want +got:\n%s", diff)
			}
		})
	}
}

// refusing is a cluster in which what came of the runs of orders cannot be noted.
type refusing struct{ *played }

func (r refusing) Settle(ctx context.Context, as jobs.As, j jobs.Job, outcome string) error {
	if j.Namespace == "orders-dev" {
		return errors.New("it is forbidden")
	}
	return r.played.Settle(ctx, as, j, outcome)
}

// TestOneThatIsStuck: runs that cannot be written down hold up none of other workloads, however many there are.
func TestOneThatIsStuck(t *testing.T) {
	const lots = atWork + 4
	w := newWorld(t)
	since := func(n int) string { return w.now.Add(-time.Duration(n) * time.Hour).Format(time.RFC3339) }
	w.declare(since(hours), since(lots), "reads: {raw: orders/raw@1}, ", "", "/manifests/\"", fmt.Sprintf("/manifests/\", limits: {runs: %d, perWorkload: %d}", 2*lots, lots))
	k := New(Options{
		Accepted: w.catalog.Load, Clusters: []Cluster{refusing{w.cluster}}, Interval: time.Hour, Limits: DefaultLimits(),
		Log: slog.New(slog.NewTextHandler(w.log, nil)), Now: time.Now, Ended: w.end,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	w.await("the lots of another workload", func() bool { return len(w.lots("clean", manifest.Complete)) == lots })
}

// TestDamagedManifest: a manifest that is damaged never counts (hostile input 46): who is to read it has it made again.
func TestDamagedManifest(t *testing.T) {
	for name, text := range map[string]string{
		"garbage":         "{",
		"of another lot":  `{"state":"complete","comment":null,"lotId":"20260102PT1H003","uriType":"identifier","uris":[]}`,
		"of other data":   `{"state":"complete","comment":null,"lotId":"LOT","uriType":"identifier","uris":["file:///etc/passwd"]}`,
		"empty as a file": "",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path := w.path("raw", w.at(3))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(text, "LOT", w.at(3).ID(), 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			w.keep()
			w.await("all lots", w.made)
			if diff := cmp.Diff(w.once(nil), w.cluster.starts()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), "attempt=") {
				t.Errorf("the manifest is %s, %v", data, err)
			}
			if diff := cmp.Diff([]string{w.at(3).ID()}, w.lots("raw", manifest.Removed)); diff != "" {
				t.Errorf("nothing says that there was another one: -want +got:\n%s", diff)
			}
		})
	}
}

// TestInputsThatChange: what was made of an input that changed while it was made does not count, and is made again at once.
func TestInputsThatChange(t *testing.T) {
	w := newWorld(t)
	first := true
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		if o.Template.Workload != "sales/clean" || o.Lot != w.at(1) || !first {
			return false, false
		}
		first = false
		data, err := os.ReadFile(w.path("raw", w.at(1)))
		if err != nil {
			t.Error(err)
		}
		w.writes("raw", w.at(1), []byte(strings.Replace(string(data), "/part", "/other", 1)))
		return false, false
	}
	w.keep()
	w.await("all lots", w.made)
	if got := w.cluster.starts()["sales/clean "+w.at(1).ID()]; got != 2 {
		t.Errorf("it was run %d times, want once more for what it reads now", got)
	}
}

// TestFailuresPause: a run that fails is not tried again before its pause ends, also not by another keeper, and what it left does
// not count; what depends on other lots goes on.
func TestFailuresPause(t *testing.T) {
	w := newWorld(t)
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		return o.Lot == w.at(5) && o.Template.Workload == "orders/land", false
	}
	rest := func() bool { return len(w.lots("clean", manifest.Complete)) == hours-1 }
	stop := w.keep()
	w.await("the rest", rest)
	w.await("the failure", func() bool { return slices.Contains(w.lots("raw", manifest.Partial), w.at(5).ID()) })
	w.await("the failure to be told", func() bool { return w.outcomes()["land failed"] == 1 })
	stop()
	for n, forget := range []bool{false, true} {
		if forget { // Jobs go, and the manifest says it all the same
			w.cluster.remove(func(jobs.Job) bool { return true })
		}
		// A lot that has to be made shows that the keeper has planned.
		if err := os.Remove(w.path("clean", w.at(n))); err != nil {
			t.Fatal(err)
		}
		stop := w.keep()
		w.await("the rest", rest)
		stop()
		if got := w.cluster.starts()["orders/land "+w.at(5).ID()]; got != 1 {
			t.Errorf("the run that failed was started %d times; Jobs are gone: %t", got, forget)
		}
	}
}

// TestAttempts: the name of an attempt says what it is, and no other name is taken for one.
func TestAttempts(t *testing.T) {
	for _, n := range []int{1, 35, 36, 1295, 1296, maxNumber} {
		a := attempt{n, short("epoch", epochLength), short("digest", digestLength)}
		if got, ok := parseAttempt(a.String()); !ok || got != a || len(a.String()) > 16 {
			t.Errorf("%+v is %s, which is read as %+v, %t", a, a, got, ok)
		}
	}
	for _, name := range []string{"", "r", "1764450000000", "r0aaaaabbbbbbb", "raaaaabbbbbbb", "r-1aaaaabbbbbbb", "rzzzzaaaaabbbbbbb", "x1aaaaabbbbbbb"} {
		if a, ok := parseAttempt(name); ok {
			t.Errorf("%q is taken for %+v", name, a)
		}
	}
}
