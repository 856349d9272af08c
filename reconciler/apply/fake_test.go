package apply_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/render"
)

var (
	id    = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "eu"}
	start = time.Date(2026, 12, 16, 10, 0, 0, 0, time.UTC)
)

// fakeCluster is an API server without HTTP: it has objects with owners and versions, inventories, and a log of what was done
// to it. The real one is talked to by the tests of reconciler and reconciler/cluster.
type fakeCluster struct {
	mu          sync.Mutex
	version     int
	objects     map[plan.Ref]*fakeObject
	inventories map[catalog.ReleaseID]cluster.Inventory
	log         []string
	// fail says how a verb on an object fails, such as "apply a"; watching of a kind is "watch Kind".
	fail map[string]error
	// hook is called for each line of the log.
	hook func(line string)
	// inUse is what would be lost with an object.
	inUse map[string]string
	// unseen are members that the API server has and no watch has seen.
	unseen bool
	sick   map[string]health.State
}

type fakeObject struct {
	applySet, digest string
	uid, version     string
	owners           ownership.Owners
	prune            plan.Prune
}

func newFake() *fakeCluster {
	return &fakeCluster{
		objects: map[plan.Ref]*fakeObject{}, inventories: map[catalog.ReleaseID]cluster.Inventory{}, fail: map[string]error{},
		inUse: map[string]string{}, sick: map[string]health.State{},
	}
}

// did logs a line, and returns how the call fails.
func (f *fakeCluster) did(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	f.mu.Lock()
	f.log = append(f.log, line)
	hook := f.hook
	err := f.fail[line]
	f.mu.Unlock()
	if hook != nil {
		hook(line)
	}
	return err
}

// done returns the log, and begins a new one. What is done at once is in no order, so that it is sorted by the reader.
func (f *fakeCluster) done() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	log := f.log
	f.log = nil
	return log
}

func (f *fakeCluster) next() string { f.version++; return strconv.Itoa(f.version) }

func (f *fakeCluster) Watch(_ context.Context, kinds []schema.GroupKind) error {
	for _, k := range kinds {
		if err := f.fail["watch "+k.Kind]; err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeCluster) Members(applySet string) (members []cluster.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ref, o := range f.objects {
		if o.applySet != applySet {
			continue
		}
		state := health.Healthy
		if s := f.sick[ref.Name]; s != "" {
			state = s
		}
		members = append(members, cluster.Object{
			Observed: plan.Observed{
				Ref: ref, UID: types.UID(o.uid), Version: plan.Version(o.version), Digest: o.digest, Owners: o.owners, Prune: o.prune, Settled: state == health.Healthy,
			},
			Health: state, Message: "as the test says",
		})
	}
	slices.SortFunc(members, func(a, b cluster.Object) int { return a.Ref.Compare(b.Ref) })
	return members
}

func (f *fakeCluster) Gone(ref plan.Ref, _ plan.Version) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.objects[ref] == nil
}

func (f *fakeCluster) Owner(ref plan.Ref) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.objects[ref]
	if o == nil || o.applySet == "" {
		return "", false
	}
	return o.applySet, true
}

func (f *fakeCluster) InUse(_ context.Context, ref plan.Ref) (string, error) {
	return f.inUse[ref.Name], f.did("in use %s", ref.Name)
}

func (f *fakeCluster) Inventories(context.Context, string) (list []cluster.Inventory, err error) {
	err = f.did("list inventories")
	for _, i := range f.inventories {
		list = append(list, i)
	}
	return list, err
}

func (f *fakeCluster) Inventory(_ context.Context, _ string, id catalog.ReleaseID) (cluster.Inventory, bool, error) {
	i, ok := f.inventories[id]
	return i, ok, f.did("read inventory")
}

func (f *fakeCluster) Record(_ context.Context, i cluster.Inventory) error {
	if err := f.did("record %s", i.Commit); err != nil {
		return err
	}
	f.inventories[i.Release] = i
	return nil
}

func (f *fakeCluster) Empty(_ context.Context, i cluster.Inventory) (bool, error) {
	return !f.unseen && len(f.Members(i.ApplySet())) == 0, f.did("empty?")
}

func (f *fakeCluster) Forget(_ context.Context, i cluster.Inventory) error {
	if err := f.did("forget"); err != nil {
		return err
	}
	delete(f.inventories, i.Release)
	return nil
}

func (f *fakeCluster) As(as cluster.Identity, _ plan.Scope) (apply.Writer, error) {
	return &fakeWriter{f, as.String()}, nil
}

// fakeWriter is somebody who writes to a fake cluster.
type fakeWriter struct {
	*fakeCluster

	as string
}

// by names who writes, unless it is the daemon.
func (w *fakeWriter) by() string {
	if w.as == cluster.Daemon().String() {
		return ""
	}
	return " as " + w.as[strings.LastIndex(w.as, ":")+1:]
}

func (w *fakeWriter) Apply(ctx context.Context, o *unstructured.Unstructured, how cluster.Applying) (cluster.Live, error) {
	if err := w.did("apply %s%s", o.GetName(), w.by()); err != nil {
		return cluster.Live{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	ref := plan.RefOf(o)
	there := w.objects[ref]
	if there == nil {
		there = &fakeObject{uid: "uid-" + o.GetName()}
		w.objects[ref] = there
	}
	there.version, there.applySet = w.next(), o.GetLabels()["applyset.kubernetes.io/part-of"]
	there.digest, there.prune = o.GetAnnotations()[plan.DigestAnnotation], plan.Prune(o.GetAnnotations()[plan.PruneAnnotation])
	there.owners = ownership.Owners{Ours: fieldsOf(o)}
	_ = how
	return cluster.Live{Version: plan.Version(there.version), Owners: there.owners}, nil
}

func (w *fakeWriter) Delete(_ context.Context, ref plan.Ref, uid types.UID) error {
	if err := w.did("delete %s %s%s", ref.Name, uid, w.by()); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if o := w.objects[ref]; o != nil && o.uid == string(uid) {
		delete(w.objects, ref)
	}
	return nil
}

func (w *fakeWriter) CheckFree(_ context.Context, o *unstructured.Unstructured, _ string) error {
	return w.did("free? %s", o.GetName())
}

func (w *fakeWriter) CheckAccount(context.Context) error {
	if w.by() == "" {
		return nil // the daemon is there
	}
	return w.did("account?%s", w.by())
}

func (w *fakeWriter) Diagnose(context.Context, plan.Ref, []*unstructured.Unstructured) (health.Reason, error) {
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

// slots lets everybody plan at once.
type slots struct{}

func (slots) Begin(ctx context.Context, _ bool) error { return ctx.Err() }
func (slots) End()                                    {}

// bench is an executor and what it works on.
type bench struct {
	*fakeCluster

	t       *testing.T
	cluster *apply.Cluster
	exec    *apply.Executor
	heard   []cluster.Event
}

func newBench(t *testing.T) *bench {
	b := &bench{fakeCluster: newFake(), t: t}
	b.restart()
	return b
}

// restart is another daemon, which knows nothing of what was done before.
func (b *bench) restart() {
	b.cluster = apply.NewCluster("eu", func(_, _ context.Context) (apply.Conn, error) { return b.fakeCluster, b.did("connect") })
	b.exec = apply.New(apply.Options{
		ID: id, Cluster: b.cluster, Platform: func() string { return "acme" }, Secrets: &secrets.Decrypter{}, Slots: slots{},
		Listen: func(e cluster.Event) { b.heard = append(b.heard, e) }, Now: func() time.Time { return start },
	})
}

func configMap(name, value string, annotations ...string) *unstructured.Unstructured {
	meta := map[string]any{"name": name, "namespace": "orders-prod"}
	if len(annotations) > 0 {
		a := map[string]any{}
		for i := 0; i < len(annotations); i += 2 {
			a[annotations[i]] = annotations[i+1]
		}
		meta["annotations"] = a
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": map[string]any{"key": value}}}
}

func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	meta := map[string]any{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": meta}}
}

func (b *bench) target(commit string, objects ...*unstructured.Unstructured) release.Target {
	b.t.Helper()
	packed, err := render.Pack(objects)
	if err != nil {
		b.t.Fatal(err)
	}
	return release.Target{Commit: commit, Namespace: "orders-prod", Objects: packed, Digest: packed.Digest()}
}

func settings() release.Settings {
	return release.Settings{Terms: terms.Undeclared(), Access: release.Access{Declared: true}}
}

func (b *bench) run(t release.Target) release.Ended {
	b.t.Helper()
	return b.runAs(t, settings())
}

func (b *bench) runAs(t release.Target, s release.Settings) release.Ended {
	b.t.Helper()
	return b.exec.Run(b.t.Context(), b.t.Context(), release.Run{Epoch: 7, Target: t, Settings: s, Memory: gate.Memory{}})
}

// removal is the target of a release that is not declared any more.
func removal(commit string) release.Target { return release.Target{Commit: commit, Remove: true} }
