// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// clock is one that can be set, and counts how often it is looked at: a loop that runs hot looks at it all the time.
type clock struct{ offset, looks atomic.Int64 }

func (c *clock) Now() time.Time {
	c.looks.Add(1)
	return time.Now().Add(time.Duration(c.offset.Load()))
}

// set moves the clock.
func (c *clock) set(by time.Duration) { c.offset.Add(int64(by)) }

func withClock(c *clock) func(*reconciler.Options) {
	return func(o *reconciler.Options) { o.Now = c.Now }
}

// hot is more than a few workers look at the clock in a few turns; one that does not wait gets there in milliseconds.
const hot = 2000

// failed counts the runs of a release that have failed.
func (d *daemon) failed(project string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.runs {
		if r.Release.Project == project && r.Err != nil {
			n++
		}
	}
	return n
}

// failedRuns waits for more runs of a release that fail.
func (d *daemon) failedRuns(project string, more int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for want := d.failed(project) + more; d.failed(project) < want; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			d.t.Fatalf("%s was not tried %d times more", project, more)
		}
	}
}

// within reports whether a request is about something in a namespace.
func within(r *http.Request, namespace string) bool {
	return strings.Contains(r.URL.Path+"/", "/namespaces/"+namespace+"/")
}

// TestClocksThatAreWrong: the daemon does not compare its clock with that of the API server.
func TestClocksThatAreWrong(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	for name, offset := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			now := &clock{}
			now.set(offset)
			d := startWith(t, c.Kubeconfig, withClock(now))
			id := "clock-" + name
			files := platform(id, tree{
				"env.yaml": environment("  rollback: true\n  healthTimeout: 2s\n"), "a.yaml": service(id+"-a", "img:1"),
				"b/project.yaml": manifests(id + "-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
			})
			d.mustAccept("c1", files)
			d.awaitFine("c1")
			c.merge(configMaps, id+"-b-dev", "b", "kubectl-edit", `{"data":{"key":"by hand"}}`)
			d.corrected(id+"-b", 1)
			c.stopScheduling(t, id+"-a-dev")
			d.mustAccept("c2", files.with(tree{"a.yaml": service(id+"-a", "img:2")}), "a.yaml")
			d.await("the way back", func(p status.Platform) bool {
				r := release(p, id+"-a")
				return heldBy("quarantined")(r) && r.Commit == "c1"
			})
			if n := now.looks.Load(); n > hot {
				t.Errorf("the clock was looked at %d times", n)
			}
		})
	}
}

// TestAClockThatIsSetBack: what waits for a time does not wait an hour more.
func TestAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	now := &clock{}
	d := startWith(t, faults.Kubeconfig, withClock(now))
	files := platform("back", tree{
		"env.yaml": environment("  healthTimeout: 3s\n"), "a.yaml": service("back-a", "img:1"),
		"b/project.yaml": manifests("back-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.stopScheduling(t, "back-a-dev")
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		if r.Method == http.MethodPatch && within(r, "back-b-dev") {
			return clustertest.Fault{Status: http.StatusInternalServerError}
		}
		return clustertest.Fault{}
	})
	d.mustAccept("c2", files.with(tree{"a.yaml": service("back-a", "img:2"), "b/objects/all.yaml": configMap("b", "2")}), "a.yaml", "b/objects/all.yaml")
	d.failedRuns("back-b", 2)
	d.await("the other to be on its way", func(p status.Platform) bool {
		return release(p, "back-a").Result == status.Applied && release(p, "back-a").Health != status.Healthy
	})
	now.set(-time.Hour)
	faults.Set(nil)
	d.await("what failed to be tried again, and what is not healthy to be out of time", func(p status.Platform) bool {
		return release(p, "back-b").Fine() && release(p, "back-b").Commit == "c2" && release(p, "back-a").Health == status.Unhealthy
	})
	if n := now.looks.Load(); n > hot {
		t.Errorf("the clock was looked at %d times", n)
	}
}

// TestALateDiagnosis: while why a release is not healthy is being looked into, and that hangs, its worker waits.
func TestALateDiagnosis(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	now := &clock{}
	d := startWith(t, faults.Kubeconfig, withClock(now))
	files := platform("late", tree{"a.yaml": service("late-a", "img:1"), "b.yaml": service("late-b", "img:1")})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.stopScheduling(t, "late-a-dev")
	hang, hangs := make(chan struct{}), make(chan struct{}, 100)
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		if r.Method == http.MethodGet && within(r, "late-a-dev") {
			hangs <- struct{}{}
			return clustertest.Fault{Hang: hang}
		}
		return clustertest.Fault{}
	})
	defer close(hang)
	d.mustAccept("c2", files.with(tree{"a.yaml": service("late-a", "img:2")}), "a.yaml")
	d.await("it to be on its way", func(p status.Platform) bool {
		return release(p, "late-a").Commit == "c2" && release(p, "late-a").Health != status.Healthy
	})
	now.set(20 * time.Second) // so that someone looks why
	c.merge(deployments, "late-a-dev", "web", "someone", `{"metadata":{"labels":{"x":"1"}}}`)
	select {
	case <-hangs:
	case <-time.After(patience):
		t.Fatal("nobody looked why the release is not healthy")
	}
	before := now.looks.Load()
	c.merge(deployments, "late-a-dev", "web", "someone", `{"metadata":{"labels":{"x":"2"}}}`)
	d.mustAccept("c3", files.with(tree{"a.yaml": service("late-a", "img:2"), "b.yaml": service("late-b", "img:2")}), "b.yaml")
	d.await("the other", func(p status.Platform) bool {
		return release(p, "late-b").Fine() && release(p, "late-b").Commit == "c3"
	})
	if n := now.looks.Load() - before; n > hot {
		t.Errorf("meanwhile the clock was looked at %d times", n)
	}
}

const waves = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: first, annotations: {trunkline.dev/wave: "-1"}}
spec:
  selector: {matchLabels: {a: first}}
  template:
    metadata: {labels: {a: first}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      containers: [{name: x, image: "img:IMAGE", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
---
`

// TestAWaveThatCannotBeApplied is tried again after pauses, also when the time for the whole to become healthy is over.
func TestAWaveThatCannotBeApplied(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	now := &clock{}
	d := startWith(t, faults.Kubeconfig, withClock(now))
	objects := func(n string) string { return strings.ReplaceAll(waves, "IMAGE", n) + configMap("second", n) }
	files := platform("waves", tree{
		"a/project.yaml": manifests("waves-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": objects("1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.stopScheduling(t, "waves-a-dev")
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/configmaps/second") {
			return clustertest.Fault{Status: http.StatusInternalServerError}
		}
		return clustertest.Fault{}
	})
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": objects("2")}), "a/objects/all.yaml")
	d.await("the second wave to wait", func(p status.Platform) bool { return strings.Contains(release(p, "waves-a").Message, "waiting for") })
	c.startScheduling(t, "waves-a-dev")
	d.failedRuns("waves-a", 1)
	before := now.looks.Load()
	now.set(time.Hour)
	d.failedRuns("waves-a", 2)
	if n := now.looks.Load() - before; n > hot {
		t.Errorf("the clock was looked at %d times for two runs", n)
	}
	faults.Set(nil)
	d.awaitFine("c2")
}

// TestAPauseInAFight that is over while nothing can be applied does not have it tried at once, again and again.
func TestAPauseInAFight(t *testing.T) {
	t.Parallel()
	c := look(t, pkg.Cluster(t))
	faults := c.Faults(t)
	now := &clock{}
	d := startWith(t, faults.Kubeconfig, withClock(now))
	files := platform("pause", tree{
		"a/project.yaml": manifests("pause-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
		"b/project.yaml": manifests("pause-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	for i := range 3 {
		c.merge(configMaps, "pause-a-dev", "a", "someone", `{"data":{"key":"by hand"}}`)
		d.corrected("pause-a", i+1)
	}
	c.merge(configMaps, "pause-a-dev", "a", "someone", `{"data":{"key":"by hand"}}`)
	d.await("the fight to pause", func(p status.Platform) bool { return release(p, "pause-a").Drifted() })
	// Nothing can even be planned without a connection, which is given up for other credentials.
	good, err := os.ReadFile(faults.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := func(text string) {
		if err := os.WriteFile(faults.Kubeconfig, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kubeconfig(withoutCredentials(string(good)))
	faults.Set(func(*http.Request, int) clustertest.Fault { return clustertest.Fault{Status: http.StatusUnauthorized} })
	faults.Cut()
	d.await("the connection to be given up", func(p status.Platform) bool { return !p.Clusters[0].Reachable })
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "2"), "b/objects/all.yaml": configMap("b", "2")}), "a/objects/all.yaml", "b/objects/all.yaml")
	d.failedRuns("pause-b", 1)
	now.set(time.Hour)
	before := d.failed("pause-a")
	d.failedRuns("pause-b", 2)
	if n := d.failed("pause-a") - before; n > 10 {
		t.Errorf("it was tried %d times while another release was tried twice", n)
	}
	kubeconfig(string(good))
	faults.Set(nil)
	d.awaitFine("c2")
	if got := c.value("pause-a-dev", "a"); got != "2" {
		t.Errorf("the value is %q, want that of c2", got)
	}
}
