// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// waitTimeout bounds every wait; nothing is expected to take nearly as long.
const waitTimeout = 2 * time.Minute

// fleet is a number of replicas that are processes of their own.
type fleet struct {
	t     *testing.T
	group string
	lines chan string
	write *os.File
	procs map[string]*exec.Cmd
	// open tells which process has a run of a release under way, and last which began one last.
	open, last map[string]string
}

func newFleet(t *testing.T, group string) *fleet {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, group: group, lines: make(chan string, 1000), write: write, procs: map[string]*exec.Cmd{}, open: map[string]string{}, last: map[string]string{}}
	go func() {
		defer close(f.lines)
		for s := bufio.NewScanner(read); s.Scan(); {
			f.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		for _, p := range f.procs {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
		_ = write.Close()
		for range f.lines { // until the pipe has ended
		}
		_ = read.Close()
	})
	return f
}

// start starts a replica, and returns its name on the board.
func (f *fleet) start() string {
	f.t.Helper()
	binary, err := os.Executable()
	if err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), replicaEnv+"="+pkg.Cluster(f.t).Kubeconfig, groupEnv+"="+f.group)
	cmd.ExtraFiles = []*os.File{f.write}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	name := fmt.Sprint(cmd.Process.Pid)
	f.procs[name] = cmd
	return name
}

// end sends a signal and waits for the process to be gone. Its runs are over then.
func (f *fleet) end(name string, signal syscall.Signal) {
	f.t.Helper()
	p := f.procs[name]
	if err := p.Process.Signal(signal); err != nil {
		f.t.Fatal(err)
	}
	_ = p.Wait()
	delete(f.procs, name)
	fmt.Fprintf(f.write, "%s gone -\n", name)
}

// until reads what the replicas say until something holds, and fails if two of them ever have the same release.
func (f *fleet) until(what string, holds func() bool) {
	f.t.Helper()
	limit := time.NewTimer(waitTimeout)
	defer limit.Stop()
	for !holds() {
		select {
		case line := <-f.lines:
			f.take(line)
		case <-limit.C:
			f.t.Fatalf("waiting until %s: the last to work on each release were %v, alive are %v", what, f.last, f.procs)
		}
	}
}

func (f *fleet) take(line string) {
	f.t.Helper()
	parts := strings.Fields(line)
	if len(parts) != 3 {
		f.t.Fatalf("a replica says %q", line)
	}
	who, what, release := parts[0], parts[1], parts[2]
	switch what {
	case "begin":
		if other := f.open[release]; other != "" {
			f.t.Fatalf("%s begins %s while %s has it", who, release, other)
		}
		f.open[release], f.last[release] = who, who
	case "end":
		delete(f.open, release)
	case "gone":
		for r, by := range f.open {
			if by == who {
				delete(f.open, r)
			}
		}
		for r, by := range f.last {
			if by == who {
				delete(f.last, r)
			}
		}
	}
}

// shared reports whether every release was worked on, and by each of these.
func (f *fleet) shared(names ...string) func() bool {
	return func() bool {
		has := map[string]bool{}
		for _, by := range f.last {
			has[by] = true
		}
		for _, name := range names {
			if !has[name] {
				return false
			}
		}
		return len(f.last) == testReleases && len(has) == len(names)
	}
}

func TestReplicasShareTheReleases(t *testing.T) {
	pkg.Cluster(t)
	f := newFleet(t, "share")
	a, b, c := f.start(), f.start(), f.start()
	f.until("all three have some", f.shared(a, b, c))
	f.end(b, syscall.SIGKILL)
	f.until("the two that are left have all", f.shared(a, c))
	d := f.start()
	f.until("the one that joined has its share", f.shared(a, c, d))
	f.end(a, syscall.SIGTERM)
	f.until("those that are left have all", f.shared(c, d))
}

// requests counts what is asked of the API server.
type requests struct {
	next http.RoundTripper
	mu   sync.Mutex
	n    map[string]int
}

// RoundTrip implements [http.RoundTripper].
func (r *requests) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.n[req.Method]++
	r.mu.Unlock()
	return r.next.RoundTrip(req)
}

func (r *requests) take() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.n
	r.n = map[string]int{}
	return n
}

// running is a coordinator that runs in the test's own process.
type running struct {
	*Coordinator
	changed  chan struct{}
	requests *requests
	stop     func()
}

func (r *running) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.NewTimer(waitTimeout)
	defer limit.Stop()
	for !holds() {
		select {
		case <-r.changed:
		case <-limit.C:
			t.Fatalf("waiting until %s: %+v", what, r.Status())
		}
	}
}

func runHere(t *testing.T, opts func(Leases) Options) *running {
	t.Helper()
	r := &running{changed: make(chan struct{}, 1), requests: &requests{n: map[string]int{}}}
	cluster := pkg.Cluster(t)
	o := opts(NewLeases(func() (*rest.Config, error) {
		cfg := rest.CopyConfig(cluster.Config)
		cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { r.requests.next = next; return r.requests })
		return cfg, nil
	}))
	var err error
	o.Changed = func() {
		select {
		case r.changed <- struct{}{}:
		default:
		}
	}
	if r.Coordinator, err = New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	r.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(r.stop)
	return r
}

func TestOneLeadsAndTheOthersStandBy(t *testing.T) {
	first := runHere(t, func(l Leases) Options { return quick(l, "lead", "first", false) })
	first.until(t, "the first leads", first.Leads)
	// The other one was told to share, and does not, since the first was not.
	second := runHere(t, func(l Leases) Options { return quick(l, "lead", "second", true) })
	ids := releasesOf(testReleases)
	for _, id := range ids {
		if !first.Owned(id) || second.Owned(id) {
			t.Errorf("%s: is the leader's %t and the other's %t", id, first.Owned(id), second.Owned(id))
		}
	}
	run, done, ok := first.Begin(t.Context(), ids[0])
	if !ok {
		t.Fatal("the leader may not begin a run")
	}
	stopped := make(chan struct{})
	go func() { first.stop(); close(stopped) }()
	<-run.Done()
	if cause := context.Cause(run); !errors.Is(cause, ErrLost) {
		t.Errorf("the run ends because of %v, want %v", cause, ErrLost)
	}
	select {
	case <-stopped:
		t.Error("the leader has gone while its run was under way")
	default:
	}
	if second.Leads() {
		t.Error("another one leads while the run is under way")
	}
	done()
	<-stopped
	second.until(t, "the second leads", second.Leads)
	if leader := second.Status().Leader; !strings.HasPrefix(leader, "lead.second.") || second.Owner(ids[0]) != leader {
		t.Errorf("the status says that %q leads, and %s is of %q", leader, ids[0], second.Owner(ids[0]))
	}
	if _, _, ok := first.Begin(t.Context(), ids[0]); ok {
		t.Error("who has handed over may begin a run")
	}
}

func TestWhatItCostsTheAPIServer(t *testing.T) {
	first := runHere(t, func(l Leases) Options { return quick(l, "cost", "first", true) })
	first.until(t, "it leads", first.Leads)
	first.requests.take()
	limit := time.NewTimer(waitTimeout)
	defer limit.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	got := map[string]int{}
	for got[http.MethodPut] < 10 {
		select {
		case <-poll.C:
		case <-limit.C:
			t.Fatalf("there were %v requests", got)
		}
		for verb, n := range first.requests.take() {
			got[verb] += n
		}
	}
	lists := got[http.MethodGet]
	delete(got, http.MethodGet)
	puts := got[http.MethodPut]
	delete(got, http.MethodPut)
	if lists < puts-1 || lists > puts+1 || len(got) > 0 {
		t.Errorf("%d lists for %d renewals, and %v; want one each and nothing else", lists, puts, got)
	}
}

func TestLeasesAreWrittenOnlyAsTheyWereRead(t *testing.T) {
	cluster := pkg.Cluster(t)
	c, err := New(quick(NewLeases(func() (*rest.Config, error) { return cluster.Config, nil }), "versions", "first", true))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, _, err := c.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read := s.members[c.name].lease
	if err := c.renew(t.Context(), read, record{}); err != nil {
		t.Fatal(err)
	}
	// A Lease can be made by an update: that must not bring back one that was deleted while a renewal was on its way.
	again, _, err := c.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	newest := again.members[c.name].lease
	got := map[string]error{
		"renewing an older version": c.opts.Leases.Update(t.Context(), ended(read)),
		"deleting an older version": c.opts.Leases.Delete(t.Context(), read),
		"making it once more":       c.opts.Leases.Create(t.Context(), &coordinationv1.Lease{ObjectMeta: c.meta(c.name)}),
	}
	if err := c.opts.Leases.Delete(t.Context(), newest); err != nil {
		t.Fatal(err)
	}
	got["renewing it when it is gone"] = c.opts.Leases.Update(t.Context(), newest)
	for what, err := range got {
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
			t.Errorf("%s: got %v, want it to be refused", what, err)
		}
	}
	if s, _, err := c.look(t.Context()); err != nil || len(s.members) != 0 {
		t.Errorf("there are the replicas %v, want none: %v", s.members, err)
	}
}

func TestCredentialsAreReadAgain(t *testing.T) {
	cluster := pkg.Cluster(t)
	bad := rest.AnonymousClientConfig(cluster.Config)
	bad.BearerToken = "expired"
	asked := 0
	leases := NewLeases(func() (*rest.Config, error) {
		asked++
		switch asked {
		case 1:
			return nil, errors.New("no such file")
		case 2:
			return bad, nil
		}
		return cluster.Config, nil
	})
	var got []bool
	for range 4 {
		_, err := leases.List(t.Context(), "credentials")
		got = append(got, err == nil)
	}
	if diff := cmp.Diff([]bool{false, false, true, true}, got); diff != "" || asked != 3 {
		t.Errorf("the configuration was read %d times, want 3; whether a request succeeded -want +got:\n%s", asked, diff)
	}
}
