// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// StuckAfter is how long an object may be on its way out before it counts as stuck. What Kubernetes itself deletes takes
// seconds; a finalizer that has not been removed after this waits for something that is not coming by itself.
const StuckAfter = time.Minute

// Deletion is an object on its way out.
type Deletion struct {
	// Since is when its deletion was asked for; zero if that cannot be read.
	Since time.Time
	// Waits says what it waits for, by name: finalizers, or what is left in a namespace.
	Waits string
}

// DeletionOf reads how far the deletion of an object is; false if it is not being deleted.
func DeletionOf(o *unstructured.Unstructured) (Deletion, bool) {
	if o == nil || o.Object == nil || !deleting(o) {
		return Deletion{}, false
	}
	d := Deletion{Waits: Line(waits(o))}
	if at, err := time.Parse(time.RFC3339, text(o, "metadata", "deletionTimestamp")); err == nil {
		d.Since = at
	}
	return d, true
}

// Of returns how the object is doing at a time: progressing, and stalled once it is stuck.
func (d Deletion) Of(now time.Time) Verdict {
	v := Verdict{State: Progressing, Message: "being deleted"}
	if d.Waits != "" {
		v.Message += ": " + d.Waits
	}
	if d.Stuck(now) {
		v.State = Stalled
		v.Message = fmt.Sprintf("its deletion does not end, since %s", d.Since.UTC().Format(time.RFC3339))
		if d.Waits != "" {
			v.Message += ": " + d.Waits
		}
	}
	return v
}

// Stuck reports whether the deletion takes longer than it should.
func (d Deletion) Stuck(now time.Time) bool { return !d.Since.IsZero() && !now.Before(d.StuckAt()) }

// StuckAt is when it begins to count as stuck; zero if nobody knows.
func (d Deletion) StuckAt() time.Time {
	if d.Since.IsZero() {
		return time.Time{}
	}
	return d.Since.Add(StuckAfter)
}

// ofDeletion is the verdict without a clock.
func ofDeletion(o *unstructured.Unstructured) Verdict {
	d, _ := DeletionOf(o)
	return d.Of(time.Time{})
}

// waits says what keeps an object from going away.
func waits(o *unstructured.Unstructured) string {
	switch o.GroupVersionKind().GroupKind() {
	case schema.GroupKind{Kind: "Namespace"}:
		if said := trueConditions(o, "NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure", "NamespaceDeletionContentFailure",
			"NamespaceFinalizersRemaining", "NamespaceContentRemaining"); said != "" {
			return said
		}
	case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		if c, ok := conditionOf(o, "Terminating"); ok && c.isTrue() {
			return either(c.message, c.reason)
		}
	}
	if names := o.GetFinalizers(); len(names) > 0 {
		return finalizers(names)
	}
	if node := text(o, "spec", "nodeName"); node != "" && o.GroupVersionKind().GroupKind() == (schema.GroupKind{Kind: "Pod"}) {
		return "node " + node + " has not ended its containers yet"
	}
	return ""
}

// finalizers says what an object waits for that has these, each once: those of Kubernetes itself in words.
func finalizers(names []string) string {
	var said, others []string
	for i, name := range names {
		switch why := knownFinalizers[name]; {
		case slices.Contains(names[:i], name):
		case why != "":
			said = append(said, fmt.Sprintf("%s (finalizer %s)", why, name))
		default:
			others = append(others, name)
		}
	}
	switch extra := len(others) - maxFinalizers; {
	case extra > 0:
		said = append(said, fmt.Sprintf("it waits for whoever owns its finalizers %s and %d more", strings.Join(others[:maxFinalizers], ", "), extra))
	case len(others) > 1:
		said = append(said, "it waits for whoever owns its finalizers "+strings.Join(others, ", "))
	case len(others) == 1:
		said = append(said, "it waits for whoever owns its finalizer "+others[0])
	}
	return strings.Join(said, "; ")
}

// maxFinalizers is how many that are not known are told by name.
const maxFinalizers = 5

// knownFinalizers says what those of Kubernetes itself wait for.
var knownFinalizers = map[string]string{
	"foregroundDeletion":                                      "what it owns is deleted first",
	"orphan":                                                  "what it owns is set free first",
	"kubernetes.io/pvc-protection":                            "a pod still uses the claim",
	"kubernetes.io/pv-protection":                             "a claim is still bound to the volume",
	"service.kubernetes.io/load-balancer-cleanup":             "the load balancer is being removed",
	"customresourcecleanup.apiextensions.k8s.io":              "its objects are deleted first",
	"batch.kubernetes.io/job-tracking":                        "the Job has not counted the pod yet",
	"snapshot.storage.kubernetes.io/pvc-as-source-protection": "a snapshot of the claim is being taken",
}

// trueConditions joins what the conditions that hold say.
func trueConditions(o *unstructured.Unstructured, kinds ...string) string {
	var said []string
	for _, kind := range kinds {
		c, ok := conditionOf(o, kind)
		if message := either(c.message, c.reason); ok && c.isTrue() && !slices.Contains(said, message) {
			said = append(said, message)
		}
	}
	return strings.Join(said, "; ")
}
