// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
)

// counter is a platform of three workloads, one after the other and without a loop or a cluster: raw is made of nothing, clean of an hour of raw, and daily of
// the 24 of a day. It counts what the store is asked.
type counter struct {
	t       *testing.T
	s3      *buckettest.S3
	worker  worker
	state   *state
	now     time.Time
	cluster *orders
	uid     int

	mu       sync.Mutex
	requests map[string]int
}

// orders is a cluster that takes the order of a Job, and has nothing run.
type orders struct {
	*played

	last jobs.Order
	// errs are what it answers first.
	errs []error
}

func (o *orders) Create(_ context.Context, _ jobs.As, order jobs.Order) error {
	if len(o.errs) > 0 {
		err := o.errs[0]
		o.errs = o.errs[1:]
		return err
	}
	o.last = order
	return nil
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{
		t: t, s3: buckettest.New(t, "lake", "manifests"), now: time.Date(2026, 6, 2, 0, 30, 0, 0, time.UTC), requests: map[string]int{},
		cluster: &orders{played: newPlayed("one")},
	}
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	workload := func(name, reads string) string {
		return fmt.Sprintf("  - {name: %s, blueprint: container-job, command: [run], %swrites: {main: %s@1}}\n", name, reads, name)
	}
	dataset := func(name, unit string) string {
		return fmt.Sprintf("  - {name: %s, version: \"1\", path: \"lake://%s/\", lots: {unit: %s, since: 2026-06-01T00:00:00Z}}\n", name, name, unit)
	}
	cat, problems, err := catalog.Load(fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" + head +
			"kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: \"s3://lake\"}\n  lots: {manifests: \"s3://manifests/\"}\n")},
		"orders/project.yaml": {Data: []byte(head + "kind: Project\nmetadata: {name: orders}\nspec:\n  owner: team\n  environments: [dev]\n  image: a/b:1\n  datasets:\n" +
			dataset("raw", "hourly") + dataset("clean", "hourly") + dataset("daily", "daily") +
			"  workloads:\n" + workload("raw", "") + workload("clean", "reads: {raw: raw@1}, ") + workload("daily", "reads: {raw: raw@1}, "))},
	}, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatalf("%v\n%s", err, problems)
	}
	f := newFleet("one")
	f.complete = true
	for _, name := range []string{"raw", "clean", "daily"} {
		f.has(jobs.Event{Template: template("orders", name)})
	}
	c.state = newState(declare(cat, "dev", ""), plan.Limits{}, f)
	c.state.lists(t, nil)
	c.state.plan(c.now)
	c.restart()
	c.count()
	return c
}

// count has requests counted, and nothing go wrong.
func (c *counter) count() {
	c.s3.Fail(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		kind := r.Method
		if r.URL.Query().Has("list-type") {
			kind = "LIST"
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests[kind]++
		return false
	})
}

// restart has the next keeper go on, which has read nothing yet.
func (c *counter) restart() {
	c.worker = newWorker(bucket.Options{Endpoint: c.s3.URL}, c.cluster, func() time.Time { return c.now })
}

// asked is what the store was asked since it was asked last, by kind.
func (c *counter) asked() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(c.requests)) {
		out = append(out, fmt.Sprintf("%d %s", c.requests[kind], kind))
	}
	clear(c.requests)
	return strings.Join(out, ", ")
}

// put writes an object, and does not count that.
func (c *counter) put(address string) {
	c.t.Helper()
	c.s3.Fail(nil)
	defer c.count()
	folder, key := address[:strings.LastIndex(address, "/")+1], address[strings.LastIndex(address, "/")+1:]
	err := bucket.With(c.t.Context(), folder, bucket.Options{Endpoint: c.s3.URL}, func(f bucket.Folder) error { return f.Create(c.t.Context(), key, []byte("x")) })
	if err != nil {
		c.t.Fatal(err)
	}
}

// run runs a workload for a lot: it is started, writes some objects, ends, and is finished.
func (c *counter) run(workload string, l lot.Lot, objects int, failed bool) came {
	c.t.Helper()
	todo, came := c.begin(workload, l, objects, failed)
	if came != cameStarted {
		return came
	}
	d, err := c.worker.finish(c.t.Context(), todo)
	if err != nil {
		c.t.Fatal(err)
	}
	c.state.done(d, c.now)
	return d.came
}

// begin has a run started and end, and returns what is to be finished.
func (c *counter) begin(workload string, l lot.Lot, objects int, failed bool) (work, came) {
	c.t.Helper()
	todo, _ := c.state.starts(c.now)
	i := slices.IndexFunc(todo, func(w work) bool { return w.key == arcLot{"orders/" + workload, l} })
	for _, w := range todo {
		delete(c.state.busy, w.key)
		if w.key != (arcLot{"orders/" + workload, l}) {
			c.state.ran(w.key, plan.Run{})
		}
	}
	if i < 0 {
		c.t.Fatalf("%s of %s is not to be started", workload, l)
	}
	d := c.worker.start(c.t.Context(), todo[i])
	c.state.done(d, c.now)
	if d.came != cameStarted {
		return work{}, d.came
	}
	order := c.cluster.last
	for _, v := range order.Variables {
		if v.Name == "TRUNKLINE_WRITE_MAIN" {
			for n := range objects {
				c.put(v.Value.With(nil) + fmt.Sprint(n))
			}
		}
	}
	c.uid++
	return c.state.finish(d.key, d.attempt, jobs.Job{
		Cluster: "one", Namespace: "orders-dev", Name: order.Name, UID: types.UID(fmt.Sprint(c.uid)), Environment: "dev", Workload: d.key.arc, Lot: l, Attempt: order.Attempt,
		Inputs: order.Inputs, Replaces: order.Replaces, Tag: order.Tag, Created: c.now, Ended: c.now, Failed: failed,
	}, false)[0], cameStarted
}

func hourOf(n int) lot.Lot { return lot.Hourly.At(time.Date(2026, 6, 1, n, 0, 0, 0, time.UTC)) }

// replay has all lots of a workload made once more.
func (c *counter) replay(arc string) {
	c.s3.Advance(time.Hour)
	c.now = c.now.Add(time.Hour)
	c.state.declared.replays = append(c.state.declared.replays, plan.Replay{ID: "of " + arc, Of: arc, From: hourOf(0).Start, Until: hourOf(24).Start})
	c.state.noteBegun(map[string]time.Time{"of " + arc: c.now})
	c.state.plan(c.now)
}

// entries are the manifests of a lot.
func (c *counter) entries(dataset string, l lot.Lot) []store.Entry {
	c.t.Helper()
	c.s3.Fail(nil)
	defer c.count()
	all, err := c.worker.stores.one(c.t.Context(), "s3://manifests/", store.Of{Dataset: manifest.Dataset{Name: dataset, Version: "1"}, Lot: l})
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

// crash has the n-th request from now on be the last that is answered to nobody, and whether it is done or not.
func (c *counter) crash(at int64, done bool) (requests *atomic.Int64) {
	requests = new(atomic.Int64)
	c.s3.Fail(func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
		n := requests.Add(1)
		if n < at {
			return false
		}
		if n == at && done {
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	})
	return requests
}

func statesOf(entries []store.Entry) (states []string) {
	for _, e := range entries {
		states = append(states, string(e.Key.State))
	}
	return states
}
