// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
)

const (
	// diagnoseTimeout bounds one diagnosis, whose last step asks a node for a log: nodes are slow when things go wrong.
	diagnoseTimeout = 15 * time.Second
	// maxDiagnoses bounds those that are under way at once on a connection. They have places of their own, so that nodes
	// that hang never keep anything from being applied.
	maxDiagnoses = 4
	// diagnosesPerSecond and diagnosesAtOnce bound how often something is diagnosed: when everything is slow, a few
	// diagnoses say why, and hundreds make it slower.
	diagnosesPerSecond = 1
	diagnosesAtOnce    = 10
)

// Diagnose finds why an object is not healthy, with at most eight requests: the object, what makes its pods, the pods,
// their events and those of what is worst off among them, and the end of a log. It is for when a person would look, not for each event.
//
// Values of the Secrets among the objects given, which are those of the release, are taken out of all texts. What may not
// be read, or cannot be, is a note in the reason, and the rest is given. An error means that not even the object could be
// read. What is known of the cluster does not change by it.
//
// What is looked at is read as the actor: nobody is shown a log that the account of the release may not read.
func (a *Actor) Diagnose(ctx context.Context, ref plan.Ref, release []*unstructured.Unstructured) (health.Reason, error) {
	ctx, cancel := context.WithTimeout(ctx, diagnoseTimeout)
	defer cancel()
	select {
	case a.conn.diagnoses <- struct{}{}:
	case <-ctx.Done():
		return health.Reason{}, &ObjectError{Object: ref, Doing: "diagnosing", Err: ctx.Err()}
	}
	defer func() { <-a.conn.diagnoses }()
	if err := a.conn.pace.Wait(ctx); err != nil {
		return health.Reason{}, &ObjectError{Object: ref, Doing: "diagnosing", Err: err}
	}
	m, err := a.conn.resource(ctx, ref.GroupKind)
	if err != nil {
		return health.Reason{}, &ObjectError{Object: ref, Doing: "diagnosing", Err: err}
	}
	o, err := a.of(m, ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return health.Reason{}, &ObjectError{Object: ref, Doing: "diagnosing", Err: err}
	}
	d := &diagnosis{actor: a, namespace: o.GetNamespace(), evidence: health.Evidence{Object: o, Redact: health.Redactor(release)}}
	d.gather(ctx)
	reason := health.Explain(d.evidence)
	if reason.Log.Pod != "" {
		reason.Lines = d.log(ctx, reason.Log)
	}
	reason.Notes = d.notes
	return reason, nil
}

// diagnosis is one on its way.
type diagnosis struct {
	actor     *Actor
	namespace string
	evidence  health.Evidence
	notes     []string
}

// gather fills in the evidence.
func (d *diagnosis) gather(ctx context.Context) {
	if d.namespace == "" {
		d.events(ctx, d.evidence.Object.GetUID())
		return
	}
	d.makers(ctx)
	d.pods(ctx)
	if p := health.Suspect(d.evidence); p != nil {
		d.events(ctx, p.UID)
	}
	for _, maker := range d.evidence.Makers {
		d.events(ctx, maker.GetUID())
	}
	d.events(ctx, d.evidence.Object.GetUID())
}

// unread notes what could not be looked at, and why.
func (d *diagnosis) unread(what string, err error) {
	text := fmt.Sprintf("%s cannot be read: %s", what, err)
	if apierrors.IsForbidden(err) {
		by := "this daemon"
		if !d.actor.as.daemon {
			by = "the account of the release"
		}
		text = fmt.Sprintf("%s may not be read by %s: %s", what, by, err)
	}
	if text = health.Line(d.evidence.Redact(text)); !slices.Contains(d.notes, text) {
		d.notes = append(d.notes, text)
	}
}

// list reads some objects, with a bound on how many.
func (d *diagnosis) list(ctx context.Context, what schema.GroupVersionResource, opts metav1.ListOptions) []unstructured.Unstructured {
	list, err := d.actor.client.Resource(what).Namespace(d.namespace).List(ctx, opts)
	if err != nil {
		d.unread(what.Resource, err)
		return nil
	}
	if list.GetContinue() != "" {
		d.notes = append(d.notes, fmt.Sprintf("only %d %s were looked at, and there are more", len(list.Items), what.Resource))
	}
	return list.Items
}

// events reads those of an object.
func (d *diagnosis) events(ctx context.Context, of types.UID) {
	if of == "" {
		return
	}
	where := d.namespace
	if where == "" {
		where = metav1.NamespaceDefault // where events of what has no namespace are
	}
	list, err := d.actor.client.Resource(eventsResource()).Namespace(where).List(ctx,
		metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(of), Limit: maxEvents})
	if err != nil {
		d.unread("events", err)
		return
	}
	for i := range list.Items {
		var e corev1.Event
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &e); err == nil {
			d.evidence.Events = append(d.evidence.Events, e)
		}
	}
}

// Events lists what Kubernetes says happened in a namespace; what cannot be read is left out. What has no namespace has its events in
// the default one.
func (conn *Conn) Events(ctx context.Context, namespace string) (out []corev1.Event) {
	list, err := conn.client.Resource(eventsResource()).Namespace(cmp.Or(namespace, metav1.NamespaceDefault)).List(ctx, metav1.ListOptions{Limit: maxNamespaceEvents})
	if err != nil {
		return nil
	}
	for i := range list.Items {
		var e corev1.Event
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &e); err == nil {
			out = append(out, e)
		}
	}
	return out
}

// maxNamespaceEvents bounds how many events of a namespace are looked at.
const maxNamespaceEvents = 500
