// SPDX-License-Identifier: Apache-2.0

package install

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) unstructured.Unstructured {
	t.Helper()
	var o unstructured.Unstructured
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = json.Unmarshal(data, &o.Object) // with whole numbers, as the client of the cluster has them
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestJudge: a daemon is as declared once all its pods run what the commit declares, and a replica that is alive says that it keeps the cluster at
// the commit. Else it is said what is in the way.
func TestJudge(t *testing.T) {
	const (
		template = `template: {metadata: {annotations: {checksum/config: "1"}}, spec: {containers: [{image: "t:1", command: [x], args: [serve]}]}}`
		rolled   = `{metadata: {name: trunkline, generation: 2}, spec: {replicas: 2, ` + template + `}, status: {observedGeneration: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}}`
		alive    = `{metadata: {name: acme.a.1, annotations: {trunkline.dev/accepted: abc}}, spec: {holderIdentity: x, renewTime: "2026-01-01T00:01:00.000000Z", leaseDurationSeconds: 50}}`
		behind   = `{metadata: {name: acme.b.2, annotations: {trunkline.dev/accepted: "012", trunkline.dev/trouble: "commit abc is refused"}}, spec: {holderIdentity: x, renewTime: "2026-01-01T00:00:59.000000Z", leaseDurationSeconds: 50}}`
		ended    = `{metadata: {name: acme.0.1, annotations: {trunkline.dev/accepted: "abc", trunkline.dev/trouble: "of before"}}, spec: {holderIdentity: "", renewTime: "2026-01-01T00:00:59.000000Z", leaseDurationSeconds: 1}}`
		gone     = `{metadata: {name: acme.0.0, annotations: {trunkline.dev/accepted: "abc", trunkline.dev/trouble: "of yesterday"}}, spec: {holderIdentity: x, renewTime: "2025-12-31T00:00:00.000000Z", leaseDurationSeconds: 50}}`
		shared   = `{metadata: {name: acme, annotations: {trunkline.dev/assignment: "{}"}}}`
		ready    = `{metadata: {name: trunkline-0}, status: {containerStatuses: [{state: {running: {}}}]}}`
	)
	for _, tt := range []struct {
		reason, set  string
		pods, leases []string
		want         Seen
	}{
		{"it runs", rolled, []string{ready}, []string{gone, alive, shared}, Seen{Accepted: true, Rolled: true}},
		{"another replica is behind", rolled, []string{ready}, []string{alive, behind}, Seen{Accepted: true, Rolled: true}},
		{"no replica has it", rolled, []string{ready}, []string{behind, shared}, Seen{Rolled: true, Trouble: "commit abc is refused"}},
		{"only one that is gone had it", rolled, []string{ready}, []string{gone, ended, behind}, Seen{Rolled: true, Trouble: "commit abc is refused"}},
		{"no replica has begun", rolled, nil, nil, Seen{Rolled: true}},
		{"a pod is not ready", `{metadata: {generation: 2}, spec: {replicas: 2, ` + template + `}, status: {observedGeneration: 2, updatedReplicas: 2, readyReplicas: 1, availableReplicas: 1}}`, []string{ready}, []string{alive}, Seen{Accepted: true}},
		{"a pod is not replaced", `{metadata: {generation: 2}, spec: {replicas: 2, ` + template + `}, status: {observedGeneration: 2, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2}}`, []string{ready}, []string{alive}, Seen{Accepted: true}},
		{"a change is not seen yet", `{metadata: {generation: 3}, spec: {replicas: 2, ` + template + `}, status: {observedGeneration: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}}`, []string{ready}, []string{alive}, Seen{Accepted: true}},
		{"another image", `{metadata: {generation: 2}, spec: {replicas: 2, template: {metadata: {annotations: {checksum/config: "1"}}, spec: {containers: [{image: "t:0", command: [x], args: [serve]}]}}}, status: {observedGeneration: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}}`, []string{ready}, []string{alive}, Seen{Accepted: true}},
		{"another configuration", `{metadata: {generation: 2}, spec: {replicas: 2, template: {metadata: {annotations: {checksum/config: "2"}}, spec: {containers: [{image: "t:1", command: [x], args: [serve]}]}}}, status: {observedGeneration: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}}`, []string{ready}, []string{alive}, Seen{Accepted: true}},
		{"an image cannot be pulled", `{metadata: {generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1}}`, []string{`{metadata: {name: trunkline-1}, status: {containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: "not\n found"}}}]}}`}, nil, Seen{Trouble: "pod trunkline-1: ImagePullBackOff: not found"}},
		{"it has begun", `{metadata: {generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1}}`, []string{`{metadata: {name: trunkline-1}, status: {containerStatuses: [{state: {waiting: {reason: ContainerCreating}}}]}}`}, nil, Seen{}},
		{"there is no room", `{metadata: {generation: 1}, spec: {replicas: 2}, status: {observedGeneration: 1}}`, []string{`{metadata: {name: trunkline-1}, status: {conditions: [{type: PodScheduled, status: "False", message: 0/3 nodes}]}}`}, nil, Seen{Trouble: "pod trunkline-1: it is not scheduled: 0/3 nodes"}},
	} {
		want := object(t, rolled)
		set := object(t, tt.set)
		var pods, leases []unstructured.Unstructured
		for _, text := range tt.pods {
			pods = append(pods, object(t, text))
		}
		for _, text := range tt.leases {
			leases = append(leases, object(t, text))
		}
		if diff := cmp.Diff(tt.want, judge(Wanted{Commit: "abc", Template: &want}, &set, pods, leases)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
}
