// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
)

// TestAdvice: whoever is told to delete an object, or to have it replaced, is told what goes with it; and handing it over comes
// before deleting it.
func TestAdvice(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, group, kind string
		costs               string // empty if it costs nothing
	}{
		"Claim":       {"Its data goes, and nobody gets that back.", "", "PersistentVolumeClaim", "delete its data, unless its volume's reclaim policy is Retain"},
		"Volume":      {"The claim is lost.", "", "PersistentVolume", "cut its claim off from the data"},
		"Snapshot":    {"So is what was snapshot.", "snapshot.storage.k8s.io", "VolumeSnapshot", "delete the snapshot, unless its class's deletion policy is Retain"},
		"Namespace":   {"Everything in it goes.", "", "Namespace", "delete all that is in it"},
		"Definition":  {"So does everything of a kind.", "apiextensions.k8s.io", "CustomResourceDefinition", "delete all objects of its kind"},
		"StatefulSet": {"Its pods end, and it may have its data deleted.", "apps", "StatefulSet", "end all its pods at once, and delete their data if its persistentVolumeClaimRetentionPolicy says so"},
		"Deployment":  {"Its pods do not end one by one.", "apps", "Deployment", "end all its pods at once"},
		"DaemonSet":   {"Nor do those of all nodes.", "apps", "DaemonSet", "end all its pods at once"},
		"Job":         {"What it did is done again.", "batch", "Job", "run it again from the beginning"},
		"Service":     {"Whoever knows its address does not find it.", "", "Service", "give up its addresses"},
		"Database":    {"A kind that is not known may stand for anything.", "postgresql.cnpg.io", "Cluster", "also delete what its controller has made for it, such as data"},
		"Topic":       {"So may another.", "kafka.strimzi.io", "KafkaTopic", "also delete what its controller has made for it, such as data"},
		"Binding":     {"What holds nothing is made again as it was.", "rbac.authorization.k8s.io", "ClusterRoleBinding", ""},
		"ConfigMap":   {"So is this.", "", "ConfigMap", ""},
		"Namesake":    {"A claim of another group is not that claim.", "acme.io", "PersistentVolumeClaim", "also delete what its controller has made for it, such as data"},
	} {
		t.Run(name, func(t *testing.T) {
			ref := plan.Ref{GroupKind: schema.GroupKind{Group: tc.group, Kind: tc.kind}, Namespace: "n", Name: "x"}
			err := &ObjectError{Object: ref, Doing: "applying", Err: answer(422, metav1.StatusReasonInvalid, "spec: Forbidden: spec is immutable after creation")}
			replace := "; to have the object deleted and made again, give it the annotation trunkline.dev/replace: enabled"
			deleted := "; or delete it"
			if tc.costs != "" {
				replace += "; that would " + tc.costs
				deleted = "; to delete it would " + tc.costs
			}
			if got := err.Error(); !strings.HasSuffix(got, replace) {
				t.Errorf("%s\ngot  %s\nwant %s", tc.reason, got, replace)
			}
			if got := orDelete(ref); got != deleted {
				t.Errorf("%s\ngot  %s\nwant %s", tc.reason, got, deleted)
			}
		})
	}
}

// TestImmutable: the words of the API server's validation for what cannot change, of Kubernetes 1.36.
func TestImmutable(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, message string
		want            bool
	}{
		"Job":           {"Most kinds say it so.", `Job.batch "j" is invalid: spec.template: Invalid value: {}: field is immutable`, true},
		"Claim":         {"A claim has words of its own.", `PersistentVolumeClaim "c" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims`, true},
		"StatefulSet":   {"So has a StatefulSet.", `StatefulSet.apps "s" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden`, true},
		"Binding":       {"And a binding.", `RoleBinding.rbac.authorization.k8s.io "b" is invalid: roleRef: Invalid value: {}: cannot change roleRef`, true},
		"Service":       {"And the addresses of a Service.", `Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["10.0.0.9"]: may not change once set`, true},
		"StorageClass":  {"And a StorageClass.", `StorageClass.storage.k8s.io "s" is invalid: parameters: Forbidden: updates to parameters are forbidden.`, true},
		"PriorityClass": {"And a PriorityClass.", `PriorityClass.scheduling.k8s.io "p" is invalid: value: Forbidden: may not be changed in an update.`, true},
		"Pod":           {"And a Pod.", "Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`", true},
		"Definition":    {"A rule of a definition says it as its authors like, and by convention so.", `Bucket.acme.io "b" is invalid: spec.region: Invalid value: "eu": Value is immutable`, true},
		"Invalid":       {"What is wrong is wrong when it is made again, too.", `Deployment.apps "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Immutable(answer(422, metav1.StatusReasonInvalid, tc.message)); got != tc.want {
				t.Errorf("%s\ngot %t", tc.reason, got)
			}
			if Immutable(answer(403, metav1.StatusReasonForbidden, tc.message)) {
				t.Error("what a webhook or policy says so is its own")
			}
		})
	}
	secret := &ObjectError{
		Object: plan.Ref{GroupKind: schema.GroupKind{Kind: "Secret"}, Namespace: "n", Name: "s"}, Doing: "applying",
		Err: answer(422, metav1.StatusReasonInvalid, "data: Forbidden: field is immutable when `immutable` is set: hunter2"),
	}
	if got := secret.Error(); strings.Contains(got, "hunter2") || !strings.Contains(got, plan.ReplaceAnnotation) {
		t.Errorf("of a Secret: %s", got)
	}
}
