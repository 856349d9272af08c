// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// objects are what a release renders to, with what of it bears on others.
type objects struct {
	list []*unstructured.Unstructured
	// scalers are the bounds of the replicas of what is scaled, by kind and name.
	scalers map[string]scaler
	// resized are those whose requests an autoscaler changes, by kind and name.
	resized map[string]bool
	// defaults is what a LimitRange says that containers request if they do not say.
	defaults corev1.ResourceList
}

// scaler is what scales an object, and between which bounds.
type scaler struct {
	name     string
	min, max int64
}

// nameOf names an object for people, and within a release.
func nameOf(kind, name string) string { return kind + " " + name }

func gather(list []*unstructured.Unstructured) objects {
	all := objects{list: list, scalers: map[string]scaler{}, resized: map[string]bool{}}
	for _, o := range list {
		target := func(field string) string {
			kind, _, _ := unstructured.NestedString(o.Object, "spec", field, "kind")
			name, _, _ := unstructured.NestedString(o.Object, "spec", field, "name")
			return nameOf(cmp.Or(kind, "Deployment"), name)
		}
		switch o.GroupVersionKind().GroupKind().String() {
		case "HorizontalPodAutoscaler.autoscaling":
			all.scalers[target("scaleTargetRef")] = scaler{nameOf(o.GetKind(), o.GetName()), number(o, 1, "spec", "minReplicas"), number(o, 1, "spec", "maxReplicas")}
		case "ScaledObject.keda.sh":
			all.scalers[target("scaleTargetRef")] = scaler{nameOf(o.GetKind(), o.GetName()), number(o, 0, "spec", "minReplicaCount"), number(o, 100, "spec", "maxReplicaCount")}
		case "VerticalPodAutoscaler.autoscaling.k8s.io":
			if mode, _, _ := unstructured.NestedString(o.Object, "spec", "updatePolicy", "updateMode"); mode != "Off" {
				all.resized[target("targetRef")] = true
			}
		case "LimitRange":
			all.defaults = merged(all.defaults, limitRange(o))
		}
	}
	return all
}

// limitRange returns what containers request by a LimitRange.
func limitRange(o *unstructured.Unstructured) corev1.ResourceList {
	out := corev1.ResourceList{}
	limits, _, _ := unstructured.NestedSlice(o.Object, "spec", "limits")
	for _, item := range limits {
		limit, _ := item.(map[string]any)
		if limit["type"] != "Container" {
			continue
		}
		for _, field := range []string{"default", "defaultRequest"} { // the second wins
			list, _ := limit[field].(map[string]any)
			for name, value := range list {
				text, err := quantityText(value)
				if err != nil {
					continue // the API server refuses it
				}
				if q, err := resource.ParseQuantity(text); err == nil {
					out[corev1.ResourceName(name)] = q
				}
			}
		}
	}
	return out
}

// number returns a whole number of an object, or what holds without it.
func number(o *unstructured.Unstructured, without int64, fields ...string) int64 {
	if n, found, err := unstructured.NestedInt64(o.Object, fields...); found && err == nil && n >= 0 {
		return n
	}
	return without
}

// object estimates one object of a workload.
func (e *estimator) object(all objects, o *unstructured.Unstructured) {
	gk, name := o.GroupVersionKind().GroupKind(), nameOf(o.GetKind(), o.GetName())
	switch gk {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}, schema.GroupKind{Group: "apps", Kind: "ReplicaSet"},
		schema.GroupKind{Kind: "ReplicationController"}, schema.GroupKind{Group: "apps", Kind: "StatefulSet"}:
		e.replicated(all, o, name)
	case schema.GroupKind{Group: "apps", Kind: "DaemonSet"}:
		e.onNodes(all, o, name)
	case schema.GroupKind{Kind: "Pod"}:
		e.barePod(all, o, name)
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		e.job(all, o, name)
	case schema.GroupKind{Group: "batch", Kind: "CronJob"}:
		e.cronJob(all, o, name)
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		spec, _, _ := unstructured.NestedMap(o.Object, "spec")
		e.claim(name, spec, 1)
	case schema.GroupKind{Kind: "Service"}:
		if kind, _, _ := unstructured.NestedString(o.Object, "spec", "type"); kind == "LoadBalancer" {
			e.missing(name, "what the load balancer of a Service costs has no rate", Sum{})
		}
	case sparkApplicationKind, sparkScheduledAppKind:
		e.sparkApplication(o, name)
	default:
		if reason := custom(gk); reason != "" && gk.String() != "VerticalPodAutoscaler.autoscaling.k8s.io" {
			e.missing(name, reason, Sum{})
		}
	}
}

// template reads the pods that an object makes; nil if they cannot be read, which is then said.
func (e *estimator) template(all objects, o *unstructured.Unstructured, name string, fields ...string) *pod {
	spec, _, _ := unstructured.NestedMap(o.Object, fields...)
	p, err := readPod(spec, all.defaults)
	if err != nil {
		e.missing(name, "its pods cannot be read: "+err.Error(), Sum{})
		return nil
	}
	for _, reason := range p.unknown {
		e.missing(name, reason, Sum{})
	}
	e.executors(p, name)
	if all.resized[name] {
		e.missing(name, "a VerticalPodAutoscaler changes what it requests", Sum{})
	}
	return p
}

// month is all of it, for so many pods.
func (e *estimator) month(pods int64) *big.Rat {
	return new(big.Rat).Mul(e.terms.Month.hours(), big.NewRat(pods, 1))
}

// replicated estimates what has replicas: as many as it declares, or the fewest that what scales it leaves.
func (e *estimator) replicated(all objects, o *unstructured.Unstructured, name string) {
	replicas := number(o, 1, "spec", "replicas")
	scale, scaled := all.scalers[name]
	if declared, found, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); scaled && (!found || declared != 0) {
		replicas = scale.min // with none declared, an autoscaler is off
	} else {
		scaled = false
	}
	p := e.template(all, o, name, "spec", "template", "spec")
	if p == nil {
		return
	}
	e.add(name, p, e.month(replicas))
	if more := scale.max - replicas; scaled && more > 0 {
		e.missing(name, fmt.Sprintf("%s may run up to %d pods; %d are counted", scale.name, scale.max, replicas), e.sum(p, e.month(more)))
	}
	claims, _, _ := unstructured.NestedSlice(o.Object, "spec", "volumeClaimTemplates")
	for _, item := range claims {
		claim, _ := item.(map[string]any)
		spec, _, _ := unstructured.NestedMap(claim, "spec")
		e.claim(name, spec, replicas)
	}
}

// claim estimates volumes that stay.
func (e *estimator) claim(name string, spec map[string]any, count int64) {
	what, size, err := readClaim(spec)
	if err != nil {
		e.missing(name, "its volume cannot be read: "+err.Error(), Sum{})
		return
	}
	p := &pod{demand: demand{what: size.Mul(size, big.NewRat(count, 1))}}
	e.add(name, p, e.terms.Month.hours())
}

// onNodes estimates what runs on each node.
func (e *estimator) onNodes(all objects, o *unstructured.Unstructured, name string) {
	p := e.template(all, o, name, "spec", "template", "spec")
	nodes := e.cluster.Spec.Nodes
	spec, _, _ := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	switch {
	case p == nil:
	case nodes == nil:
		e.missing(name, fmt.Sprintf("it runs on each node, and how many the cluster has is not known: set spec.nodes of the cluster %q", e.rel.ID.Cluster), Sum{})
	case spec["nodeSelector"] != nil || spec["affinity"] != nil:
		e.missing(name, "it runs on some of the nodes, and on how many is not known", e.sum(p, e.month(int64(*nodes))))
	default:
		e.add(name, p, e.month(int64(*nodes)))
	}
}

func (e *estimator) barePod(all objects, o *unstructured.Unstructured, name string) {
	p := e.template(all, o, name, "spec")
	switch {
	case p == nil:
	case p.once:
		spec, _, _ := unstructured.NestedMap(o.Object, "spec")
		e.run(p, Run{Object: name, By: ByChange, Content: contentOf(spec)}, deadlineOf(spec), 1, false)
	default:
		e.add(name, p, e.month(1))
	}
}

// job estimates a Job, which runs once.
func (e *estimator) job(all objects, o *unstructured.Unstructured, name string) {
	p := e.template(all, o, name, "spec", "template", "spec")
	if p == nil {
		return
	}
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	r := Run{Object: name, By: ByChange, Content: contentOf(spec["template"])}
	r.Suspended, _ = spec["suspend"].(bool)
	e.run(p, r, deadlineOf(spec), parallel(spec), false)
}

// perLot estimates what the runs for lots are made of: there is one for each lot, all of them on one cluster.
func (e *estimator) perLot(p *pod, job map[string]any, name string) {
	if project, ok := e.cat.Project(e.rel.ID.Project); !ok || e.cat.LotsOn(project, e.workload.Name, e.rel.ID.Environment) != e.rel.ID.Cluster {
		return
	}
	r := Run{Object: name, By: ByLot, Series: e.seriesOf(e.workload), Suspended: e.workload.Suspend || e.cat.IsPreview(e.rel.ID.Environment)}
	if !r.Suspended {
		r.Count = lotsIn(r.Series, e.terms.Month.start(time.UTC), e.terms.Month.end(time.UTC))
	}
	e.run(p, r, deadlineOf(job), parallel(job), false)
}

// byAirflow reports whether an Airflow starts the workload, by the same schedule: then the cluster does not.
func (e *estimator) byAirflow() bool {
	return e.rel.Dags != nil && slices.ContainsFunc(e.rel.Dags.Tasks, func(t catalog.DagTask) bool { return t.Workload == e.workload.Name })
}

func (e *estimator) cronJob(all objects, o *unstructured.Unstructured, name string) {
	p := e.template(all, o, name, "spec", "jobTemplate", "spec", "template", "spec")
	if p == nil {
		return
	}
	job, _, _ := unstructured.NestedMap(o.Object, "spec", "jobTemplate", "spec")
	if e.workload.Lots {
		e.perLot(p, job, name)
		return
	}
	expression, _, _ := unstructured.NestedString(o.Object, "spec", "schedule")
	zone, _, _ := unstructured.NestedString(o.Object, "spec", "timeZone")
	r := Run{Object: name, By: BySchedule}
	r.Suspended, _, _ = unstructured.NestedBool(o.Object, "spec", "suspend")
	r.Suspended = r.Suspended && !e.byAirflow()
	if !r.Suspended {
		var err error
		if r.Count, err = e.runsOf(expression, zone); err != nil {
			e.missing(name, "its schedule cannot be read: "+err.Error(), Sum{})
			return
		}
	}
	policy, _, _ := unstructured.NestedString(o.Object, "spec", "concurrencyPolicy")
	e.run(p, r, deadlineOf(job), parallel(job), policy == "Forbid" || policy == "Replace")
}

// parallel is how many pods of a Job run at a time.
func parallel(job map[string]any) int64 {
	at := func(field string) (int64, bool) {
		n, ok := job[field].(int64)
		return max(n, 0), ok
	}
	pods, given := at("parallelism")
	if !given {
		pods = 1
	}
	if completions, ok := at("completions"); ok {
		pods = min(pods, completions)
	}
	return pods
}

// deadlineOf is how long a Job or pod may take; 0 if it may take for ever.
func deadlineOf(spec map[string]any) time.Duration {
	const longest = 366 * 24 * 60 * 60
	if seconds, ok := spec["activeDeadlineSeconds"].(int64); ok && seconds > 0 {
		return time.Duration(min(seconds, longest)) * time.Second
	}
	return 0
}

// contentOf identifies a part of an object.
func contentOf(part any) string {
	data, err := json.Marshal(part) // keys are sorted
	if err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// workloadsOf puts objects to their workloads, in the order of the names; what is the release's own is left out.
func workloadsOf(list []*unstructured.Unstructured) (names []string, of map[string][]*unstructured.Unstructured) {
	of = map[string][]*unstructured.Unstructured{}
	for _, o := range list {
		if name := o.GetLabels()[render.LabelWorkload]; name != "" {
			of[name] = append(of[name], o)
		}
	}
	for name, objects := range of {
		slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int {
			return cmp.Or(strings.Compare(a.GetKind(), b.GetKind()), strings.Compare(a.GetName(), b.GetName()),
				strings.Compare(a.GetNamespace(), b.GetNamespace()), strings.Compare(a.GetAPIVersion(), b.GetAPIVersion()))
		})
		names = append(names, name)
	}
	slices.Sort(names)
	return names, of
}
