// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

// waitTimeout bounds every wait; it is long, since only a failing test waits for all of it.
const waitTimeout = 2 * time.Minute

// cell is a namespace with a template in it, and what is told of it.
type cell struct {
	t         *testing.T
	cluster   *Cluster
	namespace string
	events    chan Event
}

func newCell(t *testing.T, annotations string) cell {
	t.Helper()
	c := pkg.Cluster(t)
	cell := cell{t, New("test", func() (*rest.Config, error) { return c.Config, nil }, slog.New(slog.DiscardHandler)), c.Namespace(t), make(chan Event, 1000)}
	text := strings.Replace(template, "namespace: orders-dev", "namespace: "+cell.namespace, 1)
	text = strings.Replace(text, "uid: c0ffee", "", 1)
	text = strings.Replace(text, "metadata: {labels: {app: x}}", "metadata: {labels: {app: x}, annotations: {"+annotations+"}}", 1)
	data, err := json.Marshal(object(t, text).Object)
	if err != nil {
		t.Fatal(err)
	}
	var cron batchv1.CronJob
	if err := json.Unmarshal(data, &cron); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client(t).BatchV1().CronJobs(cell.namespace).Create(t.Context(), &cron, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	cell.watch()
	return cell
}

// watch has the cell told of what happens until the test ends.
func (c cell) watch() {
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.cluster.Watch(ctx, func(e Event) {
			select {
			case c.events <- e:
			case <-ctx.Done():
			}
		})
	}()
	c.t.Cleanup(func() { cancel(); <-ended })
}

// await returns the first event about the cell that is as wanted.
func (c cell) await(what string, ok func(Event) bool) Event {
	c.t.Helper()
	late := time.After(waitTimeout)
	for {
		select {
		case e := <-c.events:
			if (e.Job == nil || e.Job.Namespace == c.namespace) && (e.Template == nil || e.Template.Namespace == c.namespace) && ok(e) {
				return e
			}
		case <-late:
			c.t.Fatalf("waiting for %s", what)
		}
	}
}

// TestJobs: a Job that is made twice from a template is there once; it is seen to run and to end; what came of it is noted at it; and it is
// removed.
func TestJobs(t *testing.T) {
	c := newCell(t, "")
	found := c.await("the template", func(e Event) bool { return e.Kind == Has && e.Template != nil })
	c.await("all that is there", func(e Event) bool { return e.Kind == Complete })
	as := As{Namespace: c.namespace}
	order := Order{Template: *found.Template, Name: "clean-1", Lot: hour(t), Attempt: "r1", Replaces: "{}"}
	for range 2 {
		if err := c.cluster.Create(t.Context(), as, order); err != nil {
			t.Fatal(err)
		}
	}
	job := c.await("the Job to end", func(e Event) bool { return e.Job != nil && !e.Job.Ended.IsZero() }).Job
	if job.Failed || job.Name != "clean-1" || job.Workload != "orders/clean" || job.Lot != hour(t) {
		t.Errorf("it ended as %+v", job)
	}
	if there, err := c.cluster.Await(t.Context(), as, job.Name); !there || err != nil {
		t.Errorf("it is not gone, and there: %t, %v", there, err)
	}
	if err := c.cluster.Settle(t.Context(), as, *job, "made"); err != nil {
		t.Fatal(err)
	}
	c.await("the note", func(e Event) bool { return e.Job != nil && e.Job.Outcome == "made" })
	if err := c.cluster.Delete(t.Context(), as, *job); err != nil {
		t.Fatal(err)
	}
	c.await("it to be gone", func(e Event) bool { return e.Kind == Gone && e.Job != nil })
	if there, err := c.cluster.Await(t.Context(), as, job.Name); there || err != nil {
		t.Fatalf("it is gone, and there: %t, %v", there, err)
	}
	for name, err := range map[string]error{"settle": c.cluster.Settle(t.Context(), as, *job, "made"), "delete": c.cluster.Delete(t.Context(), as, *job)} {
		if err != nil {
			t.Errorf("%s of a Job that is gone: %v", name, err)
		}
	}
}

// TestExecutorsOfAJobThatIsGone: what the pod of a Job has made may still be at work once the Job is gone.
func TestExecutorsOfAJobThatIsGone(t *testing.T) {
	c := newCell(t, "")
	as := As{Namespace: c.namespace}
	executor := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "executor", Namespace: c.namespace, Labels: map[string]string{plan.RunLabel: "gone-1"}},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"no": "node"}, Containers: []corev1.Container{{Name: "executor", Image: "i"}}, // it waits
			TerminationGracePeriodSeconds: new(int64),
		},
	}
	pods := pkg.Cluster(t).Client(t).CoreV1().Pods(c.namespace)
	if _, err := pods.Create(t.Context(), executor, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if there, err := c.cluster.Await(ctx, as, "gone-1"); there || err == nil {
		t.Errorf("an executor is at work, and nobody waits for it: %t, %v", there, err)
	}
	if err := pods.Delete(t.Context(), "executor", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if there, err := c.cluster.Await(t.Context(), as, "gone-1"); there || err != nil {
		t.Errorf("nothing is at work any more: %t, %v", there, err)
	}
}

// TestWhyAJobFailed: the words are about what ended the pod.
func TestWhyAJobFailed(t *testing.T) {
	c := newCell(t, `devcluster.trunkline.dev/fail: "true"`)
	found := c.await("the template", func(e Event) bool { return e.Kind == Has && e.Template != nil })
	as := As{Namespace: c.namespace}
	if err := c.cluster.Create(t.Context(), as, Order{Template: *found.Template, Name: "clean-1", Lot: hour(t), Attempt: "r1"}); err != nil {
		t.Fatal(err)
	}
	job := c.await("the Job to fail", func(e Event) bool { return e.Job != nil && e.Job.Failed }).Job
	if why, err := c.cluster.Why(t.Context(), as, *job); err != nil || !strings.Contains(why, "exit code 1") {
		t.Errorf("why: %q", why)
	}
}

// TestNobodysAccount: nothing is done with other rights than those that were asked for.
func TestNobodysAccount(t *testing.T) {
	c := newCell(t, "")
	found := c.await("the template", func(e Event) bool { return e.Kind == Has && e.Template != nil })
	order := Order{Template: *found.Template, Name: "clean-1", Lot: hour(t), Attempt: "r1"}
	for _, account := range []string{"nobody", "not a name"} {
		if err := c.cluster.Create(t.Context(), As{c.namespace, account}, order); err == nil {
			t.Errorf("as %q a Job was made", account)
		}
	}
}

// TestByHand: what a template makes by "kubectl create job --from" is a Job that runs, and none of the daemon's.
func TestByHand(t *testing.T) {
	c := newCell(t, "")
	found := c.await("the template", func(e Event) bool { return e.Kind == Has && e.Template != nil }).Template
	client := pkg.Cluster(t).Client(t).BatchV1()
	cron, err := client.CronJobs(c.namespace).Get(t.Context(), found.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	byHand := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "by-hand", Labels: cron.Spec.JobTemplate.Labels}, Spec: cron.Spec.JobTemplate.Spec}
	byHand.Spec.TTLSecondsAfterFinished = nil // so that it can be looked at
	if _, err := client.Jobs(c.namespace).Create(t.Context(), byHand, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	late := time.Now().Add(waitTimeout)
	for {
		job, err := client.Jobs(c.namespace).Get(t.Context(), "by-hand", metav1.GetOptions{})
		if err != nil || time.Now().After(late) {
			t.Fatalf("%v, %+v", err, job)
		}
		if job.Status.Succeeded > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.await("it to be told of as another", func(e Event) bool {
		return e.Kind == Has && e.Other != nil && e.Other.Namespace == c.namespace && e.Other.Name == "by-hand" && !e.Other.Failed && e.Other.Workload == "orders/clean"
	})
	for {
		select {
		case e := <-c.events:
			if e.Job != nil && e.Job.Namespace == c.namespace {
				t.Fatalf("the daemon takes it for its own: %+v", e.Job)
			}
		default:
			return
		}
	}
}

// unreachable is an API server that cannot be reached for a while.
type unreachable struct {
	next http.RoundTripper
	away *atomic.Bool
}

func (u unreachable) RoundTrip(r *http.Request) (*http.Response, error) {
	if u.away.Load() {
		return nil, errors.New("connection refused")
	}
	return u.next.RoundTrip(r)
}

// TestAway: that a cluster cannot be followed is told once, and that it can be again; and what it has.
func TestAway(t *testing.T) {
	c := newCell(t, "")
	c.await("the template", func(e Event) bool { return e.Kind == Has && e.Template != nil })
	var away atomic.Bool
	away.Store(true)
	reached := pkg.Cluster(t).Config
	c.cluster = New("far", func() (*rest.Config, error) {
		cfg := rest.CopyConfig(reached)
		cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return unreachable{next, &away} })
		return cfg, nil
	}, slog.New(slog.DiscardHandler))
	c.events = make(chan Event, 1000)
	c.watch()
	var got []Kind
	next := func(what string, until Kind) {
		c.await(what, func(e Event) bool {
			if e.Kind != Has && e.Kind != Gone {
				got = append(got, e.Kind)
			}
			return e.Kind == until
		})
	}
	next("it to be away", Away)
	away.Store(false)
	next("it to be back", Back)
	if !slices.Contains(got, Complete) {
		next("all that it has", Complete)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]Kind{Begins, Complete, Away, Back}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
