// SPDX-License-Identifier: Apache-2.0

// Package applytest stands in for a cluster in tests of what is done to one, in which order. Tests of whether the real one does it
// talk to a real API server.
//
// Of Trunkline it may import what reconciler/apply may.
package applytest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// Cluster is an API server without HTTP: it has objects with owners and versions, inventories, and a log of what was done
// to it. The real one is talked to by the tests of reconciler and reconciler/cluster.
type Cluster struct {
	mu      sync.Mutex
	version int
	log     []string

	// Objects are those in the cluster, and Stored the inventories.
	Objects map[plan.Ref]*Object
	Stored  map[catalog.ReleaseID]cluster.Inventory
	// Fail says how a line of the log fails, such as "apply a".
	Fail map[string]error
	// Hook is called for each line of the log, and Notify for each object that was written or deleted; nil: nobody is.
	Hook   func(line string)
	Notify func(cluster.Event)
	// Used says, by the name of an object, what would be lost with it.
	Used map[string]string
	// Unseen is set if the API server has members that no watch has seen.
	Unseen bool
	// The objects that are not healthy, by name.
	Sick map[string]health.State
}

// Object is one in the cluster.
type Object struct {
	ApplySet, Digest string
	UID, Version     string
	Owners           ownership.Owners
	Prune            plan.Prune
	// Deletion is set once its deletion was asked for.
	Deletion *health.Deletion
	// Ending is how far it is, if it removes itself once it has ended.
	Ending plan.Ending
}

// New returns a cluster that holds nothing.
func New() *Cluster {
	return &Cluster{
		Objects: map[plan.Ref]*Object{}, Stored: map[catalog.ReleaseID]cluster.Inventory{}, Fail: map[string]error{},
		Used: map[string]string{}, Sick: map[string]health.State{},
	}
}

// Did logs a line, and returns how the call fails.
func (f *Cluster) Did(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	f.mu.Lock()
	f.log = append(f.log, line)
	hook := f.Hook
	err := f.Fail[line]
	f.mu.Unlock()
	if hook != nil {
		hook(line)
	}
	return err
}

// Log returns what was done, and begins a new one. What is done at once is in no order, so that it is sorted by the reader.
func (f *Cluster) Log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	log := f.log
	f.log = nil
	return log
}

// Next returns a new version.
func (f *Cluster) Next() string { f.version++; return strconv.Itoa(f.version) }

// Change changes what the cluster is like, while others may look at it.
func (f *Cluster) Change(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *Cluster) notify(e cluster.Event) {
	if f.Notify != nil {
		f.Notify(e)
	}
}

// Watch implements [apply.View].
func (f *Cluster) Watch(_ context.Context, kinds []schema.GroupKind) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range kinds {
		if err := f.Fail["watch "+k.Kind]; err != nil {
			return err
		}
	}
	return nil
}

// Members implements [apply.View].
func (f *Cluster) Members(applySet string) (members []cluster.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ref, o := range f.Objects {
		if o.ApplySet != applySet {
			continue
		}
		members = append(members, f.seen(ref, o))
	}
	slices.SortFunc(members, func(a, b cluster.Object) int { return a.Ref.Compare(b.Ref) })
	return members
}

// seen returns an object as a watch shows it.
func (f *Cluster) seen(ref plan.Ref, o *Object) cluster.Object {
	state := health.Healthy
	if s := f.Sick[ref.Name]; s != "" {
		state = s
	}
	return cluster.Object{
		Observed: plan.Observed{
			Ref: ref, UID: types.UID(o.UID), Version: plan.Version(o.Version), Digest: o.Digest, Owners: o.Owners, Prune: o.Prune, Settled: state == health.Healthy,
			Deleting: o.Deletion != nil, Ending: o.Ending,
		},
		Deletion: o.Deletion, Health: state, Message: "as the test says",
	}
}

// Gone implements [apply.View].
func (f *Cluster) Gone(ref plan.Ref, _ plan.Version) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Objects[ref] == nil
}

// Owner implements [apply.View].
func (f *Cluster) Owner(ref plan.Ref) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.Objects[ref]
	if o == nil || o.ApplySet == "" {
		return "", false
	}
	return o.ApplySet, true
}

// InUse implements [apply.View].
func (f *Cluster) InUse(_ context.Context, ref plan.Ref) (string, error) {
	return f.Used[ref.Name], f.Did("in use %s", ref.Name)
}

// Inventories implements [apply.Ledger].
func (f *Cluster) Inventories(context.Context, string) (list []cluster.Inventory, err error) {
	err = f.Did("list inventories")
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.Stored {
		list = append(list, i)
	}
	return list, err
}

// Inventory implements [apply.Ledger].
func (f *Cluster) Inventory(_ context.Context, _ string, id catalog.ReleaseID) (cluster.Inventory, bool, error) {
	err := f.Did("read inventory")
	f.mu.Lock()
	defer f.mu.Unlock()
	i, ok := f.Stored[id]
	return i, ok, err
}

// Record implements [apply.Ledger].
func (f *Cluster) Record(_ context.Context, i cluster.Inventory) error {
	if err := f.Did("record %s", i.Commit); err != nil {
		return err
	}
	f.Change(func() { f.Stored[i.Release] = i })
	return nil
}

// Empty implements [apply.Ledger].
func (f *Cluster) Empty(_ context.Context, i cluster.Inventory) (bool, error) {
	return !f.Unseen && len(f.Members(i.ApplySet())) == 0, f.Did("empty?")
}

// Forget implements [apply.Ledger].
func (f *Cluster) Forget(_ context.Context, i cluster.Inventory) error {
	if err := f.Did("forget"); err != nil {
		return err
	}
	f.Change(func() { delete(f.Stored, i.Release) })
	return nil
}

// As implements [apply.Conn].
func (f *Cluster) As(as cluster.Identity, _ plan.Scope) (apply.Writer, error) {
	return &writer{f, as.String()}, nil
}

// writer is someone who writes to a fake cluster.
type writer struct {
	*Cluster

	as string
}

// by names who writes, unless it is the daemon.
func (w *writer) by() string {
	if w.as == cluster.Daemon().String() {
		return ""
	}
	return " as " + w.as[strings.LastIndex(w.as, ":")+1:]
}

func (w *writer) Apply(_ context.Context, o *unstructured.Unstructured, _ cluster.Applying) (cluster.Live, error) {
	if err := w.Did("apply %s%s", o.GetName(), w.by()); err != nil {
		return cluster.Live{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	ref := plan.RefOf(o)
	there := w.Objects[ref]
	if there == nil {
		there = &Object{UID: "uid-" + o.GetName()}
		w.Objects[ref] = there
	}
	if before := there.ApplySet; before != "" && before != o.GetLabels()["applyset.kubernetes.io/part-of"] {
		defer w.notify(cluster.Event{ApplySet: before, Object: w.seen(ref, there), Deleted: true})
	}
	there.Version, there.ApplySet = w.Next(), o.GetLabels()["applyset.kubernetes.io/part-of"]
	there.Digest, there.Prune = o.GetAnnotations()[plan.DigestAnnotation], plan.Prune(o.GetAnnotations()[plan.PruneAnnotation])
	there.Owners = ownership.Owners{Ours: fieldsOf(o)}
	live := cluster.Live{Version: plan.Version(there.Version), Owners: there.Owners}
	defer w.notify(cluster.Event{ApplySet: there.ApplySet, Object: w.seen(ref, there)})
	return live, nil
}

func (w *writer) Delete(_ context.Context, ref plan.Ref, uid types.UID) error {
	if err := w.Did("delete %s %s%s", ref.Name, uid, w.by()); err != nil {
		return err
	}
	w.mu.Lock()
	o := w.Objects[ref]
	if o != nil && o.UID == string(uid) {
		delete(w.Objects, ref)
	}
	w.mu.Unlock()
	if o != nil {
		w.notify(cluster.Event{ApplySet: o.ApplySet, Object: w.seen(ref, o), Deleted: true})
	}
	return nil
}

func (w *writer) CheckFree(_ context.Context, o *unstructured.Unstructured, _ string) error {
	return w.Did("free? %s", o.GetName())
}

func (w *writer) CheckAccount(context.Context) error {
	if w.by() == "" {
		return nil // the daemon is there
	}
	return w.Did("account?%s", w.by())
}

func (w *writer) Diagnose(context.Context, plan.Ref, []*unstructured.Unstructured) (health.Reason, error) {
	return health.Reason{Summary: w.as}, nil
}

// fieldsOf returns the fields of an object as our entry of managedFields lists them.
func fieldsOf(o *unstructured.Unstructured) string {
	var walk func(v any) map[string]any
	walk = func(v any) map[string]any {
		out := map[string]any{}
		m, _ := v.(map[string]any)
		for k, v := range m {
			out["f:"+k] = walk(v)
		}
		return out
	}
	data, err := json.Marshal(walk(o.Object))
	if err != nil {
		panic(err)
	}
	return string(data)
}

// Heal makes an object healthy.
func (f *Cluster) Heal(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.Sick, name)
}
