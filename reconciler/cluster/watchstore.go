// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/ownership"
)

// tracked is what is kept of an object between the wire and the members.
type tracked struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	applySet string
	object   Object
	// copied is true for an object that has the label without Trunkline having put it there.
	copied bool
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
		if _, done := in.(*tracked); done {
			return in, nil
		}
		u, err := w.whole(in)
		if err != nil {
			return nil, err
		}
		var deletion *health.Deletion
		if d, ok := health.DeletionOf(u); ok {
			deletion = &d
		}
		v := health.Of(u, w.observer.conn.cluster.rules.Load())
		return &tracked{
			ObjectMeta: metav1.ObjectMeta{Namespace: u.GetNamespace(), Name: u.GetName(), ResourceVersion: u.GetResourceVersion()},
			applySet:   u.GetLabels()[labelPartOf],
			copied:     !appliedByUs(u),
			object:     Object{Observed: observed(u, v.State), Health: v.State, Message: v.Message, Deletion: deletion},
		}, nil
	}
}

// observed is what plans are made from.
func observed(u *unstructured.Unstructured, state health.State) plan.Observed {
	return plan.Observed{
		Ref: plan.RefOf(u), UID: u.GetUID(), Version: plan.Version(u.GetResourceVersion()),
		Digest: u.GetAnnotations()[plan.DigestAnnotation], Owners: ownership.Of(u.GetManagedFields(), FieldManager),
		Prune: plan.Prune(u.GetAnnotations()[plan.PruneAnnotation]), Deleting: u.GetDeletionTimestamp() != nil,
		Settled: state == health.Healthy, Ending: ending(u), Origin: plan.OriginOf(plan.RefOf(u), u.GetLabels()),
	}
}

// ending returns how far an object is that removes itself once it has ended.
func ending(u *unstructured.Unstructured) plan.Ending {
	switch health.Ended(u) {
	case health.Healthy:
		return plan.Completed
	case health.Failed:
		return plan.FailedForGood
	case health.Progressing, health.Stalled:
	}
	if health.RemovesItself(u) {
		return plan.Started
	}
	return plan.Running
}

// appliedByUs distinguishes a member from an object that a controller made and gave all labels of a member, as
// Kubernetes does with the EndpointSlices of a Service: that one is not ours to prune. Where the managers were wiped
// out, our digest decides: labels are copied, and the annotation is not.
func appliedByUs(u *unstructured.Unstructured) bool {
	managers := u.GetManagedFields()
	if len(managers) == 0 {
		return u.GetAnnotations()[plan.DigestAnnotation] != ""
	}
	return slices.ContainsFunc(managers, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == ""
	})
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
	if t.copied {
		w.forget(t)
		return nil
	}
	w.observer.mu.Lock()
	current, moved := w.observer.kinds[w.kind] == w, ""
	if current {
		moved = w.observer.set(t)
	}
	w.observer.mu.Unlock()
	if moved != "" {
		w.observer.conn.cluster.changed(Event{ApplySet: moved, Object: t.object, Deleted: true})
	}
	if current {
		w.observer.conn.cluster.changed(Event{ApplySet: t.applySet, Object: t.object})
	}
	return nil
}

// forget takes an object away that was a member, and is none any more.
func (w *kindWatch) forget(t *tracked) {
	w.observer.mu.Lock()
	id, was := w.observer.owners[t.object.Ref]
	if was = was && w.observer.kinds[w.kind] == w; was {
		w.observer.unset(t.object.Ref)
	}
	w.observer.mu.Unlock()
	if was {
		w.observer.conn.cluster.changed(Event{ApplySet: id, Object: t.object, Deleted: true})
	}
}

// Delete implements [cache.ReflectorStore].
func (w *kindWatch) Delete(in any) error {
	t, err := w.track(in)
	if err != nil {
		return err
	}
	w.forget(t)
	return nil
}

// Replace implements [cache.ReflectorStore]: what is remembered of the kind and not in the list is gone.
func (w *kindWatch) Replace(list []any, version string) error {
	var events []Event
	seen := map[plan.Ref]bool{}
	w.observer.mu.Lock()
	if w.observer.kinds[w.kind] != w {
		w.observer.mu.Unlock()
		return nil // another watch of the kind has begun, and what this one still brings may be older
	}
	for _, in := range list {
		t, err := w.track(in)
		if err != nil {
			w.observer.mu.Unlock()
			return err
		}
		if t.copied {
			continue
		}
		seen[t.object.Ref] = true
		if moved := w.observer.set(t); moved != "" {
			events = append(events, Event{ApplySet: moved, Object: t.object, Deleted: true})
		}
		events = append(events, Event{ApplySet: t.applySet, Object: t.object})
	}
	events = append(events, w.observer.unsetKind(w.kind, seen)...)
	if _, again := w.observer.listed[w.kind]; again {
		events = append(events, Event{Listed: true}) // what was missed since the list before has no event of its own
	}
	w.observer.listed[w.kind] = plan.Version(version)
	w.observer.mu.Unlock()
	w.once.Do(func() { close(w.synced) })
	for _, e := range events {
		w.observer.conn.cluster.changed(e)
	}
	return nil
}

func (w *kindWatch) track(in any) (*tracked, error) {
	out, err := w.Transformer()(in)
	if err != nil {
		return nil, err
	}
	return out.(*tracked), nil //nolint:forcetypeassert // it makes nothing else
}
