// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/test/clustertest"
)

// shared is the cluster of the tests that need no cluster of their own.
var shared clustertest.Package

func TestMain(m *testing.M) { shared.Main(m) }

// release is a release of one test on a real cluster: what is watched of it, and who applies.
type release struct {
	*testing.T

	cluster   *clustertest.Cluster
	conn      *Conn
	actor     *Actor
	inventory Inventory
	events    chan Event
}

func newRelease(t *testing.T, kinds ...schema.GroupKind) *release {
	t.Helper()
	c := shared.Cluster(t)
	r := &release{T: t, cluster: c, events: make(chan Event, 1000)}
	namespace := c.Namespace(t)
	r.inventory = Inventory{Platform: "test", Release: catalog.ReleaseID{Project: namespace, Environment: "dev", Cluster: "test"}, Namespace: namespace}
	cl := New(Config{Name: "test", Kubeconfig: c.Kubeconfig}, func(e Event) {
		if e.ApplySet == r.inventory.ApplySet() {
			r.events <- e
		}
	})
	t.Cleanup(cl.Close)
	var err error
	if r.conn, err = cl.Connect(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	scope := plan.Scope{Namespace: namespace, ClusterScoped: []schema.GroupKind{
		{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, {Group: "apiregistration.k8s.io", Kind: "APIService"},
	}}
	if r.actor, err = r.conn.As(Daemon(), scope); err != nil {
		t.Fatal(err)
	}
	if err := r.conn.Watch(t.Context(), kinds); err != nil {
		t.Fatal(err)
	}
	return r
}

// declare makes an object of a release from YAML, with the namespace filled in.
func (r *release) declare(text string) *unstructured.Unstructured {
	r.Helper()
	o := object(r.T, text)
	if o.GetNamespace() == "" && r.conn != nil {
		o.SetNamespace(r.inventory.Namespace)
	}
	return r.inventory.Member(o)
}

// run plans and applies once, as a run of the daemon does, and returns the plan.
func (r *release) run(in plan.Input) plan.Plan {
	r.Helper()
	for _, m := range r.conn.Members(r.inventory.ApplySet()) {
		in.Observed = append(in.Observed, m.Observed)
	}
	p, err := plan.Compute(in)
	if err != nil {
		r.Fatal(err)
	}
	for _, stage := range p.Apply {
		for _, s := range stage {
			o := s.Object.DeepCopy()
			annotations := o.GetAnnotations()
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[plan.DigestAnnotation] = s.Digest
			o.SetAnnotations(annotations)
			if _, err := r.actor.Apply(r.Context(), o, Applying{Force: s.Force, Reclaim: s.Reclaim}); err != nil {
				r.Fatal(err)
			}
		}
	}
	return p
}

// until waits for an event of the release.
func (r *release) until(is func(Event) bool) Event {
	r.Helper()
	for {
		select {
		case e := <-r.events:
			if is(e) {
				return e
			}
		case <-time.After(awaitTimeout):
			r.Fatal("it has not come")
		}
	}
}

// TestAnAggregatedRoleIsNotFought: the rules that Kubernetes fills in stay, also when everything is applied again.
func TestAnAggregatedRoleIsNotFought(t *testing.T) {
	t.Parallel()
	kind := schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}
	r := newRelease(t, kind)
	name := r.inventory.Namespace
	part := r.declare("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: " + name + "-part, labels: {part-of: " + name + "}}, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}")
	whole := r.declare("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: " + name + "}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {part-of: " + name + "}}]}, rules: []}")
	for _, o := range []*unstructured.Unstructured{part, whole} {
		o.SetNamespace("")
	}
	roles := r.conn.client.Resource(schema.GroupVersionResource{Group: kind.Group, Version: "v1", Resource: "clusterroles"})
	t.Cleanup(func() {
		for _, n := range []string{name, name + "-part"} {
			_ = roles.Delete(context.WithoutCancel(t.Context()), n, metav1.DeleteOptions{})
		}
	})
	in := plan.Input{Desired: []*unstructured.Unstructured{part, whole}, Drift: plan.Drift{Correct: true}}
	r.run(in)
	filled := func() string {
		o, err := roles.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if rules, _, _ := unstructured.NestedSlice(o.Object, "rules"); len(rules) != 1 {
			return ""
		}
		return o.GetResourceVersion()
	}
	await(t, func() bool { return filled() != "" })
	version := filled()
	await(t, func() bool { // the watch has shown it as well
		return slices.ContainsFunc(r.conn.Members(r.inventory.ApplySet()), func(o Object) bool { return o.Ref.Name == name && string(o.Version) == version })
	})
	if p := r.run(in); !p.Empty() || p.Unchanged != 2 {
		t.Errorf("there is something to do: %+v", p)
	}
	in.Everything = true
	r.run(in)
	if filled() != version {
		t.Error("applying everything again has written to the role, or emptied it")
	}
}

// TestAJobThatRemovesItselfIsNotRunAgain: what the watch says of a Job suffices to know that it is done, also when it is gone
// at once.
func TestAJobThatRemovesItselfIsNotRunAgain(t *testing.T) {
	t.Parallel()
	r := newRelease(t, schema.GroupKind{Group: "batch", Kind: "Job"})
	job := r.declare("{apiVersion: batch/v1, kind: Job, metadata: {name: migrate}, spec: {ttlSecondsAfterFinished: 0, template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}")
	in := plan.Input{Desired: []*unstructured.Unstructured{job}, Drift: plan.Drift{Correct: true}}
	if p := r.run(in); len(p.Apply) != 1 {
		t.Fatalf("the first run: %+v", p)
	}
	gone := r.until(func(e Event) bool { return e.Deleted })
	if gone.Object.Ending != plan.Completed {
		t.Errorf("what was seen of it last is %+v", gone.Object)
	}
	in.Finished = in.Finished.With(gone.Object.Digest, gone.Object.Ending)
	if p := r.run(in); !p.Empty() || len(p.Done) != 1 || p.Unchanged != 1 {
		t.Errorf("it is run again: %+v", p)
	}
}

// TestADeletionThatDoesNotEnd: an object with a finalizer that nobody removes is seen to be stuck, by name.
func TestADeletionThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	r := newRelease(t, schema.GroupKind{Kind: "ConfigMap"}, schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"})
	held := r.declare("{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [acme.io/backup]}}")
	r.run(plan.Input{Desired: []*unstructured.Unstructured{held}})
	seen := r.until(func(e Event) bool { return e.Object.Health == health.Healthy })
	if err := r.actor.Delete(t.Context(), seen.Object.Ref, seen.Object.UID); err != nil {
		t.Fatal(err)
	}
	going := r.until(func(e Event) bool { return e.Object.Deleting }).Object
	if v := going.At(going.Deletion.Since); v.State != health.Progressing {
		t.Errorf("at first it is %+v", v)
	}
	v := going.At(going.Deletion.StuckAt())
	if v.State != health.Stalled || !strings.Contains(v.Message, "acme.io/backup") {
		t.Errorf("after a while it is %+v", v)
	}
	if _, err := r.conn.client.Resource(configMaps).Namespace(r.inventory.Namespace).Patch(t.Context(), "held", types.JSONPatchType,
		[]byte(`[{"op": "remove", "path": "/metadata/finalizers"}]`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	r.until(func(e Event) bool { return e.Deleted })
}

// TestAnAPIWithoutAServerIsStalled: an APIService that is not available is not healthy.
func TestAnAPIWithoutAServerIsStalled(t *testing.T) {
	t.Parallel()
	c := clustertest.Start(t, clustertest.Options{}) // an API that is down disturbs all who list kinds
	conn := connect(t, c.Kubeconfig)
	inventory := Inventory{Platform: "test", Release: catalog.ReleaseID{Project: "p", Environment: "dev", Cluster: "test"}}
	kind := schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}
	if err := conn.Watch(t.Context(), []schema.GroupKind{kind}); err != nil {
		t.Fatal(err)
	}
	actor, err := conn.As(Daemon(), plan.Scope{Namespace: "p", ClusterScoped: []schema.GroupKind{kind}})
	if err != nil {
		t.Fatal(err)
	}
	o := object(t, "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.down.example.com}, spec: {group: down.example.com, version: v1, groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: {name: nobody, namespace: default}}}")
	if _, err := actor.Apply(t.Context(), inventory.Member(o), Applying{}); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		return slices.ContainsFunc(conn.Members(inventory.ApplySet()), func(o Object) bool {
			return o.Health == health.Stalled && strings.Contains(o.Message, "nobody")
		})
	})
}
