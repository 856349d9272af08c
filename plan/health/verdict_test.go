package health_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/plan/health"
)

// parse reads an object as it comes from an API server: whole numbers are int64.
func parse(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOf(t *testing.T) {
	const (
		job        = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, "
		deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, generation: 2}, spec: {replicas: 1, progressDeadlineSeconds: 600}, status: {observedGeneration: "
		pod        = "{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {phase: "
		widget     = "{apiVersion: acme.io/v1, kind: Widget, metadata: {name: w, generation: 2}, status: "
		budget     = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b, generation: 1}, status: {observedGeneration: 1, conditions: [{type: DisruptionAllowed, status: 'False', "
	)
	for name, tc := range map[string]struct {
		reason, object string
		state          health.State
		message        string
	}{
		"ConfigMap":   {"What has no status is fine once it is there.", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}", health.Healthy, ""},
		"Deleting":    {"What is being deleted is on its way.", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, deletionTimestamp: '2026-01-01T00:00:00Z'}}", health.Progressing, "being deleted"},
		"DeletingBad": {"Also if nobody can read since when.", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, deletionTimestamp: 7}}", health.Progressing, "being deleted"},

		"JobNew":      {"One that nobody has looked at is on its way.", job + "spec: {}}", health.Progressing, "Job not started"},
		"JobRunning":  {"A Job is about its result.", job + "status: {startTime: '2026-01-01T00:00:00Z', active: 1, failed: 2}}", health.Progressing, "it runs: 1 active, 0 succeeded, 2 failed"},
		"JobComplete": {"One that is complete is fine.", job + "status: {startTime: '2026-01-01T00:00:00Z', succeeded: 1, conditions: [{type: Complete, status: 'True'}]}}", health.Healthy, ""},
		"JobFailed":   {"One out of retries needs a person, and says why.", job + "status: {conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: Job has reached the specified backoff limit}]}}", health.Failed, "Job has reached the specified backoff limit"},
		"JobFailing": {
			"One whose pods are being ended has not ended.", job + "status: {startTime: '2026-01-01T00:00:00Z', active: 1, conditions: [{type: FailureTarget, status: 'True', reason: DeadlineExceeded}]}}",
			health.Progressing, "it has failed, and its pods are being ended: DeadlineExceeded",
		},
		"JobSuspended":       {"One that is suspended has nothing to finish.", job + "spec: {suspend: true}, status: {startTime: '2026-01-01T00:00:00Z'}}", health.Healthy, ""},
		"JobSuspendedNew":    {"One that never began has nothing to finish either.", job + "spec: {suspend: true}}", health.Healthy, ""},
		"JobSuspendedFailed": {"What failed before it was suspended is not asked for any more.", job + "spec: {suspend: true}, status: {conditions: [{type: Failed, status: 'True'}]}}", health.Healthy, ""},

		"OldGeneration": {"A status of the generation before says nothing of this one.", deployment + "1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}}", health.Progressing, "Deployment generation is 2, but latest observed generation is 1"},
		"OldDeadline":   {"Nor does it stall it.", deployment + "1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}, {type: ReplicaFailure, status: 'True', message: quota}]}}", health.Progressing, "Deployment generation is 2, but latest observed generation is 1"},
		"Deadline": {
			"What did not get ready in time may still, once somebody mends it.", deployment + `2, replicas: 1, updatedReplicas: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: 'ReplicaSet "d-1" has timed out progressing.'}]}}`,
			health.Stalled, `ReplicaSet "d-1" has timed out progressing.`,
		},
		"Quota": {
			"What cannot make its pods is told with what the API server said, in full.", deployment + `2, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: 'pods "d-1-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1'}]}}`,
			health.Stalled, `its pods cannot be made: pods "d-1-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1`,
		},
		"QuotaPassed": {
			"One that is there nevertheless is fine.", deployment + `2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}, {type: ReplicaFailure, status: 'True', message: x}]}}`,
			health.Healthy, "",
		},

		"PodReady":         {"A pod that is ready is fine.", pod + "Running, conditions: [{type: Ready, status: 'True'}]}}", health.Healthy, ""},
		"PodFailed":        {"A pod that failed has failed.", pod + "Failed, reason: Evicted}}", health.Failed, "it ended badly: Evicted"},
		"PodDone":          {"A pod that is done is fine.", pod + "Succeeded}}", health.Healthy, ""},
		"PodUnschedulable": {"A pod that no node takes waits for somebody, from the first moment.", pod + "Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 0/3 nodes are available}]}}", health.Stalled, "no node takes it: 0/3 nodes are available"},
		"PodNew":           {"A pod that nobody has seen is on its way.", "{apiVersion: v1, kind: Pod, metadata: {name: p}}", health.Progressing, "it is not ready: it was not seen by a node yet"},
		"PodHostile":       {"A status of other shapes ends nothing.", pod + "Running, containerStatuses: [1, {name: 2, state: x}], conditions: [7, {type: Ready, status: 1}]}}", health.Progressing, "it is not ready: Running"},

		"BudgetTight":   {"That nothing may be disrupted now is what a budget is for.", budget + "reason: InsufficientPods}]}}", health.Healthy, ""},
		"BudgetUnknown": {"One that cannot be computed protects nothing.", budget + "reason: SyncFailed, message: found no controllers}]}}", health.Stalled, "what it allows cannot be computed: found no controllers"},

		"Stalled":         {"A kind that follows the conventions says so itself.", widget + "{observedGeneration: 2, conditions: [{type: Stalled, status: 'True', reason: R, message: the broker is away}]}}", health.Stalled, "the broker is away"},
		"Ready":           {"And that it is ready.", widget + "{observedGeneration: 2, conditions: [{type: Ready, status: 'True'}]}}", health.Healthy, ""},
		"NotReady":        {"Or is not.", widget + "{observedGeneration: 2, conditions: [{type: Ready, status: 'False', message: soon}]}}", health.Progressing, "soon"},
		"ReadyOfBefore":   {"Of the generation before.", widget + "{observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}}", health.Progressing, "Widget generation is 2, but latest observed generation is 1"},
		"ConditionsOdd":   {"What cannot be read is never healthy.", widget + "{conditions: nothing}}", health.Progressing, "its status cannot be read: "},
		"StatusOdd":       {"Nor is a status that is none.", widget + "7}", health.Progressing, "its status cannot be read: "},
		"GenerationOdd":   {"Nor one of a generation that is none.", widget + "{observedGeneration: new}}", health.Progressing, "its status cannot be read: "},
		"TerminalEscapes": {"A message does not move a cursor.", widget + `{observedGeneration: 2, conditions: [{type: Stalled, status: 'True', message: "a\e[2Jb\u202ec\r\nd"}]}}`, health.Stalled, "abc d"},
		"Definition":      {"A definition whose names are taken waits for the other one to go.", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: c}, status: {conditions: [{type: NamesAccepted, status: 'False', reason: PluralConflict, message: it is taken}]}}", health.Stalled, "it is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			got := health.Of(parse(t, tc.object), nil)
			if cutAt := len(tc.message); tc.message != "" && tc.message[cutAt-1] == ' ' && len(got.Message) > cutAt {
				got.Message = got.Message[:cutAt] // what follows is the library's
			}
			if diff := cmp.Diff(health.Verdict{State: tc.state, Message: tc.message}, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestWorse(t *testing.T) {
	states := []health.State{health.Healthy, health.Progressing, health.Stalled, health.Failed}
	for i, a := range states {
		for j, b := range states {
			if got := a.Worse(b); got != (i > j) {
				t.Errorf("%s is worse than %s: got %t", a, b, got)
			}
		}
	}
}
