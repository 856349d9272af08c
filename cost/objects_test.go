// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/cost"
)

const (
	meta = "metadata: {name: x}\n"
	// small is a container of half a core and one GiB.
	small      = `{name: main, image: i, resources: {requests: {cpu: 500m, memory: 1Gi}}}`
	beside     = `{name: beside, image: i, resources: {requests: {cpu: 500m, memory: 1Gi}}}`
	podOfSmall = `{containers: [` + small + `]}`
)

func deployment(spec, pod string) string {
	return "apiVersion: apps/v1\nkind: Deployment\n" + meta + "spec: {" + spec + "selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: " + pod + "}}\n"
}

func job(kind, spec, pod string) string {
	template := "template: {spec: " + pod + "}"
	if kind == "CronJob" {
		return "apiVersion: batch/v1\nkind: CronJob\n" + meta + "spec: {" + spec + ", jobTemplate: {spec: {" + template + "}}}\n"
	}
	return "apiVersion: batch/v1\nkind: Job\n" + meta + "spec: {" + spec + template + "}\n"
}

func claim(name, class, size string) string {
	return "{metadata: {name: " + name + "}, spec: {storageClassName: " + class + ", accessModes: [ReadWriteOnce], resources: {requests: {storage: " + size + "}}}}"
}

// TestObjects holds estimates to what comes out by hand, in a month of 720 hours: a core costs 720 USD and a GiB 72 USD.
func TestObjects(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, objects string
		want            []string
	}{
		"Deployment": {
			"Without replicas there is one, for all hours of the month.", deployment("", podOfSmall),
			[]string{"Deployment x: 360 core-hour of cpu for 360.00 USD", "Deployment x: 720 GiB-hour of memory for 72.00 USD"},
		},
		"Replicas": {
			"Three cost three times as much.", deployment("replicas: 3, ", podOfSmall),
			[]string{"Deployment x: 1080 core-hour of cpu for 1080.00 USD", "Deployment x: 2160 GiB-hour of memory for 216.00 USD"},
		},
		"NoReplicas": {"What is scaled to nothing costs nothing, and that is known.", deployment("replicas: 0, ", podOfSmall), nil},
		"Limits": {
			"Kubernetes takes a limit for the request where there is none.",
			deployment("", `{containers: [{name: main, image: i, resources: {limits: {cpu: 1, memory: 512Mi}}}]}`),
			[]string{"Deployment x: 720 core-hour of cpu for 720.00 USD", "Deployment x: 360 GiB-hour of memory for 36.00 USD"},
		},
		"NoRequests": {
			"What requests nothing uses something all the same.", deployment("", `{containers: [{name: main, image: i}]}`),
			[]string{
				"Deployment x not estimated: no request of cpu, so that what it uses is not known: container main",
				"Deployment x not estimated: no request of memory, so that what it uses is not known: container main",
			},
		},
		"LimitRange": {
			"A LimitRange of the release says what containers request that do not say it themselves.",
			deployment("", `{containers: [{name: main, image: i, resources: {requests: {cpu: 2}}}]}`) +
				"---\napiVersion: v1\nkind: LimitRange\n" + meta + "spec: {limits: [{type: Container, default: {memory: 4Gi, cpu: 1}, defaultRequest: {memory: 2Gi}}, {type: Pod, max: {memory: 9Gi}}]}\n",
			[]string{"Deployment x: 1440 core-hour of cpu for 1440.00 USD", "Deployment x: 1440 GiB-hour of memory for 144.00 USD"},
		},
		"InitContainers": {
			"An init container counts if it takes more than all that come after it; sidecars count beside the others.",
			deployment("", `{initContainers: [{name: proxy, image: i, restartPolicy: Always, resources: {requests: {cpu: 100m, memory: 1Gi}}},`+
				`{name: init, image: i, resources: {requests: {cpu: 100m, memory: 3Gi}}}], containers: [`+small+`]}`),
			// cores: 0.5 + 0.1 beside 0.1 + 0.1 at first; GiB: 1 + 3 at first beside 1 + 1.
			[]string{"Deployment x: 432 core-hour of cpu for 432.00 USD", "Deployment x: 2880 GiB-hour of memory for 288.00 USD"},
		},
		"Overhead": {
			"What a runtime class takes beside the containers counts.", deployment("", `{overhead: {cpu: 500m, memory: 1Gi}, containers: [`+small+`]}`),
			[]string{"Deployment x: 720 core-hour of cpu for 720.00 USD", "Deployment x: 1440 GiB-hour of memory for 144.00 USD"},
		},
		"PodResources": {
			"What the pod as a whole requests wins over the sum of its containers.",
			deployment("", `{resources: {requests: {cpu: 2}, limits: {memory: 4Gi}}, containers: [{name: main, image: i}]}`),
			[]string{"Deployment x: 1440 core-hour of cpu for 1440.00 USD", "Deployment x: 2880 GiB-hour of memory for 288.00 USD"},
		},
		"HugePages": {
			"Huge pages are memory.", deployment("", `{containers: [{name: main, image: i, resources: {limits: {cpu: 1, memory: 1Gi, hugepages-2Mi: 1Gi}}}]}`),
			[]string{"Deployment x: 720 core-hour of cpu for 720.00 USD", "Deployment x: 1440 GiB-hour of memory for 144.00 USD"},
		},
		"Autoscaler": {
			"The fewest replicas are counted, and the most are said.", deployment("", podOfSmall) +
				"---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n" + meta + "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: x}, minReplicas: 2, maxReplicas: 10}\n",
			[]string{
				"Deployment x: 720 core-hour of cpu for 720.00 USD", "Deployment x: 1440 GiB-hour of memory for 144.00 USD",
				"Deployment x not estimated: HorizontalPodAutoscaler x may run up to 10 pods; 2 are counted; at most 3456.00 USD",
			},
		},
		"Keda": {
			"What scales to nothing costs nothing at least.", deployment("", podOfSmall) +
				"---\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n" + meta + "spec: {scaleTargetRef: {name: x}, maxReplicaCount: 1, triggers: []}\n",
			[]string{"Deployment x not estimated: ScaledObject x may run up to 1 pods; 0 are counted; at most 432.00 USD"},
		},
		"StatefulSet": {
			"Each replica has volumes of its own, also before it has a pod.",
			strings.Replace(deployment("replicas: 2, serviceName: x, volumeClaimTemplates: ["+claim("data", "fast", "10Gi")+"], ", podOfSmall), "Deployment", "StatefulSet", 1),
			[]string{
				"StatefulSet x: 720 core-hour of cpu for 720.00 USD", "StatefulSet x: 1440 GiB-hour of memory for 144.00 USD",
				"StatefulSet x: 20 GiB-month of storage fast for 20.00 USD",
			},
		},
		"Claim": {
			"A volume costs something as long as it is there.",
			"apiVersion: v1\nkind: PersistentVolumeClaim\n" + meta + "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 512Mi}}}\n",
			[]string{"PersistentVolumeClaim x: 1/2 GiB-month of storage for 0.50 USD"},
		},
		"EphemeralVolume": {
			"A volume of a pod costs for as long as the pod is there: 30 minutes of 720 hours.",
			job("CronJob", `schedule: "0 0 1 * *"`, `{restartPolicy: Never, volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 720Gi}}}}}}], containers: [`+small+`]}`),
			[]string{
				"CronJob x: 1/4 core-hour of cpu for 0.25 USD", "CronJob x: 1/2 GiB-hour of memory for 0.05 USD", "CronJob x: 1/2 GiB-month of storage for 0.50 USD",
			},
		},
		"DaemonSet": {
			"How many nodes there are is not known.", strings.Replace(deployment("", podOfSmall), "Deployment", "DaemonSet", 1),
			[]string{`DaemonSet x not estimated: it runs on each node, and how many the cluster has is not known: set spec.nodes of the cluster "one"`},
		},
		"Pod": {
			"A pod that is started again always runs.", "apiVersion: v1\nkind: Pod\n" + meta + "spec: " + podOfSmall + "\n",
			[]string{"Pod x: 360 core-hour of cpu for 360.00 USD", "Pod x: 720 GiB-hour of memory for 72.00 USD"},
		},
		"PodOnce": {"A pod that ends costs nothing each month.", "apiVersion: v1\nkind: Pod\n" + meta + "spec: {restartPolicy: Never, containers: [" + small + "]}\n", nil},
		"Job":     {"A Job that runs once costs nothing each month.", job("Job", "", `{restartPolicy: Never, containers: [`+small+`]}`), nil},
		"CronJob": {
			"30 days, each half an hour.", job("CronJob", `schedule: "0 6 * * *"`, `{restartPolicy: Never, containers: [`+small+`]}`),
			[]string{"CronJob x: 15/2 core-hour of cpu for 7.50 USD", "CronJob x: 15 GiB-hour of memory for 1.50 USD"},
		},
		"CronJobOverlaps": {
			"Runs of half an hour, each quarter of an hour, are two at a time.", job("CronJob", `schedule: "*/15 * * * *"`, `{restartPolicy: Never, containers: [`+small+`]}`),
			[]string{"CronJob x: 720 core-hour of cpu for 720.00 USD", "CronJob x: 1440 GiB-hour of memory for 144.00 USD"},
		},
		"CronJobForbids": {
			"Where runs wait for each other they never are more than the month.", job("CronJob", `schedule: "*/15 * * * *", concurrencyPolicy: Forbid`, `{restartPolicy: Never, containers: [`+small+`]}`),
			[]string{"CronJob x: 360 core-hour of cpu for 360.00 USD", "CronJob x: 720 GiB-hour of memory for 72.00 USD"},
		},
		"CronJobSuspended": {"What does not start costs nothing.", job("CronJob", `schedule: "0 6 * * *", suspend: true`, `{restartPolicy: Never, containers: [`+small+`]}`), nil},
		"CronJobWrong": {
			"A schedule that cannot be read says nothing of how often it fires.", job("CronJob", `schedule: "0 6 * *"`, `{restartPolicy: Never, containers: [`+small+`]}`),
			[]string{`CronJob x not estimated: its schedule cannot be read: the schedule "0 6 * *" has 4 fields; want minute, hour, day of month, month and day of week, as in "0 6 * * *"`},
		},
		"Parallel": {
			"Pods at a time: no more than there are to be done.",
			strings.Replace(job("CronJob", `schedule: "0 0 1 * *"`, `{restartPolicy: Never, containers: [`+small+`]}`), "{spec: {template", "{spec: {parallelism: 8, completions: 4, template", 1),
			[]string{"CronJob x: 1 core-hour of cpu for 1.00 USD", "CronJob x: 2 GiB-hour of memory for 0.20 USD"},
		},
		"Deadline": {
			"No run takes longer than it may: six minutes, and not the 30 that it usually takes.",
			strings.Replace(job("CronJob", `schedule: "0 0 1 * *"`, `{restartPolicy: Never, containers: [`+small+`]}`), "{spec: {template", "{spec: {activeDeadlineSeconds: 360, template", 1),
			[]string{"CronJob x: 1/20 core-hour of cpu for 0.05 USD", "CronJob x: 1/10 GiB-hour of memory for 0.01 USD"},
		},
		"Spot": {
			"A node selector says on which machines it runs.", deployment("", `{nodeSelector: {karpenter.sh/capacity-type: spot}, containers: [`+small+`]}`),
			[]string{"Deployment x: 360 core-hour of cpu spot for 90.00 USD", "Deployment x: 720 GiB-hour of memory spot for 18.00 USD"},
		},
		"SpotByAffinity": {
			"So does a required affinity, if all of its terms agree.",
			deployment("", `{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: eks.amazonaws.com/capacityType, operator: In, values: [SPOT]}]}]}}}, containers: [`+small+`]}`),
			[]string{"Deployment x: 360 core-hour of cpu spot for 90.00 USD", "Deployment x: 720 GiB-hour of memory spot for 18.00 USD"},
		},
		"EitherByAffinity": {
			"Where it may run on both, it is priced as on demand.",
			deployment("", `{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: eks.amazonaws.com/capacityType, operator: In, values: [SPOT, ON_DEMAND]}]}]}}}, containers: [`+small+`]}`),
			[]string{"Deployment x: 360 core-hour of cpu for 360.00 USD", "Deployment x: 720 GiB-hour of memory for 72.00 USD"},
		},
		"Device": {
			"A device without a price is not free.", deployment("", `{containers: [{name: main, image: i, resources: {limits: {cpu: 1, memory: 1Gi, nvidia.com/gpu: 2}}}]}`),
			[]string{
				"Deployment x: 720 core-hour of cpu for 720.00 USD", "Deployment x: 720 GiB-hour of memory for 72.00 USD",
				`Deployment x not estimated: nvidia.com/gpu has no price in USD: set spec.rates.devices of the platform, or of the cluster "one"`,
			},
		},
		"LoadBalancer": {
			"A load balancer costs something that no rate says.", "apiVersion: v1\nkind: Service\n" + meta + "spec: {type: LoadBalancer, ports: [{port: 80}]}\n",
			[]string{"Service x not estimated: what the load balancer of a Service costs has no rate"},
		},
		"Custom": {
			"What a controller makes is not known.", "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\n" + meta + "spec: {}\n",
			[]string{"FlinkDeployment x not estimated: FlinkDeployment.flink.apache.org is a custom kind: what its controller makes of it is not known"},
		},
		"Quiet": {
			"What is known to cost nothing is not listed.", "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n" + meta + "spec: {}\n---\napiVersion: v1\nkind: ConfigMap\n" + meta, nil,
		},
		"VerticalAutoscaler": {
			"Requests that something changes are where they began.", deployment("", podOfSmall) +
				"---\napiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\n" + meta + "spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: x}}\n",
			[]string{
				"Deployment x: 360 core-hour of cpu for 360.00 USD", "Deployment x: 720 GiB-hour of memory for 72.00 USD",
				"Deployment x not estimated: a VerticalPodAutoscaler changes what it requests",
			},
		},
		"Hostile": {
			"A number that takes a second to read is not read.", deployment("", `{containers: [{name: main, image: i, resources: {requests: {cpu: "1e-9999999", memory: 1Gi}}}]}`),
			[]string{`Deployment x not estimated: its pods cannot be read: containers[0].resources: requests.cpu: "1e-9999999" is not a quantity`},
		},
		"Negative": {
			"Nothing is paid back for less than nothing.", deployment("", `{containers: [{name: main, image: i, resources: {requests: {cpu: -1, memory: 1Gi}}}]}`),
			[]string{`Deployment x not estimated: its pods cannot be read: containers[0].resources: requests.cpu: "-1" is not a quantity`},
		},
		"NoSpec": {
			"An object without pods where some belong is said.", "apiVersion: apps/v1\nkind: Deployment\n" + meta,
			[]string{"Deployment x not estimated: its pods cannot be read: it has no spec of a pod"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, said(estimate(t, objects(tc.objects), cost.Terms{}))); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
