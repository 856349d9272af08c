// SPDX-License-Identifier: Apache-2.0

package install

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/shard"
)

// Wanted is what is waited for.
type Wanted struct {
	// Commit is the one that has to be accepted.
	Commit string
	// Namespace and Name are those of the daemon, and Group that of its replicas.
	Namespace, Name, Group string
	// Template is the StatefulSet as the commit declares it.
	Template *unstructured.Unstructured
}

// Seen is how far a daemon is.
type Seen struct {
	// Accepted is set once a replica keeps the cluster at the commit, and Rolled once all pods are as declared and ready.
	Accepted, Rolled bool
	// Trouble says what is in the way; empty if nothing is.
	Trouble string
}

// TimeoutError says what was not there in time.
type TimeoutError struct{ Seen Seen }

func (e *TimeoutError) Error() string {
	switch {
	case e.Seen.Trouble != "":
		return e.Seen.Trouble
	case !e.Seen.Rolled:
		return "its pods are not ready"
	}
	return "it has not accepted the commit"
}

// Await waits until the daemon runs as declared and has accepted the commit. What is in the way is told whenever it is something
// else.
func (c *Cluster) Await(ctx context.Context, want Wanted, tell func(Seen)) error {
	var last Seen
	for {
		seen, err := c.Look(ctx, want)
		switch {
		case ctx.Err() != nil:
			return &TimeoutError{last}
		case err != nil:
			seen = Seen{Trouble: err.Error()}
		case seen.Accepted && seen.Rolled:
			return nil
		}
		if seen != last {
			last = seen
			tell(seen)
		}
		if c.pause(ctx) != nil {
			return &TimeoutError{last}
		}
	}
}

// Look says how far a daemon is.
func (c *Cluster) Look(ctx context.Context, want Wanted) (Seen, error) {
	set, err := c.of("StatefulSet", want.Namespace).Get(ctx, want.Name, metav1.GetOptions{})
	if err != nil {
		return Seen{}, fmt.Errorf("looking for the daemon in %s: %w", want.Namespace, err)
	}
	pods, err := c.of("Pod", want.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selectorOf(set)})
	if err != nil {
		return Seen{}, fmt.Errorf("looking for the pods of the daemon in %s: %w", want.Namespace, err)
	}
	leases, err := c.of("Lease", catalog.SystemNamespace).List(ctx, metav1.ListOptions{LabelSelector: shard.LabelGroup + "=" + want.Group})
	if err != nil {
		return Seen{}, fmt.Errorf("looking for the Leases of the daemon: %w", err)
	}
	return judge(want, set, pods.Items, leases.Items), nil
}

// judge says how far a daemon is, by what the cluster has.
func judge(want Wanted, set *unstructured.Unstructured, pods, leases []unstructured.Unstructured) (out Seen) {
	out.Rolled = rolled(set) && (want.Template == nil || sameTemplate(set, want.Template))
	for i := range pods {
		if trouble := troubleOf(&pods[i]); trouble != "" && out.Trouble == "" {
			out.Trouble = "pod " + pods[i].GetName() + ": " + trouble
		}
	}
	slices.SortFunc(leases, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	newest := time.Time{}
	for i := range leases {
		if at, _ := renewed(&leases[i]); at.After(newest) {
			newest = at
		}
	}
	for i := range leases {
		if at, held := renewed(&leases[i]); at.IsZero() || newest.Sub(at) > held {
			continue // that of a replica that is gone, or the assignment; by the clocks of replicas, and not by the one here
		}
		if holder, _, _ := unstructured.NestedString(leases[i].Object, "spec", "holderIdentity"); holder == "" {
			continue // it has ended in order
		}
		says := leases[i].GetAnnotations()
		if says[shard.AnnotationAccepted] == want.Commit {
			out.Accepted = true
		}
		out.Trouble = cmp.Or(out.Trouble, says[shard.AnnotationTrouble])
	}
	if out.Accepted && out.Rolled {
		out.Trouble = ""
	}
	return out
}

// renewed is when a Lease was renewed, and for how long it holds.
func renewed(lease *unstructured.Unstructured) (time.Time, time.Duration) {
	text, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
	seconds, _, _ := unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, 0
	}
	return at, time.Duration(seconds) * time.Second
}

// rolled reports whether all pods are of the newest template, and ready.
func rolled(set *unstructured.Unstructured) bool {
	number := func(fields ...string) int64 {
		n, _, _ := unstructured.NestedInt64(set.Object, fields...)
		return n
	}
	replicas := number("spec", "replicas")
	return number("status", "observedGeneration") == set.GetGeneration() && number("status", "updatedReplicas") == replicas &&
		number("status", "readyReplicas") == replicas && number("status", "availableReplicas") == replicas
}

// sameTemplate reports whether a StatefulSet runs what is declared: the image, how it is started, and the configuration.
func sameTemplate(live, want *unstructured.Unstructured) bool {
	return slices.Equal(program(live), program(want))
}

func program(set *unstructured.Unstructured) (out []string) {
	containers, _, _ := unstructured.NestedSlice(set.Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		c, _ := c.(map[string]any)
		command, _, _ := unstructured.NestedStringSlice(c, "command")
		args, _, _ := unstructured.NestedStringSlice(c, "args")
		out = append(out, fmt.Sprint(c["image"]), strings.Join(command, "\x00"), strings.Join(args, "\x00"))
	}
	sum, _, _ := unstructured.NestedString(set.Object, "spec", "template", "metadata", "annotations", "checksum/config")
	return append(out, sum)
}

// troubleOf says why a pod does not start; empty if nothing is wrong with it.
func troubleOf(pod *unstructured.Unstructured) string {
	statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", "containerStatuses")
	for _, s := range statuses {
		s, _ := s.(map[string]any)
		reason, _, _ := unstructured.NestedString(s, "state", "waiting", "reason")
		message, _, _ := unstructured.NestedString(s, "state", "waiting", "message")
		if reason != "" && reason != "ContainerCreating" && reason != "PodInitializing" {
			return strings.TrimSuffix(reason+": "+strings.Join(strings.Fields(message), " "), ": ")
		}
	}
	conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	for _, c := range conditions {
		c, _ := c.(map[string]any)
		if c["type"] == "PodScheduled" && c["status"] == "False" {
			return strings.TrimSpace(fmt.Sprintf("it is not scheduled: %v", c["message"]))
		}
	}
	return ""
}

func selectorOf(set *unstructured.Unstructured) string {
	labels, _, _ := unstructured.NestedStringMap(set.Object, "spec", "selector", "matchLabels")
	return metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels})
}
