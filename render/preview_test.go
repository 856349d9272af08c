// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// packedOf packs the objects of a YAML text.
func packedOf(t *testing.T, text string) *render.Packed {
	t.Helper()
	var objects []*unstructured.Unstructured
	for doc := range strings.SplitSeq(text, "---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &o.Object); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	packed, err := render.Pack(objects)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// TestHostsOfPreviews: a preview gets none of the requests that are meant for the environment that it is derived from.
func TestHostsOfPreviews(t *testing.T) {
	const from = `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {tls: [{hosts: [orders.acme.dev], secretName: s}], rules: [{host: orders.acme.dev}, {host: "*.acme.dev"}, {http: {}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web}, spec: {hostnames: [api.acme.dev]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, spec: {rules: [{host: orders.acme.dev}]}}
`
	const want = `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {tls: [{hosts: [pr-7-orders.acme.dev], secretName: s}], rules: [{host: pr-7-orders.acme.dev}, {host: "pr-7.acme.dev"}, {http: {}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web}, spec: {hostnames: [pr-7-api.acme.dev]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, spec: {rules: [{host: orders.acme.dev}]}}
`
	got, hosts, err := render.Preview(packedOf(t, from), "pr-7")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(packedOf(t, want).Data()), string(got.Data())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"pr-7-orders.acme.dev", "pr-7.acme.dev", "pr-7-api.acme.dev"}, hosts); diff != "" {
		t.Errorf("hosts: -want +got\n%s", diff)
	}
	plain := packedOf(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}`)
	if same, hosts, err := render.Preview(plain, "pr-7"); same != plain || hosts != nil || err != nil {
		t.Error("what has no hosts is not the same value")
	}
}

// TestAsleep: while a preview sleeps nothing of it runs, and what holds data stays.
func TestAsleep(t *testing.T) {
	got, err := render.Asleep(packedOf(t, `{apiVersion: v1, kind: Namespace, metadata: {name: n}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: 3}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {serviceName: s}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {suspend: false}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: e}, spec: {}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {}}
---
{apiVersion: acme.io/v1, kind: Cluster, metadata: {name: w}, spec: {}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: v}, spec: {}}
---
{apiVersion: v1, kind: Service, metadata: {name: l}, spec: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := packedOf(t, `{apiVersion: v1, kind: Namespace, metadata: {name: n}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: 0}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {serviceName: s, replicas: 0}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {suspend: true}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: v}, spec: {}}
---
{apiVersion: v1, kind: Service, metadata: {name: l}, spec: {}}
`)
	if diff := cmp.Diff(string(want.Data()), string(got.Data())); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestBounds: the namespace of a preview is bounded by objects of the platform's own, and others are not.
func TestBounds(t *testing.T) {
	id := catalog.ReleaseID{Project: "orders", Environment: "pr-7", Cluster: "one"}
	if got := render.Access(id, "orders-pr-7", catalog.Access{}); len(got) != 0 {
		t.Errorf("a release that is no preview's has %v", got)
	}
	var got []string
	for _, o := range render.Access(id, "orders-pr-7", catalog.Access{
		Account: "deployer", Role: "deploy", Bounds: &catalog.Bounds{Quota: map[string]string{"pods": "3"}, From: []string{"ingress", "orders-pr-7"}},
	}) {
		spec, err := yaml.Marshal(o.Object["spec"])
		if err != nil {
			t.Fatal(err)
		}
		if o.GetLabels()[catalog.LabelAccess] == "" || o.GetNamespace() != "orders-pr-7" {
			t.Errorf("%s is not the platform's own, or elsewhere", o.GetKind())
		}
		got = append(got, o.GetKind()+" "+o.GetName(), string(spec))
	}
	want := []string{
		"ResourceQuota trunkline", "hard:\n  pods: \"3\"\n",
		"LimitRange trunkline", "limits:\n- defaultRequest:\n    cpu: 250m\n    memory: 1Gi\n  type: Container\n",
		"NetworkPolicy trunkline", "ingress:\n- from:\n  - podSelector: {}\n  - namespaceSelector:\n      matchExpressions:\n      - key: kubernetes.io/metadata.name\n" +
			"        operator: In\n        values:\n        - ingress\n        - orders-pr-7\npodSelector: {}\npolicyTypes:\n- Ingress\n",
		"ServiceAccount deployer", "null\n", "RoleBinding deployer.deploy", "null\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
