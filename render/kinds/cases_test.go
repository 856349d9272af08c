// SPDX-License-Identifier: Apache-2.0

package kinds_test

// object is an object of the table: whether an API server takes it is asked of a real one, too.
type object struct {
	reason string
	// yaml is the object; %s is a namespace where one is named.
	yaml string
	// want are the faults, each as "path: message"; none of an object that is taken.
	want []string
	// later says that a real API server refuses the object in any case, for what its values mean: which is no matter of types.
	later bool
}

const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {matchLabels: {a: b}}\n"

const container = "  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n      - {name: c, image: x"

var objects = []object{
	{reason: "a plain Deployment", yaml: deployment + container + "}\n"},
	{reason: "a number in quotes", yaml: deployment + "  replicas: \"2\"\n" + container + "}\n", want: []string{
		`spec.replicas: has to be a number, and is the text "2" (write it without quotes)`,
	}},
	{reason: "a field that is misspelt", yaml: deployment + "  replica: 2\n" + container + "}\n", want: []string{
		`spec.replica: is no field of spec in apps/v1 Deployment, by Kubernetes 1.37 (did you mean "replicas"?)`,
	}},
	{reason: "a field of the top", yaml: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nspec: {}\n", want: []string{
		`spec: is no field of v1 ConfigMap, by Kubernetes 1.37 (want one of: apiVersion, binaryData, data, immutable, kind, metadata)`,
	}},
	{reason: "several at once, of several kinds", yaml: deployment + "  replicas: \"2\"\n  paused: \"true\"\n  strategi: {}\n" + container + ", command: sh}\n", want: []string{
		`spec.paused: has to be true or false, and is the text "true" (write it without quotes)`,
		`spec.replicas: has to be a number, and is the text "2" (write it without quotes)`,
		`spec.strategi: is no field of spec in apps/v1 Deployment, by Kubernetes 1.37 (did you mean "strategy"?)`,
		`spec.template.spec.containers[0].command: has to be a list, and is the text "sh"`,
	}},
	{reason: "a field in the wrong letter case", yaml: deployment + "  Replicas: 2\n" + container + "}\n", want: []string{
		`spec.Replicas: is no field of spec in apps/v1 Deployment, by Kubernetes 1.37 (did you mean "replicas"?)`,
	}},
	{reason: "a fraction for a whole number", yaml: deployment + "  replicas: 1.5\n" + container + "}\n", want: []string{
		`spec.replicas: cannot be read: it has to be a whole number`,
	}},
	{reason: "a whole number as a fraction", yaml: deployment + "  replicas: 2.0\n" + container + "}\n"},
	{reason: "a number for a text", yaml: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {port: 80, on: \"x\", flag: true}\n", want: []string{
		`data.flag: has to be a text, and is the truth value true (put it in quotes)`,
		`data.port: has to be a text, and is the number 80 (put it in quotes)`,
	}},
	{reason: "a variable that is a number", yaml: deployment + container + ", env: [{name: A, value: 1}]}\n", want: []string{
		`spec.template.spec.containers[0].env[0].value: has to be a text, and is the number 1 (put it in quotes)`,
	}},
	{reason: "a variable twice", yaml: deployment + container + ", env: [{name: A, value: a}, {name: B}, {name: A, value: b}]}\n", want: []string{
		`spec.template.spec.containers[0].env[2]: has the same name as item 0, and only one of them can be applied (remove one of them)`,
	}},
	{reason: "a port twice, once with the protocol that is meant anyway", yaml: deployment + container + ", ports: [{name: a, containerPort: 80}, {name: b, containerPort: 80, protocol: TCP}]}\n", want: []string{
		`spec.template.spec.containers[0].ports[1]: has the same containerPort and protocol as item 0, and only one of them can be applied (remove one of them)`,
	}},
	{reason: "a port for two protocols", yaml: deployment + container + ", ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]}\n"},
	{reason: "a container without a name", yaml: deployment + "  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers: [{image: x}]\n", later: true},
	{reason: "an item without what it is told apart by", yaml: deployment + container + "}\n      hostAliases: [{hostnames: [a]}]\n", later: true},
	{reason: "one that has no default either", yaml: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nsecrets: [{kind: Secret}]\n", want: []string{
		`secrets[0]: has no name, by which the items of this list are told apart`,
	}},
	{reason: "an item that is null", yaml: deployment + "  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers: [{name: c, image: x}, null]\n", want: []string{
		`spec.template.spec.containers[1]: is null, and an item of this list cannot be (remove it)`,
	}},
	{reason: "a finalizer twice, in a set", yaml: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, finalizers: [a.b/c, a.b/c]}\n", want: []string{
		`metadata.finalizers[1]: is the same as item 0, and only one of them can be applied (remove one of them)`,
	}},
	{reason: "fields that are null", yaml: deployment + "  replicas: null\n  strategy: null\n" + container + ", env: null, command: null, resources: {limits: null}}\n"},
	{reason: "a status and a time that a client wrote", yaml: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, creationTimestamp: null}\nstatus: {}\nspec:\n  selector: {matchLabels: {a: b}}\n" + container + ", resources: {}}\n"},
	{reason: "a quantity as a number, and a fraction", yaml: deployment + container + ", resources: {limits: {cpu: 1, memory: 1000000}, requests: {cpu: 0.5}}}\n"},
	{reason: "a quantity that is none", yaml: deployment + container + ", resources: {limits: {memory: 1 GB}}}\n", want: []string{
		`spec.template.spec.containers[0].resources.limits.memory: cannot be read: it is no quantity: write it like "500m" or "1Gi"`,
	}},
	{reason: "a quantity that is a truth value", yaml: deployment + container + ", resources: {limits: {cpu: true}}}\n", want: []string{
		`spec.template.spec.containers[0].resources.limits.cpu: cannot be read: it is no quantity: write it like "500m" or "1Gi"`,
	}},
	{reason: "a quantity in quotes", yaml: "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 8Gi}}}\n"},
	{reason: "a port by number and by name", yaml: "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: http}]}\n"},
	{reason: "a port that is a truth value", yaml: "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, targetPort: true}]}\n", want: []string{
		`spec.ports[0].targetPort: cannot be read: it has to be a number or a text`,
	}},
	{reason: "a port that is a text", yaml: "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: \"80\"}]}\n", want: []string{
		`spec.ports[0].port: has to be a number, and is the text "80" (write it without quotes)`,
	}},
	{reason: "a mapping where a list is wanted", yaml: "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: {port: 80}}\n", want: []string{
		`spec.ports: has to be a list, and is a mapping`,
	}},
	{reason: "a share that is a number or a percentage", yaml: "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\nspec: {minAvailable: 50%, selector: {}}\n"},
	{reason: "bytes that are none", yaml: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: \"plain text!\"}\n", want: []string{
		`data.password: cannot be read: it has to be in base64; a Secret takes plain text in stringData`,
	}},
	{reason: "a value of a Secret is not told", yaml: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 1234}\n", want: []string{
		`stringData.pin: has to be a text, and is a number (put it in quotes)`,
	}},
	{reason: "a Secret", yaml: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: Opaque\ndata: {a: YQ==, b: \"\"}\nstringData: {c: d}\n"},
	{reason: "a Job with a time that is none", yaml: "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec:\n  activeDeadlineSeconds: 10m\n" +
		"  template: {spec: {restartPolicy: Never, containers: [{name: c, image: x}]}}\n", want: []string{
		`spec.activeDeadlineSeconds: has to be a number, and is the text "10m"`,
	}},
	{reason: "a CronJob", yaml: "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec:\n  schedule: \"@daily\"\n  suspend: false\n" +
		"  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: x}]}}}}\n"},
	{reason: "an Ingress of today", yaml: "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec:\n  rules:\n" +
		"  - {host: a.b, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}\n"},
	{reason: "an Ingress with the fields of before", yaml: "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec:\n  rules:\n" +
		"  - {host: a.b, http: {paths: [{path: /, backend: {serviceName: a, servicePort: 80}}]}}\n", want: []string{
		`spec.rules[0].http.paths[0].backend.serviceName: is no field of spec.rules[0].http.paths[0].backend in networking.k8s.io/v1 Ingress, by Kubernetes 1.37 (did you mean "service"?)`,
		`spec.rules[0].http.paths[0].backend.servicePort: is no field of spec.rules[0].http.paths[0].backend in networking.k8s.io/v1 Ingress, by Kubernetes 1.37 (did you mean "service"?)`,
	}},
	{reason: "an autoscaler", yaml: "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: a, apiVersion: apps/v1}, " +
		"metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]}\n"},
	{reason: "a version that is gone, of a group that is gone", yaml: "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}\nspec: {}\n", want: []string{
		`apiVersion: is extensions/v1beta1, and Kubernetes has no Ingress of that version since 1.22 (it is networking.k8s.io/v1 now: write that, and look at the fields, which may be others; ` +
			`if the cluster has another version of Kubernetes, say so in spec.kubeVersion of its declaration)`,
	}},
	{reason: "a version that is gone", yaml: "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\nspec: {}\n", want: []string{
		`apiVersion: is policy/v1beta1, and Kubernetes has no PodDisruptionBudget of that version since 1.25 (it is policy/v1 now: write that, and look at the fields, which may be others; ` +
			`if the cluster has another version of Kubernetes, say so in spec.kubeVersion of its declaration)`,
	}},
	{reason: "a version that is gone from the sources, too", yaml: "apiVersion: autoscaling/v2beta2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\nspec: {}\n", want: []string{
		`apiVersion: is autoscaling/v2beta2, and Kubernetes has no HorizontalPodAutoscaler of that version (it is autoscaling/v2 now: write that, and look at the fields, which may be others)`,
	}},
	{reason: "a kind of another group", yaml: "apiVersion: v1\nkind: Deployment\nmetadata: {name: a}\n", want: []string{
		`apiVersion: is v1, and Kubernetes has no Deployment of that version (it is apps/v1 now: write that, and look at the fields, which may be others)`,
	}},
	{reason: "a kind that is misspelt", yaml: "apiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: a}\n", want: []string{
		`kind: is Deploymnet, and Kubernetes has no such kind in apps/v1 (did you mean "Deployment"?)`,
	}},
	{reason: "a version that there never was", yaml: "apiVersion: batch/v3\nkind: Jobs\nmetadata: {name: a}\n", want: []string{
		`apiVersion: is batch/v3, and Kubernetes has no such version (did you mean "batch/v1"?)`,
	}},
	{reason: "a definition", yaml: "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: tests.a.example}\nspec:\n  group: a.example\n  scope: Namespaced\n" +
		"  names: {kind: Test, plural: tests, singular: test, listKind: TestList}\n  versions:\n  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true, " +
		"properties: {spec: {type: object, additionalProperties: {type: string}, default: {a: b}}}}}}\n"},
	{reason: "a definition with a truth value in quotes", yaml: "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: others.a.example}\nspec:\n  group: a.example\n  scope: Namespaced\n" +
		"  names: {kind: Other, plural: others}\n  versions: [{name: v1, served: \"true\", storage: true, schema: {openAPIV3Schema: {type: object}}}]\n", want: []string{
		`spec.versions[0].served: cannot be read: it has to be true or false`,
	}},
	{reason: "a definition with fields that are misspelt", yaml: "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: others.a.example}\nspec:\n  group: a.example\n  scope: Namespaced\n" +
		"  skope: {a: {b: c}}\n  names: {kind: Other, plural: others}\n  versions: [{name: v1, servd: true, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n", want: []string{
		`spec.skope: is no field of apiextensions.k8s.io/v1 CustomResourceDefinition, by Kubernetes 1.37`,
		`spec.versions[0].servd: is no field of apiextensions.k8s.io/v1 CustomResourceDefinition, by Kubernetes 1.37`,
	}},
	{reason: "a definition as it was before", yaml: "apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata: {name: others.a.example}\n", want: []string{
		`apiVersion: is apiextensions.k8s.io/v1beta1, and Kubernetes has no CustomResourceDefinition of that version since 1.22 (it is apiextensions.k8s.io/v1 now: write that, and look at the fields, which may be others; ` +
			`if the cluster has another version of Kubernetes, say so in spec.kubeVersion of its declaration)`,
	}},
	{reason: "a kind of an add-on", yaml: "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\nspec: {anything: goes}\n", later: true},
	{reason: "a kind that an add-on has in a group like those of Kubernetes", yaml: "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec: {}\n", later: true},
	{reason: "what is wrong with its values only", yaml: deployment + "  replicas: -1\n" + container + ", imagePullPolicy: Sometimes}\n", later: true},
	{reason: "a role", yaml: "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\nrules: [{apiGroups: [\"\"], resources: [pods], verbs: [get]}]\n"},
	{reason: "rules in a role that are a mapping", yaml: "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}\nrules: {apiGroups: [\"\"], resources: [pods], verbs: [get]}\n", want: []string{
		`rules: has to be a list, and is a mapping`,
	}},
	{reason: "what old clients wrote into volumes", yaml: "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: a}\nspec:\n  serviceName: a\n  selector: {matchLabels: {a: b}}\n" + container + "}\n" +
		"  volumeClaimTemplates: [{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d, creationTimestamp: null}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}, status: {phase: Pending}}]\n"},
	{reason: "a field of before that is still taken", yaml: deployment + "  template:\n    metadata: {labels: {a: b}}\n    spec: {serviceAccount: default, containers: [{name: c, image: x}]}\n"},
	{reason: "a security context of a pod in that of a container", yaml: deployment + container + ", securityContext: {fsGroup: 1000}}\n", want: []string{
		`spec.template.spec.containers[0].securityContext.fsGroup: is no field of spec.template.spec.containers[0].securityContext in apps/v1 Deployment, by Kubernetes 1.37 (want one of: allowPrivilegeEscalation, appArmorProfile, capabilities, privileged, procMount, ` +
			`readOnlyRootFilesystem, runAsGroup, runAsNonRoot, runAsUser, seLinuxOptions, seccompProfile, windowsOptions)`,
	}},
	{reason: "a field two columns off", yaml: deployment + container + "}\n      resources: {}\n      imagePullPolicy: Always\n", want: []string{
		`spec.template.spec.imagePullPolicy: is no field of spec.template.spec in apps/v1 Deployment, by Kubernetes 1.37 (did you mean "imagePullSecrets"?)`,
	}},
}
