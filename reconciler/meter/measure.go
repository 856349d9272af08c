// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/cost/usage"
)

// measures are what metrics-server, or what stands in for it, has measured.
var measures = schema.GroupVersionResource{Group: "metrics.k8s.io", Version: "v1beta1", Resource: "pods"}

// measure notes what pods use, where the cluster measures that: as much as at the moment, since it was measured last.
func (k *connection) measure(ctx context.Context, now time.Time, running []*object) {
	if k.meters.off {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	list, err := k.client.Resource(measures).List(ctx, metav1.ListOptions{LabelSelector: labelWorkload})
	if err != nil {
		// It is not there, or not for us: until the cluster is connected to again, it is not asked for.
		k.meters.off = apierrors.IsNotFound(err) || apierrors.IsForbidden(err)
		return
	}
	pods := map[[2]string]*object{}
	for _, o := range running {
		if o.fact.Kind == usage.Pod {
			pods[[2]string{o.Namespace, o.Name}] = o
		}
	}
	var all []Measured
	var samples []sampled
	last, sampledLast := map[string]time.Time{}, map[string]time.Time{}
	for i := range list.Items {
		o := pods[[2]string{list.Items[i].GetNamespace(), list.Items[i].GetName()}]
		if o == nil {
			continue
		}
		uid := string(o.UID)
		since := k.meters.last[uid]
		if before := now.Add(-k.m.opts.Interval); since.Before(before) {
			since = before
		}
		if since.Before(o.fact.Began) {
			since = o.fact.Began
		}
		last[uid] = now
		if taken, ok := used(&list.Items[i]); ok && now.After(since) {
			seconds := int64(now.Sub(since) / time.Second)
			cores, mib := taken.Cores(), taken.MiB()
			all = append(all, Measured{
				Cluster: k.cluster, UID: uid, At: now,
				MilliCoreSeconds: usage.Times(cores, 1000*seconds), MiBSeconds: usage.Times(mib, seconds),
			})
			sampledLast[uid] = k.meters.sampled[uid]
			if o.fact.Place.Run != "" && usage.Sampled(o.fact.Began, k.meters.sampled[uid], now, k.m.opts.Interval) {
				sampledLast[uid] = now
				samples = append(samples, sampleOf(o, now, cores, mib))
			}
		}
	}
	k.meters.last, k.meters.sampled = last, sampledLast
	if err := k.m.opts.Ledger.sample(ctx, k.platform, samples); err != nil {
		k.failed(ctx, err)
	}
	if err := k.m.opts.Ledger.Measure(ctx, all); err != nil {
		k.failed(ctx, err)
	}
}

// used reads what the containers of a pod use together.
func used(o *unstructured.Unstructured) (cost.Taken, bool) {
	items, _, _ := unstructured.NestedSlice(o.Object, "containers")
	var containers []any
	for _, item := range items {
		c, _ := item.(map[string]any)
		containers = append(containers, map[string]any{"name": c["name"], "resources": map[string]any{"requests": c["usage"]}})
	}
	taken, err := cost.PodTakes(map[string]any{"containers": containers})
	return taken, err == nil
}
