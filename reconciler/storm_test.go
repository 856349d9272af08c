// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// weather is a random course of faults on all verbs. Its zero value is calm.
type weather struct {
	mu sync.Mutex
	// rand decides; its numbers meet requests in the order in which those come, so that a seed repeats the kind of course
	// and not the very same one.
	rand *rand.Rand
	// share of the requests that go wrong, in percent.
	share int
	hits  map[string]int
	// hang ends what hangs.
	hang chan struct{}
}

// choose is what a proxy of faults asks.
func (w *weather) choose(r *http.Request, _ int) clustertest.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	share, more := w.share, onCalls
	if clustertest.IsWatch(r) {
		share, more = 2*w.share, onWatches // there are few of them
		w.hits["(watches)"]++
	}
	if w.rand.IntN(100) >= share {
		return clustertest.Fault{}
	}
	faults := slices.Concat(onBoth, more)
	one := faults[w.rand.IntN(len(faults))]
	if one.name == "hang" {
		one.fault.Hang = w.hang
	}
	w.hits[one.name]++
	return one.fault
}

// wrong is a fault that has a name in the tally.
type wrong struct {
	name  string
	fault clustertest.Fault
}

// What goes wrong with all requests, with those that are no watches, and with watches.
var (
	onBoth = []wrong{
		{"slow-down", clustertest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1}},
		{"internal", clustertest.Fault{Status: http.StatusInternalServerError}},
		{"expired", clustertest.Fault{Status: http.StatusUnauthorized}},
		{"gone", clustertest.Fault{Status: http.StatusGone}},
		{"reset", clustertest.Fault{Reset: true}},
		{"hang", clustertest.Fault{Reset: true}},
	}
	onCalls = []wrong{
		{"conflict", clustertest.Fault{Status: http.StatusConflict}},
		{"half", clustertest.Fault{Half: true}},
	}
	onWatches = []wrong{
		{"watch-closed", clustertest.Fault{Answer: new("")}},
		{"watch-too-old", clustertest.Fault{Answer: new(tooOld)}},
		{"watch-half", clustertest.Fault{Answer: new(halfAnEvent)}},
	}
)

// What a watch may bring.
const (
	tooOld      = `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version","reason":"Expired","code":410}}`
	halfAnEvent = `{"type":"MODIFIED","object":{"apiVersion":"v1","ki`
)

// begin has a share of the requests go wrong.
func (w *weather) begin(share int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.share = share
}

// drop has what hangs dropped from time to time until ctx ends, so that the test is not as long as the daemon is patient.
func (w *weather) drop(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		w.mu.Lock()
		close(w.hang)
		w.hang = make(chan struct{})
		w.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// seed returns that of a random course, which is new each time unless STORM_SEED says otherwise, and logs it.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if s := os.Getenv("STORM_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("STORM_SEED=%d", n)
	return rand.New(rand.NewPCG(n, 0))
}

// everyKind is what the releases of these tests have objects of.
var everyKind = []schema.GroupVersionResource{configMaps, namespaces, deployments, services, accounts}

// members lists everything in the cluster that is a member of a release of the projects that begin so, and the
// inventories of the platform.
func (c cell) members(platform, prefix string) []string {
	c.t.Helper()
	var out []string
	for _, r := range everyKind {
		list, err := c.client.Resource(r).List(c.t.Context(), metav1.ListOptions{LabelSelector: "applyset.kubernetes.io/part-of"})
		if err != nil {
			c.t.Fatal(err)
		}
		for _, o := range list.Items {
			applied := slices.ContainsFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool { return e.Manager == "trunkline" })
			if applied && strings.HasPrefix(o.GetLabels()["trunkline.dev/project"], prefix) {
				out = append(out, fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName()))
			}
		}
	}
	list, err := c.client.Resource(configMaps).Namespace("trunkline-system").List(c.t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/platform=" + platform})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, o := range list.Items {
		out = append(out, "inventory "+o.GetName())
	}
	slices.Sort(out)
	return out
}

// settled waits until the process has no more goroutines than that.
func settled(t *testing.T, most int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() > most {
		select {
		case <-tick.C:
		case <-ctx.Done():
			stacks := make([]byte, 1<<20)
			t.Fatalf("there are %d goroutines, want %d at most:\n%s", runtime.NumGoroutine(), most, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestAStorm has releases roll out, change and go while a part of all requests goes wrong in all ways. When it is
// over, the cluster holds what is declared, and nothing else; those that had no change were not touched; and the
// process is as before.
func TestAStorm(t *testing.T) {
	const projects, quiet, rounds = 24, 4, 10
	c := look(t, pkg.Cluster(t))
	random := seed(t)
	faults := c.Faults(t)
	d := start(t, faults.Kubeconfig)
	files := platform("storm", nil)
	name := func(i int) string { return fmt.Sprintf("storm-%02d", i) }
	values := map[string]map[string]string{} // project, object, value
	declare := func(i int, objects map[string]string) []string {
		dir := name(i)
		changed := []string{dir + "/project.yaml", dir + "/objects/kustomization.yaml", dir + "/objects/all.yaml"}
		if objects == nil {
			files = files.with(tree{changed[0]: "", changed[1]: "", changed[2]: ""})
			delete(values, dir)
			return changed
		}
		all := ""
		for _, o := range slices.Sorted(maps.Keys(objects)) {
			all += "---\n" + configMap(o, objects[o])
		}
		files = files.with(tree{changed[0]: manifests(dir), changed[1]: kustomization, changed[2]: all})
		values[dir] = objects
		return changed
	}
	for i := range projects {
		declare(i, map[string]string{"a": "0", "b": "0"})
	}
	d.mustAccept("c0", files)
	d.awaitFine("c0")
	untouched := map[string]map[string]string{}
	for i := range quiet {
		untouched[name(i)] = c.versions(name(i) + "-dev")
	}
	goroutines, bytes := runtime.NumGoroutine(), heap()

	w := &weather{rand: random, hits: map[string]int{}, hang: make(chan struct{})}
	dropping, calm := context.WithCancel(t.Context())
	defer calm()
	go w.drop(dropping)
	course := rand.New(rand.NewPCG(random.Uint64(), 1))
	faults.Set(w.choose)
	var commit string
	for round := range rounds {
		last := round >= rounds-2
		if w.begin(10 + course.IntN(20)); last {
			w.begin(60) // in which hardly anything comes through
		}
		faults.Cut()
		commit = fmt.Sprintf("c%d", round+1)
		var changed []string
		for range 3 + course.IntN(10) {
			i := quiet + course.IntN(projects-quiet)
			objects := map[string]string{}
			for _, o := range []string{"a", "b", "c"} {
				if course.IntN(3) > 0 {
					objects[o] = commit
				}
			}
			if course.IntN(5) == 0 || len(objects) == 0 {
				objects = nil
			}
			changed = append(changed, declare(i, objects)...)
		}
		d.mustAccept(commit, files, changed...)
		if course.IntN(2) == 0 && len(values) > 0 {
			// Someone deletes or edits by hand meanwhile, of what may or may not be there.
			ns := name(quiet+course.IntN(projects-quiet)) + "-dev"
			client := c.client.Resource(configMaps).Namespace(ns)
			if course.IntN(2) == 0 {
				_ = client.Delete(t.Context(), "a", metav1.DeleteOptions{})
			} else {
				_, _ = client.Patch(t.Context(), "b", "application/merge-patch+json", []byte(`{"data":{"key":"by hand"}}`), metav1.PatchOptions{FieldManager: "someone"})
			}
		}
		one := name(quiet + course.IntN(projects-quiet))
		if values[one] == nil || last || course.IntN(2) == 0 {
			continue
		}
		d.await(one+" to be through the storm", func(p status.Platform) bool { return release(p, one).Fine() })
	}
	w.begin(0)
	faults.Set(nil)
	d.awaitFine(commit)
	calm()
	d.await("what was removed to be gone", func(p status.Platform) bool { return len(p.Releases) == len(values) })

	var want []string
	for project, objects := range values {
		want = append(want, "inventory storm.dev."+project, "Namespace /"+project+"-dev", "ServiceAccount "+project+"-dev/"+project)
		for o, v := range objects {
			want = append(want, fmt.Sprintf("ConfigMap %s-dev/%s", project, o))
			if got := c.value(project+"-dev", o); got != v {
				t.Errorf("%s of %s is %q, want %q", o, project, got, v)
			}
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, c.members("storm", "storm-")); diff != "" {
		t.Errorf("what the cluster holds: -want +got:\n%s", diff)
	}
	for project, before := range untouched {
		if diff := cmp.Diff(before, c.versions(project+"-dev")); diff != "" {
			t.Errorf("%s had no change, and was touched:\n%s", project, diff)
		}
	}
	w.mu.Lock()
	t.Logf("faults: %v", w.hits)
	w.mu.Unlock()
	faults.Cut() // connections that nobody needs any more
	d.awaitFine(commit)
	settled(t, goroutines+40) // a connection to the proxy has some on either side
	if now := heap(); now > 2*bytes+(32<<20) {
		t.Errorf("the heap has %d MiB, and had %d before", now>>20, bytes>>20)
	}
}

// TestReleasesThatHangDelayNobody: a fifth of the releases hang with all their objects, whose shares together are more than
// there may be requests, and all others come through while they still do; twice.
func TestReleasesThatHangDelayNobody(t *testing.T) {
	const projects, objects = 45, 12
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	d := start(t, faults.Kubeconfig)
	hang := make(chan struct{})
	var hung, gaveUp atomic.Int64
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		if r.Method == http.MethodGet || !strings.Contains(r.URL.Path, "/namespaces/hang-bad-") || !strings.Contains(r.URL.Path, "/configmaps/") {
			return clustertest.Fault{}
		}
		hung.Add(1)
		context.AfterFunc(r.Context(), func() {
			select {
			case <-hang:
			default:
				gaveUp.Add(1)
			}
		})
		return clustertest.Fault{Hang: hang}
	})
	files := platform("hang", nil)
	bad, others := 0, 0
	declare := func(value string) tree {
		bad, others = 0, 0
		now := files
		for i := range projects {
			id, n := fmt.Sprintf("hang-good-%02d", i), 1
			if i%5 == 0 {
				id, n = fmt.Sprintf("hang-bad-%02d", i), objects
				bad++
			} else {
				others++
			}
			all := ""
			for o := range n {
				all += "---\n" + configMap(fmt.Sprintf("o%d", o), value)
			}
			now = now.with(tree{id + "/project.yaml": manifests(id), id + "/objects/kustomization.yaml": kustomization, id + "/objects/all.yaml": all})
		}
		return now
	}
	for _, commit := range []string{"c1", "c2"} {
		d.mustAccept(commit, declare(commit))
		d.await("all others to come through", func(p status.Platform) bool {
			n := 0
			for _, r := range p.Releases {
				if strings.HasPrefix(r.Project, "hang-good-") && r.Fine() && r.Commit == commit {
					n++
				}
			}
			return n == others
		})
		if n := gaveUp.Load(); n != 0 {
			t.Fatalf("at %s, %d requests that hung were given up before all others were through", commit, n)
		}
	}
	if n := hung.Load(); n < int64(bad) {
		t.Errorf("%d requests hung, which is too few to tell", n)
	}
	close(hang)
	faults.Set(nil)
	d.awaitFine("c2")
}

// TestBadReleasesDelayNobody: of 40 releases, 4 always fail and 4 are never ready. All others come through, and once more, while
// those are as bad as before and are not tried without a pause.
func TestBadReleasesDelayNobody(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	d := start(t, faults.Kubeconfig)
	var resets atomic.Int64
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		switch {
		case r.Method != http.MethodPatch || !strings.HasSuffix(r.URL.Path, "/configmaps/never"):
			return clustertest.Fault{}
		case within(r, "ten-02-dev"):
			resets.Add(1)
			return clustertest.Fault{Reset: true}
		default:
			return clustertest.Fault{Status: http.StatusInternalServerError}
		}
	})
	never := strings.Replace(waves, "    spec:\n", "    spec:\n      nodeSelector: {no: node}\n", 1) // which no node has
	declare := func(value string) tree {
		files := platform("ten", nil)
		for i := range 40 {
			id := fmt.Sprintf("ten-%02d", i)
			all := configMap("a", value)
			switch {
			case i < 2:
				all += "---\n" + configMap("Not_A_Name", value) // which no attempt will fix
			case i < 4:
				all += "---\n" + configMap("never", value)
			case i < 8:
				all = strings.ReplaceAll(never, "IMAGE", value) + all
			}
			files = files.with(tree{id + "/project.yaml": manifests(id), id + "/objects/kustomization.yaml": kustomization, id + "/objects/all.yaml": all})
		}
		return files
	}
	for _, commit := range []string{"c1", "c2"} {
		d.mustAccept(commit, declare(commit))
		p := d.await("all others to come through", func(p status.Platform) bool {
			n := 0
			for _, r := range p.Releases {
				if r.Project >= "ten-08" && r.Fine() && r.Commit == commit {
					n++
				}
			}
			return n == 32
		})
		for _, r := range p.Releases {
			if r.Project < "ten-08" && r.Fine() && r.Commit == commit {
				t.Errorf("at %s, %s is fine, so nothing was tested", commit, r.Project)
			}
		}
	}
	// What is reset is tried again after half a second, one, two, and so on, for each commit.
	d.failedRuns("ten-02", 2)
	if n := resets.Load(); n == 0 || n > 40 {
		t.Errorf("what is always reset was tried %d times", n)
	}
}
