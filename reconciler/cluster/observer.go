package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"trunkline.dev/trunkline/reconciler/plan"
)

// Object is what is remembered of a member: enough to plan and to report, a small part of the whole.
type Object struct {
	plan.Member
	Version ResourceVersion
	Health  Health
	Message string
}

// ResourceVersion is the version of an object in the API server's store.
type ResourceVersion string

// Before tells that v is older than o. Versions are decimal numbers that grow (KEP-5504); one that is not is
// older than none.
func (v ResourceVersion) Before(o ResourceVersion) bool {
	a, errA := strconv.ParseUint(string(v), 10, 64)
	b, errB := strconv.ParseUint(string(o), 10, 64)
	return errA == nil && errB == nil && a < b
}

// observer watches the members of all ApplySets, one watch a kind, and remembers them by ApplySet.
type observer struct {
	conn *Conn
	// spawn runs something for as long as the connection is there.
	spawn func(func(context.Context))

	mu      sync.Mutex
	kinds   map[schema.GroupKind]*kindWatch
	members map[string]map[plan.Ref]Object
	owners  map[plan.Ref]string
}

// kindWatch is the watch of one kind. It is the store of a reflector.
type kindWatch struct {
	observer *observer
	kind     schema.GroupKind
	synced   chan struct{}
	once     sync.Once

	// gone is closed when the kind is no longer served.
	gone chan struct{}

	mu  sync.Mutex
	err error // why the first list has not come yet
}

func newObserver(ctx context.Context, conn *Conn) *observer {
	return &observer{
		conn:    conn,
		spawn:   func(f func(context.Context)) { go f(ctx) },
		kinds:   map[schema.GroupKind]*kindWatch{},
		members: map[string]map[plan.Ref]Object{},
		owners:  map[plan.Ref]string{},
	}
}

// Watch makes sure that members of the kinds are seen, and waits until those that are there have been. Kinds
// that the cluster does not know have no members; they are watched once they are known and asked for again.
func (conn *Conn) Watch(ctx context.Context, kinds []schema.GroupKind) error {
	var watches []*kindWatch
	for _, kind := range kinds {
		w, err := conn.observer.watch(kind)
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return err
		}
		watches = append(watches, w)
	}
	for _, w := range watches {
		if err := w.wait(ctx); err != nil && !errors.Is(err, errUnserved) {
			return fmt.Errorf("watching %s: %w", w.kind, err)
		}
	}
	return nil
}

func (o *observer) watch(kind schema.GroupKind) (*kindWatch, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w, ok := o.kinds[kind]; ok {
		return w, nil
	}
	m, err := o.conn.resource(kind)
	if err != nil {
		return nil, err
	}
	w := &kindWatch{observer: o, kind: kind, synced: make(chan struct{}), gone: make(chan struct{})}
	o.kinds[kind] = w
	all := o.conn.client.Resource(m.Resource)
	lw := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			opts.LabelSelector = labelPartOf
			list, err := all.List(ctx, opts)
			w.answered(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			opts.LabelSelector = labelPartOf
			stream, err := all.Watch(ctx, opts)
			w.answered(err)
			return stream, err
		},
	}, o.conn.client)
	expected := &unstructured.Unstructured{}
	expected.SetGroupVersionKind(m.GroupVersionKind)
	reflector := cache.NewReflectorWithOptions(lw, expected, w, cache.ReflectorOptions{Name: "trunkline " + kind.String()})
	o.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go reflector.RunWithContext(ctx)
		select {
		case <-w.gone:
		case <-ctx.Done():
		}
	})
	return w, nil
}

// answered takes in how a list or a watch ended. A kind that is no longer served, since its definition was
// deleted, is no longer watched either.
func (w *kindWatch) answered(err error) {
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
	if apierrors.IsNotFound(err) {
		w.observer.unserved(w)
	}
	w.observer.conn.cluster.answered(w.observer.conn, err)
}

// unserved ends the watch of a kind that is gone, and has the kind looked up anew when it is asked for again.
func (o *observer) unserved(w *kindWatch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kinds[w.kind] == w {
		delete(o.kinds, w.kind)
		o.conn.mapper.Reset()
		close(w.gone)
	}
}

// errUnserved says that the cluster does not know the kind any more.
var errUnserved = errors.New("the kind is not served any more")

// wait for the first list. When it does not come in time, what the API server said is the better error.
func (w *kindWatch) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case <-w.synced:
		return nil
	case <-w.gone:
		return errUnserved
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		return errors.Join(ctx.Err(), w.err)
	}
}

// Members lists what the watched kinds hold of an ApplySet.
func (conn *Conn) Members(applySet string) []Object {
	o := conn.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Object, 0, len(o.members[applySet]))
	for _, m := range o.members[applySet] {
		list = append(list, m)
	}
	return list
}

// Owner gives the id of the ApplySet that an object is a member of, as far as its kind is watched.
func (conn *Conn) Owner(ref plan.Ref) (string, bool) {
	conn.observer.mu.Lock()
	defer conn.observer.mu.Unlock()
	id, ok := conn.observer.owners[ref]
	return id, ok
}

// tracked is what is kept of an object between the wire and the members.
type tracked struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	applySet string
	object   Object
}

// DeepCopyObject implements [runtime.Object].
func (t *tracked) DeepCopyObject() runtime.Object {
	c := *t
	return &c
}

var _ cache.TransformingStore = (*kindWatch)(nil)

// Transformer implements [cache.TransformingStore]: whole objects are let go of as they come in.
func (w *kindWatch) Transformer() cache.TransformFunc {
	return func(in any) (any, error) {
		u, ok := in.(*unstructured.Unstructured)
		if !ok {
			return in, nil
		}
		health, message := HealthOf(u)
		return &tracked{
			ObjectMeta: metav1.ObjectMeta{Namespace: u.GetNamespace(), Name: u.GetName(), ResourceVersion: u.GetResourceVersion()},
			applySet:   u.GetLabels()[labelPartOf],
			object: Object{
				Member: plan.Member{
					Ref: plan.RefOf(u), UID: u.GetUID(),
					Keep:     u.GetAnnotations()[plan.PruneAnnotation] == "disabled",
					Deleting: u.GetDeletionTimestamp() != nil,
				},
				Version: ResourceVersion(u.GetResourceVersion()), Health: health, Message: message,
			},
		}, nil
	}
}

// Add implements [cache.ReflectorStore].
func (w *kindWatch) Add(in any) error { return w.put(in) }

// Update implements [cache.ReflectorStore].
func (w *kindWatch) Update(in any) error { return w.put(in) }

// Resync implements [cache.ReflectorStore].
func (w *kindWatch) Resync() error { return nil }

func (w *kindWatch) put(in any) error {
	t, err := w.track(in)
	if err != nil {
		return err
	}
	w.observer.mu.Lock()
	w.observer.set(t)
	w.observer.mu.Unlock()
	w.observer.conn.cluster.changed(Event{ApplySet: t.applySet, Object: t.object})
	return nil
}

// Delete implements [cache.ReflectorStore].
func (w *kindWatch) Delete(in any) error {
	t, err := w.track(in)
	if err != nil {
		return err
	}
	w.observer.mu.Lock()
	w.observer.unset(t.object.Ref)
	w.observer.mu.Unlock()
	w.observer.conn.cluster.changed(Event{ApplySet: t.applySet, Object: t.object, Deleted: true})
	return nil
}

// Replace implements [cache.ReflectorStore]: what is remembered of the kind and not in the list is gone.
func (w *kindWatch) Replace(list []any, _ string) error {
	var events []Event
	seen := map[plan.Ref]bool{}
	w.observer.mu.Lock()
	for _, in := range list {
		t, err := w.track(in)
		if err != nil {
			w.observer.mu.Unlock()
			return err
		}
		seen[t.object.Ref] = true
		w.observer.set(t)
		events = append(events, Event{ApplySet: t.applySet, Object: t.object})
	}
	for ref, id := range w.observer.owners {
		if ref.GroupKind == w.kind && !seen[ref] {
			events = append(events, Event{ApplySet: id, Object: w.observer.members[id][ref], Deleted: true})
			w.observer.unset(ref)
		}
	}
	w.observer.mu.Unlock()
	w.once.Do(func() { close(w.synced) })
	for _, e := range events {
		w.observer.conn.cluster.changed(e)
	}
	return nil
}

func (w *kindWatch) track(in any) (*tracked, error) {
	if u, ok := in.(*unstructured.Unstructured); ok {
		out, err := w.Transformer()(u)
		if err != nil {
			return nil, err
		}
		in = out
	}
	t, ok := in.(*tracked)
	if !ok {
		return nil, fmt.Errorf("watching %s: got a %T", w.kind, in)
	}
	return t, nil
}

func (o *observer) set(t *tracked) {
	ref := t.object.Ref
	if before, ok := o.owners[ref]; ok && before != t.applySet {
		o.unset(ref)
	}
	if o.members[t.applySet] == nil {
		o.members[t.applySet] = map[plan.Ref]Object{}
	}
	o.members[t.applySet][ref] = t.object
	o.owners[ref] = t.applySet
}

func (o *observer) unset(ref plan.Ref) {
	id := o.owners[ref]
	delete(o.owners, ref)
	delete(o.members[id], ref)
	if len(o.members[id]) == 0 {
		delete(o.members, id)
	}
}
