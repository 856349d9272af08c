// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// killSeed makes the course of [TestKilledAtFiftyPoints] the same again.
var killSeed = flag.Uint64("kill.seed", 0, "seed of the points at which the daemon is killed; 0 for a new one")

const (
	releases = 100
	// killed is how often the daemon is killed while it rolls out everything, and then while it rolls out a change.
	killedFirst, killedThen = 30, 20
)

// course is a row of daemons that are killed, one after the other.
type course struct {
	*killer
	t       *testing.T
	random  *rand.Rand
	program string
	flags   []string
	data    string
	// rested counts those that were done before their point had come.
	rested int
}

// TestKilledAtFiftyPoints kills the daemon with -9 while it rolls out a hundred releases, and again while it rolls out
// a commit that changes, removes and adds some. Each daemon starts with what was on the disk of the one before, or with
// nothing at all. The end is what is declared, and what had not changed was not touched.
func TestKilledAtFiftyPoints(t *testing.T) {
	cluster := pkg.Cluster(t)
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("the same course again: -kill.seed=%d", seed)
	repo := gittest.New(t)
	faults := cluster.Faults(t)
	k := &killer{written: map[string]bool{}, count: map[counted]int{}}
	faults.Set(k.request)
	c := &course{
		killer: k, t: t, random: rand.New(rand.NewPCG(seed, 0)), program: plain(t), data: t.TempDir(),
		flags: []string{
			"--repo", gittest.Serve(t, k.repository(gittest.HTTPHandler(t, repo))),
			"--cluster", "test=" + faults.Kubeconfig, "--poll", "1h",
		},
	}
	jobs := watchJobs(t, cluster)
	w := world{}

	everything := map[int]string{}
	for i := range releases {
		everything[i] = "1"
	}
	head := w.commit(t, repo, "everything", everything)
	for range killedFirst {
		c.killed(head, 40)
	}
	c.ends(head, cluster, w)
	before := holds(t, cluster)
	if diff := cmp.Diff(w.declared(), texts(before)); diff != "" {
		t.Fatalf("after being killed while rolling out, the cluster holds: -want +got:\n%s", diff)
	}
	if !c.taken()[project(1)] {
		t.Fatal("no write was seen, so that not touching anything would mean nothing")
	}

	changes := map[int]string{}
	for i := range 60 {
		switch i % 4 {
		case 0:
			changes[i] = "2"
		case 1:
			changes[i] = "" // removed
		case 2:
			changes[releases+i] = "2"
		}
	}
	head = w.commit(t, repo, "some change", changes)
	for range killedThen {
		c.killed(head, 12)
	}
	c.ends(head, cluster, w)
	c.untouched(before, holds(t, cluster), changes)
	if most := (killedFirst + killedThen) / 4; c.rested > most {
		t.Errorf("%d daemons had nothing left to do before they were killed, so that this shows less than it says", c.rested)
	}

	// What it was rolling out when it was killed is not declared any more when it is back: only a record that was
	// written before the act can tell it what to remove.
	back := maps.Clone(w)
	more := map[int]string{2: "3", 3: "3", 200: "3", 201: "3", 205: "3", 207: "3"}
	c.killedAt(w.commit(t, repo, "more", more), point{of: writes, n: 8 + c.random.IntN(8), most: 16})
	for i := range more {
		more[i] = ""
		if p, was := back[i]; was {
			more[i] = p.value
		}
	}
	head = w.commit(t, repo, "less", more)
	c.data = t.TempDir()
	c.ends(head, cluster, w)
	jobs.once(t)
	awaitNoWorkers(t, c.program)
}

// killed has one daemon killed at a point of the course.
func (c *course) killed(head string, most int) {
	c.t.Helper()
	empty := c.random.IntN(6) == 0
	if empty {
		c.data = c.t.TempDir()
	}
	c.killedAt(head, choose(c.random, most, empty))
}

// killedAt has one daemon killed at a point, or when it has nothing more to do.
func (c *course) killedAt(head string, p point) {
	c.t.Helper()
	c.arm(p)
	d := serveWith(c.t, c.program, append([]string{"--data", c.data}, c.flags...)...)
	c.aim(d)
	_, rests := d.awaitOrEnd("the end at "+p.String(), fineAt(head))
	if rests {
		c.rested++
		d.kill()
	}
	<-d.exited
	c.t.Logf("killed after %s; everything was done: %t", p, rests)
	if code := d.cmd.ProcessState.ExitCode(); code != -1 {
		c.t.Fatalf("killed after %s: the daemon ended by itself, with %d:\n%s", p, code, d.log)
	}
	d.log.forget() // there are too many to show, should the test fail
}

// ends has a daemon live until everything is as declared, and then ends it. What is fine at first does not tell all: the daemon looks beside
// that for what a cluster holds and nobody declares, and may not have found it yet.
func (c *course) ends(head string, cluster *clustertest.Cluster, w world) {
	c.t.Helper()
	c.disarm()
	d := serveWith(c.t, c.program, append([]string{"--data", c.data}, c.flags...)...)
	d.await("everything to be fine", func(p status.Platform) bool { return fineAt(head)(p) && len(p.Releases) == len(w) })
	awaitHolds(c.t, cluster, w.declared())
	d.stop()
}

func fineAt(head string) func(status.Platform) bool {
	return func(p status.Platform) bool { return p.Fine() && p.Source.Accepted.Hash == head }
}

// untouched makes sure that what a commit did not change is what it was before, and that nobody wrote to it.
func (c *course) untouched(before, after []held, changes map[int]string) {
	c.t.Helper()
	changed := map[string]bool{}
	for i := range changes {
		changed[project(i)] = true
	}
	versions := func(all []held) map[string]string {
		out := map[string]string{}
		for _, o := range all {
			if !changed[o.project] {
				out[o.name] = o.uid + " at " + o.version
			}
		}
		return out
	}
	if diff := cmp.Diff(versions(before), versions(after)); diff != "" {
		c.t.Errorf("what the commit did not change was touched: -before +after:\n%s", diff)
	}
	for name := range c.taken() {
		if !changed[name] {
			c.t.Errorf("%s was written to, and the commit did not change it", name)
		}
	}
}

func texts(all []held) []string {
	var out []string
	for _, o := range all {
		out = append(out, o.text)
	}
	return out
}

// awaitHolds waits for the cluster to hold what is wanted: namespaces take their time to go.
func awaitHolds(t *testing.T, c *clustertest.Cluster, want []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	for {
		diff := cmp.Diff(want, texts(holds(t, c)))
		if diff == "" {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the cluster holds: -want +got:\n%s", diff)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// jobWatch sees every Job that is made.
type jobWatch struct {
	stop func()
	done chan struct{}

	mu   sync.Mutex
	uids map[string]map[string]bool
}

func watchJobs(t *testing.T, c *clustertest.Cluster) *jobWatch {
	t.Helper()
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.Resource(schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}).
		Watch(t.Context(), metav1.ListOptions{LabelSelector: "applyset.kubernetes.io/part-of"})
	if err != nil {
		t.Fatal(err)
	}
	w := &jobWatch{stop: stream.Stop, done: make(chan struct{}), uids: map[string]map[string]bool{}}
	go func() {
		defer close(w.done)
		for e := range stream.ResultChan() {
			o, ok := e.Object.(*unstructured.Unstructured)
			if !ok {
				continue
			}
			w.mu.Lock()
			if w.uids[nameOf(o)] == nil {
				w.uids[nameOf(o)] = map[string]bool{}
			}
			w.uids[nameOf(o)][string(o.GetUID())] = true
			w.mu.Unlock()
		}
	}()
	t.Cleanup(w.stop)
	return w
}

// once makes sure that no Job was made a second time.
func (w *jobWatch) once(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.done:
		t.Error("the watch of Jobs has ended too early to tell how often each was made")
	default:
	}
	if len(w.uids) == 0 {
		t.Error("no Job was seen")
	}
	for name, uids := range w.uids {
		if len(uids) != 1 {
			t.Errorf("%s was made %d times", name, len(uids))
		}
	}
}

// awaitNoWorkers waits until the processes are gone that killed daemons had started.
func awaitNoWorkers(t *testing.T, program string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	for {
		left := running(t, program)
		if len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("these processes of daemons that were killed still run: %v", left)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// running lists the processes of a program, where the system tells.
func running(t *testing.T, program string) []int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == program {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out
}
