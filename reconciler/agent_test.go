// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/agent/agenttest"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// afar is a daemon, and an agent that keeps the cluster test for it, over a line that is slow and is cut.
type afar struct {
	*daemon

	tb         testing.TB
	kubeconfig string
	authority  *agenttest.Authority
	front      *front
	line       *agenttest.Line
	dir        string
	// link and board are those of the agent that runs, and stopAgent ends it.
	link      *agent.Link
	local     *status.Board
	stopAgent func()
}

// front is where agents come; it outlives daemons.
type front struct {
	mu sync.Mutex
	to http.Handler
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	to := f.to
	f.mu.Unlock()
	to.ServeHTTP(w, r)
}

func startAfar(t testing.TB, kubeconfig string) *afar {
	t.Helper()
	a := &afar{tb: t, kubeconfig: kubeconfig, authority: agenttest.NewAuthority(t), front: &front{}, dir: t.TempDir()}
	a.startDaemon(t)
	server := httptest.NewUnstartedServer(a.front)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{a.authority.Certificate("daemon")}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: a.authority.Pool(),
	}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo) // it tells of every cut
	server.StartTLS()
	t.Cleanup(server.CloseClientConnections)
	a.line = agenttest.NewLine(t, server.Listener.Addr().String())
	a.startAgent()
	return a
}

// startDaemon begins another daemon, which knows nothing.
func (a *afar) startDaemon(t testing.TB) {
	t.Helper()
	a.daemon = startWith(t, "", func(o *reconciler.Options) { o.Clusters = []cluster.Config{{Name: "test", Agent: true}} })
	a.front.mu.Lock()
	defer a.front.mu.Unlock()
	a.front.to = &agent.Server{
		Desk: a.rec.Desk, Identity: func(string) (agent.Identity, bool) { return agent.Identity{Certificate: "test.agents"}, true }, Log: slog.New(slog.DiscardHandler),
	}
}

// startAgent begins an agent, which has what the one before it has written down.
func (a *afar) startAgent() {
	a.tb.Helper()
	book, damaged, err := agent.OpenBook(a.dir)
	if err != nil || damaged != nil {
		a.tb.Fatal(err, damaged)
	}
	log := slog.New(slog.NewTextHandler(testWriter{a.tb}, nil)).With("at", "agent")
	a.link = agent.NewLink(agent.LinkOptions{
		Cluster: "test", URL: "https://" + a.line.Addr(), Book: book, Now: time.Now, Log: log,
		Client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: a.authority.Pool(), Certificates: []tls.Certificate{a.authority.Certificate("test.agents")},
		}}},
	})
	a.local = status.NewBoard(time.Now)
	rec, err := reconciler.New(reconciler.Options{
		Clusters: []cluster.Config{{Name: "test", Kubeconfig: a.kubeconfig}}, Board: a.local, Log: log, Now: time.Now, Principal: a.link,
		Tell: a.link.Happened, Observe: func(run reconciler.Run) { a.link.Ran(agent.Run{Release: run.Release, Applied: run.Applied}) },
	})
	if err != nil {
		a.tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it is ended before the test's own
	var both sync.WaitGroup
	both.Go(func() { rec.Run(ctx) })
	both.Go(func() { a.link.Run(ctx, rec.Assigned()) })
	a.stopAgent = sync.OnceFunc(func() {
		cancel()
		both.Wait()
	})
	a.tb.Cleanup(a.stopAgent)
}

// awaitLocally waits until the agent has the releases as the test wants them, whatever the daemon knows.
func (a *afar) awaitLocally(what string, ok func(status.Platform) bool) {
	a.tb.Helper()
	ctx, cancel := context.WithTimeout(a.tb.Context(), patience)
	defer cancel()
	for p := a.local.Snapshot(); !ok(p); p = a.local.Wait(ctx, p.Revision) {
		if ctx.Err() != nil {
			a.tb.Fatalf("waiting for %s; at the agent, the state is\n%s", what, text(p))
		}
	}
}

// awaitConnection waits until the daemon says of the cluster that it answers, or that it does not.
func (a *afar) awaitConnection(connected bool) {
	a.tb.Helper()
	a.await(fmt.Sprintf("the agent to be connected: %v", connected), func(p status.Platform) bool {
		return len(p.Clusters) == 1 && p.Clusters[0].Reachable == connected
	})
}

// awaitValue waits until a ConfigMap has a value.
func (c cell) awaitValue(namespace, name, want string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	got := ""
	for {
		o, err := c.client.Resource(configMaps).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			got, _, _ = unstructured.NestedString(o.Object, "data", "key")
		}
		if got == want {
			return
		}
		if ctx.Err() != nil {
			c.t.Fatalf("the value of %s is %q, want %q (%v)", name, got, want, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// tamper sets a value as a person would.
func (c cell) tamper(namespace, name, value string) {
	c.t.Helper()
	c.merge(configMaps, namespace, name, "ann", fmt.Sprintf(`{"data":{"key":%q}}`, value))
}

// two is a platform of two releases, of which the second one depends on the first.
func two(id, a, b string) tree {
	return platform(id, tree{
		"a/project.yaml": manifests(id + "-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": a,
		"b/project.yaml": manifests(id + "-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": b,
	})
}

// TestAgent keeps a cluster that the daemon does not reach: from the first commit to its removal.
func TestAgent(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const id = "afar"
	a := startAfar(t, c.Kubeconfig)
	a.mustAccept("c1", two(id, configMap("a", "1"), configMap("b", "1")))
	a.awaitFine("c1")
	c.awaitValue(id+"-a-dev", "a", "1")

	c.tamper(id+"-a-dev", "a", "mine")
	c.awaitValue(id+"-a-dev", "a", "1")
	a.await("the drift to be shown", func(p status.Platform) bool { return len(release(p, id+"-a").Drifts) > 0 })
	a.awaitEvent(history.Corrected)

	one := catalog.ReleaseID{Project: id + "-a", Environment: "dev", Cluster: "test"}
	if err := a.rec.Do(t.Context(), one, reconciler.Suspend, reconciler.ByHand{By: "ann", Why: "looking"}); err != nil {
		t.Errorf("suspending: %v", err)
	}
	a.await("it to be suspended", func(p status.Platform) bool { return release(p, id+"-a").Result == status.Suspended })
	if err := a.rec.Do(t.Context(), one, reconciler.Resume, reconciler.ByHand{By: "ann"}); err != nil {
		t.Errorf("resuming: %v", err)
	}
	a.mustAccept("c2", two(id, configMap("a", "2"), configMap("b", "1")), "a/objects/all.yaml")
	a.awaitFine("c2")
	c.awaitValue(id+"-a-dev", "a", "2")

	only := platform(id, tree{"a/project.yaml": manifests(id + "-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "2")})
	a.mustAccept("c3", only, "b/project.yaml", "b/objects/kustomization.yaml", "b/objects/all.yaml")
	a.await("the other one to be gone", func(p status.Platform) bool {
		return len(p.Releases) == 1 && p.Fine()
	})
	if err := c.awaitGone(configMaps, id+"-b-dev", "b"); err != nil {
		t.Error(err)
	}
}

// awaitEvent waits for one in the history.
func (d *daemon) awaitEvent(kind history.Kind) {
	d.t.Helper()
	d.await("an event "+string(kind), func(status.Platform) bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, e := range d.events {
			if e.Kind == kind {
				return true
			}
		}
		return false
	})
}

// TestAnAgentThatIsCutOff keeps what is in place and corrects drift, also when it is started again meanwhile; what is committed
// meanwhile is there once the line is.
func TestAnAgentThatIsCutOff(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const id = "cutoff"
	a := startAfar(t, c.Kubeconfig)
	a.mustAccept("c1", two(id, configMap("a", "1"), configMap("b", "1")))
	a.awaitFine("c1")

	a.line.Cut()
	a.awaitConnection(false)
	if p := a.board.Snapshot(); !strings.Contains(p.Clusters[0].Message, "has not been seen since") || release(p, id+"-a").Health != status.Unknown {
		t.Errorf("of an agent that is cut off, the status says\n%s", text(p))
	}
	c.tamper(id+"-a-dev", "a", "while it is cut off")
	c.awaitValue(id+"-a-dev", "a", "1")

	a.mustAccept("c2", two(id, configMap("a", "2"), configMap("b", "1")), "a/objects/all.yaml")
	if r := release(a.board.Snapshot(), id+"-a"); r.Result != status.Pending {
		t.Errorf("a state that the agent does not know is shown as %s: %s", r.Result, r.Message)
	}
	one := catalog.ReleaseID{Project: id + "-a", Environment: "dev", Cluster: "test"}
	if err := a.rec.Do(t.Context(), one, reconciler.Suspend, reconciler.ByHand{By: "ann"}); !errors.Is(err, reconciler.ErrCannot) {
		t.Errorf("what cannot be told is answered by %v", err)
	}
	a.stopAgent()
	c.tamper(id+"-a-dev", "a", "while it is down")
	a.startAgent()
	c.awaitValue(id+"-a-dev", "a", "1")
	a.awaitLocally("the agent to have all in place", func(p status.Platform) bool {
		return len(p.Releases) == 2 && release(p, id+"-a").Health == status.Healthy && release(p, id+"-b").Health == status.Healthy
	})

	a.line.Join()
	a.awaitFine("c2")
	c.awaitValue(id+"-a-dev", "a", "2")
	a.awaitEvent(history.Corrected)
}

// TestADaemonThatIsStartedAgain: an agent goes on meanwhile, and nothing that is in place is touched when the daemon is back.
func TestADaemonThatIsStartedAgain(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const id = "again"
	files := two(id, configMap("a", "1"), configMap("b", "1"))
	a := startAfar(t, c.Kubeconfig)
	a.mustAccept("c1", files)
	a.awaitFine("c1")
	before := c.versions(id + "-a-dev")

	a.stop()
	c.tamper(id+"-b-dev", "b", "while there is no daemon")
	c.awaitValue(id+"-b-dev", "b", "1")
	a.startDaemon(t)
	a.line.Break()
	a.mustAccept("c2", files)
	a.awaitFine("c2")
	if after := c.versions(id + "-a-dev"); !equality.Semantic.DeepEqual(before, after) {
		t.Errorf("what was in place was touched: %v, then %v", before, after)
	}
}

// TestObjectsMoveAtTheAgent: an object that moves from one release to another is handed over, and not deleted in between, also if
// the connection breaks while the commit is handed out.
func TestObjectsMoveAtTheAgent(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const id = "moved"
	a := startAfar(t, c.Kubeconfig)
	in := func(name string) string {
		return configMap(name, "1")
	}
	shared := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: " + id + "-b-dev}\ndata: {key: \"1\"}\n"
	env := tree{"env.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], allow: [{namespaces: [" + id + "-b-dev, " + id + "-a-dev]}]}\n"}
	a.mustAccept("c1", two(id, in("a")+shared, in("b")).with(env))
	a.awaitFine("c1")
	uid := c.uid(id+"-b-dev", "shared")
	a.line.Break()
	a.mustAccept("c2", two(id, in("a"), in("b")+shared).with(env), "a/objects/all.yaml", "b/objects/all.yaml")
	a.awaitFine("c2")
	if got := c.uid(id+"-b-dev", "shared"); got != uid {
		t.Errorf("the object was deleted and made again: %s is now %s", uid, got)
	}
}

func (c cell) uid(namespace, name string) types.UID {
	c.t.Helper()
	o, err := c.client.Resource(configMaps).Namespace(namespace).Get(c.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return o.GetUID()
}

// TestAgentOnABadLine commits and drifts over a line that is slow and breaks again and again.
func TestAgentOnABadLine(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const id = "badline"
	a := startAfar(t, c.Kubeconfig)
	a.line.Delay(50 * time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	var breaking sync.WaitGroup
	breaking.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Duration(1000+random.IntN(2000)) * time.Millisecond):
				a.line.Break()
			}
		}
	})
	last := ""
	const commits = 12
	for n := range commits {
		last = fmt.Sprintf("c%d", n)
		changed := []string{"a/objects/all.yaml", "b/objects/all.yaml"}
		if n == 0 {
			changed = nil
		}
		a.mustAccept(last, two(id, configMap("a", last), configMap("b", last)), changed...)
		if n%4 == 3 {
			c.awaitValue(id+"-a-dev", "a", last)
			c.tamper(id+"-a-dev", "a", "mine")
			c.awaitValue(id+"-a-dev", "a", last)
		}
	}
	cancel()
	breaking.Wait()
	a.awaitFine(last)
	c.awaitValue(id+"-a-dev", "a", last)
	c.awaitValue(id+"-b-dev", "b", last)
}
