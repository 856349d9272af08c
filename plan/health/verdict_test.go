// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"testing"
	"time"

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
		apiService = "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.a.b}, status: {"
		autoscaler = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, status: {conditions: "
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
			"What did not get ready in time may still, once someone fixes it.", deployment + `2, replicas: 1, updatedReplicas: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: 'ReplicaSet "d-1" has timed out progressing.'}]}}`,
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
		"PodUnschedulable": {"A pod that no node takes waits for someone, from the first moment.", pod + "Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: 0/3 nodes are available}]}}", health.Stalled, "no node takes it: 0/3 nodes are available"},
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

		"Paused":        {"Nobody resumes it but a person.", pausedDeployment("0"), health.Stalled, "it is paused (spec.paused), and does not go on until it is resumed: 0 of 1 pod are of the newest version"},
		"PausedAsIs":    {"One that has nothing to go on with is fine.", pausedDeployment("1"), health.Healthy, ""},
		"Extra":         {"What has not ended yet is told in words.", deployment + "2, replicas: 2, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}}", health.Progressing, "1 pod of the version before, or too many, not ended yet"},
		"NoServer":      {"Without its server nothing of an API is there.", apiService + "conditions: [{type: Available, status: 'False', reason: MissingEndpoints, message: no endpoints}]}}", health.Stalled, "the API is not available: no endpoints"},
		"Server":        {"With one it is.", apiService + "conditions: [{type: Available, status: 'True', reason: Passed}]}}", health.Healthy, ""},
		"NewAPI":        {"Nobody has looked yet.", apiService + "}}", health.Progressing, "nobody has looked yet whether its server answers"},
		"Autoscaler":    {"One without metrics does not scale.", autoscaler + "[{type: AbleToScale, status: 'True'}, {type: ScalingActive, status: 'False', reason: FailedGetResourceMetric, message: no metrics}]}}", health.Stalled, "it cannot scale: no metrics"},
		"AutoscalerAt0": {"One that is switched off by a scale of zero is.", autoscaler + "[{type: ScalingActive, status: 'False', reason: ScalingDisabled}]}}", health.Healthy, ""},
		"LostTarget":    {"One without a target cannot.", autoscaler + "[{type: AbleToScale, status: 'False', reason: FailedGetScale, message: 'deployments \"d\" not found'}]}}", health.Stalled, `it cannot scale: deployments "d" not found`},
		"LostClaim":     {"Its data is gone.", "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, status: {phase: Lost}}", health.Stalled, "the volume that it was bound to is gone, and its data with it"},
		"PendingClaim":  {"It may wait for its first pod.", "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, status: {phase: Pending}}", health.Progressing, "it waits for a volume"},
		"BoundClaim":    {"It has one.", "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, status: {phase: Bound}}", health.Healthy, ""},
		"FailedVolume":  {"It needs a person.", "{apiVersion: v1, kind: PersistentVolume, metadata: {name: c}, status: {phase: Failed, message: cannot recycle}}", health.Stalled, "cannot recycle"},
		"NoAddress":     {"A load balancer takes a while.", "{apiVersion: v1, kind: Service, metadata: {name: c}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1}}", health.Progressing, "its load balancer has no address yet"},
		"Address":       {"Then it is there.", "{apiVersion: v1, kind: Service, metadata: {name: c}, spec: {type: LoadBalancer, clusterIP: 10.0.0.1}, status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}}", health.Healthy, ""},
		"Gateway":       {"It waits for its controller.", "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: c}, status: {conditions: [{type: Accepted, status: Unknown, reason: Pending, message: Waiting for controller}]}}", health.Progressing, "it waits for its controller: Waiting for controller"},
		"GatewayBad":    {"Its controller cannot set it up.", "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: c}, status: {conditions: [{type: Accepted, status: 'True'}, {type: Programmed, status: 'False', message: no address}]}}", health.Stalled, "no address"},
		"Class":         {"A class is accepted and no more.", "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: c}, status: {conditions: [{type: Accepted, status: 'True'}]}}", health.Healthy, ""},
		"Route":         {"A route that leads nowhere.", "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: c}, status: {parents: [{parentRef: {name: g}, conditions: [{type: Accepted, status: 'True'}, {type: ResolvedRefs, status: 'False', message: no service x}]}]}}", health.Stalled, `gateway "g": no service x`},
		"RouteNew":      {"Nobody has looked at it.", "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: c}}", health.Progressing, "no gateway has looked at it yet"},
		"RouteGood":     {"It leads somewhere.", "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: c}, status: {parents: [{parentRef: {name: g}, conditions: [{type: Accepted, status: 'True'}, {type: ResolvedRefs, status: 'True'}]}]}}", health.Healthy, ""},
		"CronSuspended": {"A schedule that is suspended has nothing to do.", "{apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {suspend: true}}", health.Healthy, ""},
		"OnDelete":      {"Who deletes pods himself is asked for nothing.", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s, generation: 2}, spec: {replicas: 1, updateStrategy: {type: OnDelete}}, status: {observedGeneration: 2, replicas: 1, readyReplicas: 1, currentReplicas: 1, updatedReplicas: 0}}", health.Healthy, ""},
		"Partition":     {"A partition that is rolled out is as declared.", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s, generation: 2}, spec: {replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 3, currentReplicas: 2, updatedReplicas: 1, currentRevision: a, updateRevision: b}}", health.Healthy, ""},
		"Misscheduled":  {"A pod where none belongs any more disturbs nobody.", "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: s, generation: 1}, status: {observedGeneration: 1, desiredNumberScheduled: 1, currentNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1, numberReady: 1, numberMisscheduled: 1}}", health.Healthy, ""},
		"External":      {"Nobody has looked at it.", "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: c}}", health.Progressing, "the External Secrets Operator has not looked at it yet"},
		"ExternalBad":   {"Its values cannot be read, until someone changes something.", "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: c}, status: {conditions: [{type: Ready, status: 'False', reason: SecretSyncedError, message: could not get secret data from provider}]}}", health.Stalled, "its secrets cannot be read: could not get secret data from provider"},
		"ExternalGood":  {"Its Secret is there.", "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: c}, status: {conditions: [{type: Ready, status: 'True', reason: SecretSynced, message: secret synced}]}}", health.Healthy, ""},
		"StoreBad":      {"A store that is not as it has to be says so without a sentence.", "{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: c}, status: {conditions: [{type: Ready, status: 'False', reason: InvalidProviderConfig}]}}", health.Stalled, "its secrets cannot be read: InvalidProviderConfig"},
		"Certificate":   {"What follows the conventions says what it waits for.", "{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: c, generation: 1}, status: {conditions: [{type: Ready, status: 'False', reason: DoesNotExist, message: Issuing certificate}]}}", health.Progressing, "Issuing certificate"},

		"Finalizer":   {"What it waits for is told from the first moment.", gone("v1", "ConfigMap", "acme.io/keep", ""), health.Progressing, "being deleted: it waits for whoever owns its finalizer acme.io/keep"},
		"InUse":       {"A claim in use says so.", gone("v1", "PersistentVolumeClaim", "kubernetes.io/pvc-protection", ""), health.Progressing, "being deleted: a pod still uses the claim (finalizer kubernetes.io/pvc-protection)"},
		"Namespace":   {"A namespace says what is left in it.", gone("v1", "Namespace", "", "{type: NamespaceContentRemaining, status: 'True', message: 'Some resources are remaining: widgets.acme.io has 1 resource instances'}, {type: NamespaceFinalizersRemaining, status: 'True', message: 'Some content in the namespace has finalizers remaining: acme.io/x in 1 resource instances'}"), health.Progressing, "being deleted: Some content in the namespace has finalizers remaining: acme.io/x in 1 resource instances; Some resources are remaining: widgets.acme.io has 1 resource instances"},
		"Terminating": {"So does a definition.", gone("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcecleanup.apiextensions.k8s.io", "{type: Terminating, status: 'True', reason: InstanceDeletionInProgress, message: CustomResource deletion is in progress}"), health.Progressing, "being deleted: CustomResource deletion is in progress"},
		"DoneJob":     {"A Job that has done its work removes itself.", "{apiVersion: batch/v1, kind: Job, metadata: {name: j, deletionTimestamp: '2026-01-01T00:00:00Z'}, spec: {ttlSecondsAfterFinished: 0}, status: {conditions: [{type: Complete, status: 'True'}]}}", health.Healthy, ""},

		"Finalizers":         {"Several are told in one line, and each once.", gone("v1", "ConfigMap", "acme.io/keep, acme.io/backup, acme.io/keep", ""), health.Progressing, "being deleted: it waits for whoever owns its finalizers acme.io/keep, acme.io/backup"},
		"Foreground":         {"A deletion in the foreground waits for what has it as owner; others may wait as well.", gone("apps/v1", "Deployment", "foregroundDeletion, acme.io/keep", ""), health.Progressing, "being deleted: what it owns is deleted first (finalizer foregroundDeletion); it waits for whoever owns its finalizer acme.io/keep"},
		"Crowd":              {"A crowd of them is counted.", gone("v1", "ConfigMap", "a/1, a/2, a/3, a/4, a/5, a/6, a/7", ""), health.Progressing, "being deleted: it waits for whoever owns its finalizers a/1, a/2, a/3, a/4, a/5 and 2 more"},
		"PodOfJob":           {"A pod waits for its Job to count it.", gone("v1", "Pod", "batch.kubernetes.io/job-tracking", ""), health.Progressing, "being deleted: the Job has not counted the pod yet (finalizer batch.kubernetes.io/job-tracking)"},
		"PodOfNode":          {"A pod of a node that is away is not ended by anybody.", "{apiVersion: v1, kind: Pod, metadata: {name: p, deletionTimestamp: '2026-01-01T00:00:00Z'}, spec: {nodeName: n7}, status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}}", health.Progressing, "being deleted: node n7 has not ended its containers yet"},
		"LoadBalancer":       {"The cloud takes its time.", gone("v1", "Service", "service.kubernetes.io/load-balancer-cleanup", ""), health.Progressing, "being deleted: the load balancer is being removed (finalizer service.kubernetes.io/load-balancer-cleanup)"},
		"VolumeInUse":        {"A volume waits for its claim.", gone("v1", "PersistentVolume", "kubernetes.io/pv-protection", ""), health.Progressing, "being deleted: a claim is still bound to the volume (finalizer kubernetes.io/pv-protection)"},
		"NamespaceNew":       {"Nobody has looked yet what is in it.", gone("v1", "Namespace", "", ""), health.Progressing, "being deleted"},
		"NamespaceContent":   {"What is left in it is told without a finalizer, too.", gone("v1", "Namespace", "", "{type: NamespaceDeletionContentFailure, status: 'False', message: All content successfully deleted}, {type: NamespaceContentRemaining, status: 'True', message: 'Some resources are remaining: pods. has 2 resource instances'}, {type: NamespaceFinalizersRemaining, status: 'False', message: All content-preserving finalizers finished}"), health.Progressing, "being deleted: Some resources are remaining: pods. has 2 resource instances"},
		"NamespaceDiscovery": {"An API that is down keeps a namespace for ever.", gone("v1", "Namespace", "", "{type: NamespaceDeletionDiscoveryFailure, status: 'True', reason: DiscoveryFailed, message: 'Discovery failed for some groups, 1 failing: down.example.com/v1'}"), health.Progressing, "being deleted: Discovery failed for some groups, 1 failing: down.example.com/v1"},
		"NamespaceOnce":      {"What two conditions say is told once.", gone("v1", "Namespace", "", "{type: NamespaceDeletionDiscoveryFailure, status: 'True', message: x}, {type: NamespaceDeletionContentFailure, status: 'True', message: x}, {type: NamespaceContentRemaining, status: 'True', message: x}"), health.Progressing, "being deleted: x"},
		"DefinitionStuck":    {"A definition whose controller is gone says so only by its finalizer.", gone("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcecleanup.apiextensions.k8s.io", ""), health.Progressing, "being deleted: its objects are deleted first (finalizer customresourcecleanup.apiextensions.k8s.io)"},
		"ReadyAndGoing":      {"What says that it is ready is on its way out all the same.", "{apiVersion: acme.io/v1, kind: Widget, metadata: {name: w, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [acme.io/w]}, status: {conditions: [{type: Ready, status: 'True'}]}}", health.Progressing, "being deleted: it waits for whoever owns its finalizer acme.io/w"},

		"PausedReplicas": {"Pods that were asked for after it was paused come from a ReplicaSet, whose number a pause does not hold.", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, generation: 2}, spec: {replicas: 3, paused: true}, status: {observedGeneration: 2, replicas: 3, readyReplicas: 1, availableReplicas: 1, updatedReplicas: 3}}", health.Stalled, "it is paused (spec.paused), and does not go on until it is resumed: 3 of 3 pods are of the newest version"},
		"PausedUnseen":   {"A pause that nobody has seen yet stalls nothing.", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, generation: 2}, spec: {replicas: 1, paused: true}, status: {observedGeneration: 1}}", health.Progressing, "Deployment generation is 2, but latest observed generation is 1"},
		"JobPaused":      {"A Job that was suspended on the way is as it is declared.", job + "spec: {suspend: true}, status: {startTime: '2026-01-01T00:00:00Z', active: 0, succeeded: 1, conditions: [{type: Suspended, status: 'True', reason: JobSuspended}]}}", health.Healthy, ""},
		"APIUnknown":     {"A condition that is unknown is not available.", apiService + "conditions: [{type: Available, status: Unknown, reason: FailedDiscoveryCheck}]}}", health.Stalled, "the API is not available: FailedDiscoveryCheck"},
		"APIOfService":   {"So is one whose Service is not there.", apiService + "conditions: [{type: Available, status: 'False', reason: ServiceNotFound, message: service/nobody in \"default\" is not present}]}}", health.Stalled, `the API is not available: service/nobody in "default" is not present`},
		"DefinitionNew":  {"A definition that is not established serves nothing.", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: c}, status: {conditions: [{type: NamesAccepted, status: 'True'}, {type: Established, status: 'False', reason: Installing, message: the initial names have been accepted}]}}", health.Progressing, "Install in progress"},
		"TooManyPods":    {"A ReplicaSet that ends pods says how many.", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: r, generation: 1}, spec: {replicas: 1}, status: {observedGeneration: 1, replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 3, availableReplicas: 3}}", health.Progressing, "2 pods of the version before, or too many, not ended yet"},
		"TooManySets":    {"So does a StatefulSet.", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s, generation: 1}, spec: {replicas: 1}, status: {observedGeneration: 1, replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3}}", health.Progressing, "2 pods of the version before, or too many, not ended yet"},

		"Definition": {"A definition whose names are taken waits for the other one to go.", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: c}, status: {conditions: [{type: NamesAccepted, status: 'False', reason: PluralConflict, message: it is taken}]}}", health.Stalled, "it is taken"},
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

// pausedDeployment is one of which so many pods are of the newest version.
func pausedDeployment(updated string) string {
	return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, generation: 2}, spec: {replicas: 1, paused: true, progressDeadlineSeconds: 600}, status: {observedGeneration: 2, " +
		"replicas: 1, readyReplicas: 1, availableReplicas: 1, updatedReplicas: " + updated + ", conditions: [{type: Available, status: 'True'}, {type: Progressing, status: Unknown, reason: DeploymentPaused}]}}"
}

// gone is an object on its way out.
func gone(version, kind, finalizer, conditions string) string {
	return "{apiVersion: " + version + ", kind: " + kind + ", metadata: {name: x, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [" + finalizer + "]}, status: {conditions: [" + conditions + "]}}"
}

func TestDeletion(t *testing.T) {
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d, ok := health.DeletionOf(parse(t, gone("v1", "ConfigMap", "acme.io/keep", "")))
	if !ok || !d.Since.Equal(since) {
		t.Fatalf("got %+v", d)
	}
	for _, tc := range []struct {
		reason string
		after  time.Duration
		want   health.Verdict
	}{
		{"a deletion takes a moment", 10 * time.Second, health.Verdict{State: health.Progressing, Message: "being deleted: it waits for whoever owns its finalizer acme.io/keep"}},
		{"nobody removes the finalizer", health.StuckAfter, health.Verdict{State: health.Stalled, Message: "its deletion does not end, since 2026-01-01T00:00:00Z: it waits for whoever owns its finalizer acme.io/keep"}},
		{"a clock that was set back accuses nobody", -time.Hour, health.Verdict{State: health.Progressing, Message: "being deleted: it waits for whoever owns its finalizer acme.io/keep"}},
	} {
		if diff := cmp.Diff(tc.want, d.Of(since.Add(tc.after))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
		}
	}
	for name, tc := range map[string]struct{ object, waits string }{
		"Claim":      {gone("v1", "PersistentVolumeClaim", "kubernetes.io/pvc-protection", ""), ": a pod still uses the claim (finalizer kubernetes.io/pvc-protection)"},
		"Service":    {gone("v1", "Service", "service.kubernetes.io/load-balancer-cleanup", ""), ": the load balancer is being removed (finalizer service.kubernetes.io/load-balancer-cleanup)"},
		"Namespace":  {gone("v1", "Namespace", "", "{type: NamespaceFinalizersRemaining, status: 'True', message: 'acme.io/x in 1 resource instances'}"), ": acme.io/x in 1 resource instances"},
		"Definition": {gone("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcecleanup.apiextensions.k8s.io", ""), ": its objects are deleted first (finalizer customresourcecleanup.apiextensions.k8s.io)"},
		"Foreground": {gone("apps/v1", "Deployment", "foregroundDeletion", ""), ": what it owns is deleted first (finalizer foregroundDeletion)"},
		"Widget":     {gone("acme.io/v1", "Widget", "acme.io/a, acme.io/b", ""), ": it waits for whoever owns its finalizers acme.io/a, acme.io/b"},
		"Pod":        {"{apiVersion: v1, kind: Pod, metadata: {name: p, deletionTimestamp: '2026-01-01T00:00:00Z'}, spec: {nodeName: n7}}", ": node n7 has not ended its containers yet"},
		"Nothing":    {gone("v1", "Namespace", "", ""), ""},
	} {
		d, ok := health.DeletionOf(parse(t, tc.object))
		want := health.Verdict{State: health.Stalled, Message: "its deletion does not end, since 2026-01-01T00:00:00Z" + tc.waits}
		if diff := cmp.Diff(want, d.Of(d.StuckAt())); !ok || diff != "" {
			t.Errorf("%s that is stuck: -want +got:\n%s", name, diff)
		}
	}
	odd, ok := health.DeletionOf(parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, deletionTimestamp: 7}}"))
	if !ok || odd.Stuck(since.AddDate(10, 0, 0)) {
		t.Error("a deletion of which nobody knows since when is stuck")
	}
	if _, ok := health.DeletionOf(parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}")); ok {
		t.Error("what is not being deleted is")
	}
}

func TestEnded(t *testing.T) {
	job := func(spec, condition string) string {
		return "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {" + spec + "}, status: {conditions: [{type: " + condition + ", status: 'True'}]}}"
	}
	const ttl = "ttlSecondsAfterFinished: 0"
	for name, tc := range map[string]struct {
		reason, object string
		want           health.State
	}{
		"Complete": {"It has done its work.", job(ttl, "Complete"), health.Healthy},
		"Failed":   {"It is over as well.", job(ttl, "Failed"), health.Failed},
		"Running":  {"It has not ended.", job(ttl, "FailureTarget"), ""},
		"Stays":    {"It stays, and whoever deletes it wants it run again.", job("", "Complete"), ""},
		"Spark":    {"So it is with a Spark application.", "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, spec: {timeToLiveSeconds: 60}, status: {applicationState: {state: COMPLETED}}}", health.Healthy},
		"Workflow": {"And a workflow.", "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, spec: {ttlStrategy: {secondsAfterCompletion: 5}}, status: {phase: Error}}", health.Failed},
		"Other":    {"Others do not remove themselves.", "{apiVersion: v1, kind: ConfigMap, spec: {ttlSecondsAfterFinished: 0}}", ""},
		"Odd":      {"What has another shape has not ended.", "{apiVersion: batch/v1, kind: Job, spec: 7, status: [x]}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := health.Ended(parse(t, tc.object)); got != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
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
