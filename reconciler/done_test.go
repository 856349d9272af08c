// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// job is one that is never scheduled: the test says how it ends.
func job(name string, ttl int) string {
	return fmt.Sprintf(`---
apiVersion: batch/v1
kind: Job
metadata: {name: %s}
spec:
  ttlSecondsAfterFinished: %d
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {nobody: has-it}
      containers: [{name: c, image: "img:1"}]
`, name, ttl)
}

// complete has a Job end well, as its controller does.
func (c cell) complete(namespace, name string) {
	c.t.Helper()
	now := metav1.Now().UTC().Format("2006-01-02T15:04:05Z")
	c.merge(jobs, namespace, name, "kube-controller-manager", fmt.Sprintf(`{"status":{"startTime":%q,"completionTime":%q,"succeeded":1,"uncountedTerminatedPods":{},"conditions":[
		{"type":"SuccessCriteriaMet","status":"True","lastTransitionTime":%q,"lastProbeTime":%q},{"type":"Complete","status":"True","lastTransitionTime":%q,"lastProbeTime":%q}]}}`,
		now, now, now, now, now, now), "status")
}

// awaitMemory waits until what an inventory remembers has a text in it.
func (c cell) awaitMemory(inventory, text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	w, err := c.client.Resource(configMaps).Namespace("trunkline-system").Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + inventory})
	if err != nil {
		c.t.Fatal(err)
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if o, ok := e.Object.(*unstructured.Unstructured); ok && strings.Contains(o.GetAnnotations()["trunkline.dev/memory"], text) {
			return
		}
	}
	c.t.Fatalf("inventory %s does not remember %q", inventory, text)
}

// TestWhatIsDoneStaysDone: a Job that removes itself once it has ended is not run again, neither by the daemon that saw it nor by
// the next one; until it is declared differently.
func TestWhatIsDoneStaysDone(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("done", tree{
		"a/project.yaml": manifests("done-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1") + job("once", 0),
	})
	d.mustAccept("c1", files)
	d.await("the job to be there", func(p status.Platform) bool { return release(p, "done-a").Result == status.Applied })
	c.complete("done-a-dev", "once")
	if err := c.awaitGone(jobs, "done-a-dev", "once"); err != nil {
		t.Fatal(err)
	}
	d.awaitFine("c1")
	// Something else is applied after that, which shows that the Job was not.
	gone := func(when string) {
		t.Helper()
		_, err := c.client.Resource(jobs).Namespace("done-a-dev").Get(t.Context(), "once", metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("%s: the job is there again: %v", when, err)
		}
	}
	files = files.with(tree{"a/objects/all.yaml": configMap("a", "2") + job("once", 0)})
	d.mustAccept("c2", files, "a/objects/all.yaml")
	d.awaitFine("c2")
	gone("after another commit")
	d.stop()
	d = start(t, c.Kubeconfig)
	d.mustAccept("c2", files)
	d.awaitFine("c2")
	files = files.with(tree{"a/objects/all.yaml": configMap("a", "3") + job("once", 0)})
	d.mustAccept("c3", files, "a/objects/all.yaml")
	d.awaitFine("c3")
	gone("after a restart")
	if drifts := release(d.board.Snapshot(), "done-a").Drifts; len(drifts) != 0 {
		t.Errorf("what removed itself is drift: %+v", drifts)
	}
	d.mustAccept("c4", files.with(tree{"a/objects/all.yaml": configMap("a", "3") + job("once", 5)}), "a/objects/all.yaml")
	d.await("the job that is declared differently to be there", func(p status.Platform) bool {
		return release(p, "done-a").Result == status.Applied && release(p, "done-a").Commit == "c4"
	})
	c.get(jobs, "done-a-dev", "once")
}

// TestWhatEndsWhileNobodyWatchesStaysDone: a Job that ends and removes itself while there is no daemon is not run again by the
// next one.
func TestWhatEndsWhileNobodyWatchesStaysDone(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("unwatched", tree{
		"a/project.yaml": manifests("unwatched-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1") + job("once", 0),
	})
	d.mustAccept("c1", files)
	d.await("the job to be there", func(p status.Platform) bool { return release(p, "unwatched-a").Result == status.Applied })
	c.awaitMemory("unwatched.dev.unwatched-a", "started")
	d.stop()
	c.complete("unwatched-a-dev", "once")
	if err := c.awaitGone(jobs, "unwatched-a-dev", "once"); err != nil {
		t.Fatal(err)
	}
	d = start(t, c.Kubeconfig)
	files = files.with(tree{"a/objects/all.yaml": configMap("a", "2") + job("once", 0)})
	d.mustAccept("c2", files)
	p := d.awaitFine("c2")
	if _, err := c.client.Resource(jobs).Namespace("unwatched-a-dev").Get(t.Context(), "once", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the job is there again: %v", err)
	}
	if r := release(p, "unwatched-a"); r.Health != status.Healthy || len(r.Drifts) != 0 {
		t.Errorf("the release is %s, with %v", r.Health, r.Drifts)
	}
}

// TestARollbackRunsNoJobAgain: a Job that had ended and was pruned is not part of the state that a rollback goes back to; a commit
// that declares it again has it run.
func TestARollbackRunsNoJobAgain(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("again", tree{
		"env.yaml":       environment("  rollback: true\n"),
		"a/project.yaml": manifests("again-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1") + job("once", 3600),
	})
	d.mustAccept("c1", files)
	d.await("the job to be there", func(p status.Platform) bool { return release(p, "again-a").Result == status.Applied })
	c.complete("again-a-dev", "once")
	d.awaitFine("c1")
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "2")}), "a/objects/all.yaml")
	d.awaitFine("c2")
	if err := c.awaitGone(jobs, "again-a-dev", "once"); err != nil {
		t.Fatal(err)
	}
	id := release(d.board.Snapshot(), "again-a").ReleaseID
	if err := d.rec.Do(t.Context(), id, reconciler.Rollback, reconciler.ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	d.await("the way back", func(p status.Platform) bool {
		r := release(p, "again-a")
		return r.Result == status.Applied && r.Commit == "c1" && r.Health == status.Healthy
	})
	if _, err := c.client.Resource(jobs).Namespace("again-a-dev").Get(t.Context(), "once", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the rollback runs the job again: %v", err)
	}
	if got := c.value("again-a-dev", "a"); got != "1" {
		t.Errorf("the value is %q, want that of c1", got)
	}
}

// TestWhatWasDoneToAnObject: an object that someone deleted, or whose label or digest they removed, is put back, and the status
// and the history say what was done.
func TestWhatWasDoneToAnObject(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	d.mustAccept("c1", platform("tamper", tree{
		"a/project.yaml": manifests("tamper-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	}))
	d.awaitFine("c1")
	cases := []struct {
		what string
		do   func()
	}{
		{"deleted", func() {
			before := c.get(configMaps, "tamper-a-dev", "a").GetUID()
			if err := c.client.Resource(configMaps).Namespace("tamper-a-dev").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			c.awaitAnother(configMaps, "tamper-a-dev", "a", before)
		}},
		{"label removed", func() {
			c.merge(configMaps, "tamper-a-dev", "a", "kubectl-label", `{"metadata":{"labels":{"applyset.kubernetes.io/part-of":null}}}`)
		}},
		{"digest changed", func() {
			c.merge(configMaps, "tamper-a-dev", "a", "kubectl-annotate", `{"metadata":{"annotations":{"trunkline.dev/digest":null}}}`)
		}},
	}
	for n, tc := range cases {
		tc.do()
		drifts := d.corrected("tamper-a", n+1)
		if got := drifts[0]; got.What != tc.what || !strings.HasSuffix(got.Object, "tamper-a-dev/a") || got.Time.IsZero() {
			t.Errorf("%s: the status says %+v", tc.what, got)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, tc := range cases {
		if !slices.ContainsFunc(d.events, func(e history.Event) bool {
			return e.Kind == history.Corrected && strings.HasPrefix(e.Message, tc.what)
		}) {
			t.Errorf("the history does not say that it was %s: %v", tc.what, d.events)
		}
	}
}
