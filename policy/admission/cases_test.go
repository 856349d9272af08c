// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"fmt"
	"strings"
)

// parityCase is an object, and the policies that it is applied under. What the API server says of it is asked of a real one;
// want is what it said, so that the cases also hold without a cluster.
type parityCase struct {
	name   string
	reason string
	// policies are ValidatingAdmissionPolicies, bindings and parameters. "NAME" is a name of the case's own, and "NS" its namespace.
	policies string
	// others are objects that are there before: namespaces and definitions.
	others string
	old    string
	object string
	// want is what the API server says: nothing, "deny: …" or "warn: …" with a part of the message.
	want string
	// alone reports whether no API server can be asked: those of today do not serve the version.
	alone bool
}

// vap writes a policy on kinds of resources, with a binding that denies.
func vap(resources, rest string) string {
	return vapBound(resources, rest, "validationActions: [Deny]")
}

func vapBound(resources, rest, binding string) string {
	group, names, _ := strings.Cut(resources, "/")
	return fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAME}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}
    resourceRules: [{apiGroups: ["%s"], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [%s]}]
  %s
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAME-binding}
spec:
  policyName: NAME
  %s
`, group, names, strings.ReplaceAll(strings.TrimSpace(rest), "\n", "\n  "), strings.ReplaceAll(strings.TrimSpace(binding), "\n", "\n  "))
}

const (
	configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: NS, labels: {app: web}}\ndata: {theme: dark, count: \"3\"}\n"
	limits    = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: limits, namespace: NS, labels: {for: policy}}\ndata: {theme: light}\n"
	deploy    = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NS, labels: {app: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "web:v1", ports: [{containerPort: 80}], resources: {limits: {cpu: 1000m, memory: 1Gi}}}
`
	widgets = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.NS.example.org}
spec:
  group: NS.example.org
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, default: {}, properties: {size: {type: integer, default: 3}, color: {type: string}}}}}}
    - name: v1beta1
      served: true
      storage: false
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, default: {}, properties: {size: {type: integer, default: 3}, color: {type: string}}}}}}
`
	widget = "apiVersion: NS.example.org/v1\nkind: Widget\nmetadata: {name: w, namespace: NS}\nspec: {color: red}\n"
)

// parityCases are asked of a real API server by TestParity, and of nobody by TestCases.
var parityCases = []parityCase{
	{name: "holds", reason: "what holds is admitted", policies: vap("/configmaps", "validations: [{expression: 'object.data.theme == \"dark\"'}]"), object: configMap},
	{name: "message", reason: "the message is the policy's", policies: vap("/configmaps", "validations: [{expression: 'object.data.theme != \"dark\"', message: too dark}]"), object: configMap, want: "deny: too dark"},
	{name: "nomessage", reason: "without one it is the expression", policies: vap("/configmaps", "validations: [{expression: ' object.data.theme != \"dark\" '}]"), object: configMap, want: `deny: failed expression: object.data.theme != "dark"`},
	{name: "msgexpr", reason: "an expression makes it", policies: vap("/configmaps", "validations: [{expression: 'false', message: m, messageExpression: '\"is \" + object.data.theme'}]"), object: configMap, want: "deny: is dark"},
	{name: "msgexprfails", reason: "one that fails leaves it to the text", policies: vap("/configmaps", "validations: [{expression: 'false', message: m, messageExpression: 'string(object.data.none)'}]"), object: configMap, want: "deny: m"},
	{name: "msgexprlines", reason: "so does one of several lines", policies: vap("/configmaps", "validations: [{expression: 'false', message: m, messageExpression: '\"a\\nb\"'}]"), object: configMap, want: "deny: m"},
	{name: "second", reason: "every validation counts", policies: vap("/configmaps", "validations: [{expression: 'true'}, {expression: 'false', message: second}]"), object: configMap, want: "deny: second"},
	{name: "error", reason: "a field that is not there is an error, which denies", policies: vap("/configmaps", "validations: [{expression: 'object.data.none == \"\"'}]"), object: configMap, want: `deny: expression 'object.data.none == ""' resulted in error: no such key: none`},
	{name: "errorignored", reason: "unless failures are ignored", policies: vap("/configmaps", "failurePolicy: Ignore\nvalidations: [{expression: 'object.data.none == \"\"'}]"), object: configMap},
	{name: "ignoredsays", reason: "which ignores no verdict", policies: vap("/configmaps", "failurePolicy: Ignore\nvalidations: [{expression: 'false', message: m}]"), object: configMap, want: "deny: m"},
	{name: "warn", reason: "a binding that warns", policies: vapBound("/configmaps", "validations: [{expression: 'false', message: careful}]", "validationActions: [Warn]"), object: configMap, want: "warn: careful"},
	{name: "warnerror", reason: "warns of an error too", policies: vapBound("/configmaps", "validations: [{expression: 'object.data.none == \"\"'}]", "validationActions: [Warn, Audit]"), object: configMap, want: `warn: expression 'object.data.none == ""' resulted in error: no such key: none`},
	{name: "audit", reason: "a binding that tells the audit log admits", policies: vapBound("/configmaps", "validations: [{expression: 'false'}]", "validationActions: [Audit]"), object: configMap},
	{name: "otherkind", reason: "another kind is not checked", policies: vap("/secrets", "validations: [{expression: 'false'}]"), object: configMap},
	{name: "allkinds", reason: "a star is every kind of a group", policies: vap("/'*'", "validations: [{expression: 'false', message: m}]"), object: configMap, want: "deny: m"},
	{name: "othergroup", reason: "and of that group only", policies: vap("apps/'*'", "validations: [{expression: 'false'}]"), object: configMap},
	{
		name: "objectselector", reason: "labels that do not fit", object: configMap,
		policies: strings.Replace(vap("/configmaps", "validations: [{expression: 'false'}]"), "    resourceRules", "    objectSelector: {matchLabels: {app: api}}\n    resourceRules", 1),
	},
	{
		name: "objectselected", reason: "labels that fit", object: configMap, want: "deny: m",
		policies: strings.Replace(vap("/configmaps", "validations: [{expression: 'false', message: m}]"), "    resourceRules", "    objectSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}\n    resourceRules", 1),
	},
	{
		name: "excluded", reason: "what is excluded is not checked", object: configMap,
		policies: strings.Replace(vap("/configmaps", "validations: [{expression: 'false'}]"), "    resourceRules", "    excludeResourceRules: [{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [configmaps], resourceNames: [settings]}]\n    resourceRules", 1),
	},
	{
		name: "named", reason: "nor what has another name", object: configMap,
		policies: strings.Replace(vap("/configmaps", "validations: [{expression: 'false'}]"), "resources: [configmaps]", "resources: [configmaps], resourceNames: [other]", 1),
	},
	{
		name: "clusterscope", reason: "nor what is in a namespace, by rules for what is not", object: configMap,
		policies: strings.Replace(vap("/configmaps", "validations: [{expression: 'false'}]"), "resources: [configmaps]", "resources: [configmaps], scope: Cluster", 1),
	},
	{
		name: "update", reason: "a rule for new objects does not check old ones", object: configMap, old: configMap,
		policies: strings.Replace(vap("/configmaps", "validations: [{expression: 'false'}]"), "operations: [CREATE, UPDATE]", "operations: [CREATE]", 1),
	},
	{
		name: "oldobject", reason: "the old object is there", object: configMap, old: strings.Replace(configMap, "dark", "light", 1), want: "deny: was light",
		policies: vap("/configmaps", "validations: [{expression: 'oldObject == null || oldObject.data.theme == object.data.theme', messageExpression: '\"was \" + oldObject.data.theme'}]"),
	},
	{name: "created", reason: "and null for a new one", object: configMap, policies: vap("/configmaps", "validations: [{expression: 'oldObject == null && request.operation == \"CREATE\"'}]")},
	{name: "updated", reason: "an update is one", object: configMap, old: configMap, policies: vap("/configmaps", "validations: [{expression: 'oldObject != null && request.operation == \"UPDATE\"'}]")},
	{name: "conditions", reason: "a condition that does not hold", object: configMap, policies: vap("/configmaps", "matchConditions: [{name: light, expression: 'object.data.theme == \"light\"'}]\nvalidations: [{expression: 'false'}]")},
	{name: "conditionsmet", reason: "conditions that hold", object: configMap, want: "deny: m", policies: vap("/configmaps", "matchConditions: [{name: dark, expression: 'object.data.theme == \"dark\"'}, {name: three, expression: 'object.data.count == \"3\"'}]\nvalidations: [{expression: 'false', message: m}]")},
	{name: "conditionfails", reason: "a condition that fails denies", object: configMap, want: "deny: expression 'object.data.none == 1' resulted in error: no such key: none", policies: vap("/configmaps", "matchConditions: [{name: none, expression: 'object.data.none == 1'}]\nvalidations: [{expression: 'true'}]")},
	{name: "conditionfalsewins", reason: "unless another does not hold", object: configMap, policies: vap("/configmaps", "matchConditions: [{name: none, expression: 'object.data.none == 1'}, {name: never, expression: 'false'}]\nvalidations: [{expression: 'false'}]")},
	{name: "variables", reason: "variables use each other", object: configMap, want: "deny: dark!", policies: vap("/configmaps", "variables: [{name: theme, expression: object.data.theme}, {name: loud, expression: 'variables.theme + \"!\"'}]\nvalidations: [{expression: 'variables.theme == \"light\"', messageExpression: variables.loud}]")},
	{name: "variablefails", reason: "one that fails", object: configMap, want: `deny: expression 'variables.x == ""' resulted in error: composited variable "x" fails to evaluate: no such key: none`, policies: vap("/configmaps", "variables: [{name: x, expression: object.data.none}]\nvalidations: [{expression: 'variables.x == \"\"'}]")},
	{name: "request", reason: "what the request says", object: deploy, policies: vap("apps/deployments", `validations: [{expression: 'request.kind.kind == "Deployment" && request.resource.resource == "deployments" && request.resource.group == "apps" && request.namespace == "NS" && request.name == "web" && request.operation == "CREATE"'}]`)},
	{name: "namespace", reason: "what the namespace says", object: configMap, want: "deny: m", policies: vap("/configmaps", "validations: [{expression: 'namespaceObject.metadata.name != \"NS\" || namespaceObject.metadata.labels[\"stage\"] != \"test\"', message: m}]")},
	{
		name: "nsselector", reason: "labels of the namespace that do not fit", object: configMap,
		policies: strings.Replace(vap("/configmaps", "validations: [{expression: 'false'}]"), "metadata.name: NS}", "metadata.name: NS, stage: prod}", 1),
	},
	{
		name: "bindingmatch", reason: "a binding has its own rules", object: configMap,
		policies: vapBound("/configmaps", "validations: [{expression: 'false'}]", "validationActions: [Deny]\nmatchResources: {objectSelector: {matchLabels: {app: api}}}"),
	},
	{
		name: "params", reason: "parameters by their name", object: configMap, want: "deny: light, not dark",
		policies: vapBound("/configmaps", "paramKind: {apiVersion: v1, kind: ConfigMap}\nvalidations: [{expression: 'object.metadata.name == \"limits\" || object.data.theme == params.data.theme', messageExpression: 'params.data.theme + \", not \" + object.data.theme'}]",
			"validationActions: [Deny]\nparamRef: {name: limits, namespace: NS, parameterNotFoundAction: Deny}") + limits,
	},
	{
		name: "paramsselected", reason: "or by their labels, in the namespace of the object", object: configMap, want: "deny: m",
		policies: vapBound("/configmaps", "paramKind: {apiVersion: v1, kind: ConfigMap}\nvalidations: [{expression: 'object.metadata.name == \"limits\" || object.data.theme == params.data.theme', message: m}]",
			"validationActions: [Deny]\nparamRef: {selector: {matchLabels: {for: policy}}, parameterNotFoundAction: Deny}") + limits,
	},
	{
		name: "paramsmissing", reason: "without parameters it is denied, if the binding says so", object: configMap, want: "deny: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
		policies: vapBound("/configmaps", "paramKind: {apiVersion: v1, kind: ConfigMap}\nvalidations: [{expression: 'true'}]", "validationActions: [Deny]\nparamRef: {name: none, namespace: NS, parameterNotFoundAction: Deny}"),
	},
	{
		name: "paramsmissingok", reason: "and admitted otherwise", object: configMap,
		policies: vapBound("/configmaps", "paramKind: {apiVersion: v1, kind: ConfigMap}\nvalidations: [{expression: 'false'}]", "validationActions: [Deny]\nparamRef: {name: none, namespace: NS, parameterNotFoundAction: Allow}"),
	},
	{
		name: "paramsunused", reason: "a binding without any leaves them null", object: configMap, want: "deny: none",
		policies: vap("/configmaps", "paramKind: {apiVersion: v1, kind: ConfigMap}\nvalidations: [{expression: 'params != null', message: none}]"),
	},
	{name: "quantities", reason: "a quantity is written in its shortest form", object: deploy, policies: vap("apps/deployments", `validations: [{expression: 'object.spec.template.spec.containers.all(c, c.resources.limits.cpu == "1" && quantity(c.resources.limits.memory).isGreaterThan(quantity("512Mi")))'}]`)},
	{name: "replicas", reason: "fields that were left out have their defaults", object: deploy, want: "deny: 1", policies: vap("apps/deployments", `validations: [{expression: 'object.spec.replicas > 1', messageExpression: 'string(object.spec.replicas)'}]`)},
	{
		name: "poddefaults", reason: "deep in a pod too", object: deploy,
		policies: vap("apps/deployments", `validations: [{expression: 'object.spec.template.spec.restartPolicy == "Always" && object.spec.template.spec.containers[0].imagePullPolicy == "IfNotPresent" && object.spec.template.spec.containers[0].ports[0].protocol == "TCP" && object.spec.strategy.rollingUpdate.maxSurge == "25%" && object.spec.template.spec.dnsPolicy == "ClusterFirst"'}]`),
	},
	{name: "requestsdefault", reason: "limits are requests in a pod, not in its template", object: deploy, want: "deny: expression 'object.spec.template.spec.containers[0].resources.requests.cpu != \"1\"' resulted in error: no such key: requests", policies: vap("apps/deployments", `validations: [{expression: 'object.spec.template.spec.containers[0].resources.requests.cpu != "1"', messageExpression: 'string(object.spec.template.spec.containers[0].resources.requests.cpu)'}]`)},
	{name: "unset", reason: "what has no default is not there", object: deploy, policies: vap("apps/deployments", `validations: [{expression: '!has(object.spec.template.spec.hostNetwork) && !has(object.spec.paused) && !has(object.metadata.annotations)'}]`)},
	{name: "empty", reason: "what is empty and always written is there", object: deploy, policies: vap("apps/deployments", `validations: [{expression: 'has(object.spec.template.spec.securityContext) && has(object.spec.strategy)'}]`)},
	{name: "libraries", reason: "the functions of the API server", object: configMap, policies: vap("/configmaps", `validations: [{expression: 'isIP("10.0.0.1") && url("https://a/b").getHost() == "a" && "x1".find("[0-9]") == "1" && cidr("10.0.0.0/8").containsIP("10.1.2.3") && !format.dns1123Label().validate("a").hasValue() && [1, 2].sum() == 3'}]`)},
	{name: "cost", reason: "what costs too much is an error", object: configMap, want: "deny: resulted in error: operation cancelled: actual cost limit exceeded", policies: vap("/configmaps", `validations: [{expression: '[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, a + b + c + d + e + f > 0))))))'}]`)},
	{name: "custom", reason: "a custom resource by its definition", others: widgets, object: widget, want: "deny: red 3", policies: vap("NS.example.org/widgets", `validations: [{expression: 'false', messageExpression: 'object.spec.color + " " + string(object.spec.size)'}]`)},
	{
		name: "customversion", reason: "in the version that a policy names", others: widgets, object: strings.Replace(widget, "example.org/v1", "example.org/v1beta1", 1), want: "deny: NS.example.org/v1",
		policies: strings.Replace(vap("NS.example.org/widgets", `validations: [{expression: 'false', messageExpression: 'string(object.apiVersion)'}]`), `apiVersions: ["*"]`, `apiVersions: ["v1"]`, 1),
	},
	{
		name: "customexact", reason: "unless it wants that version only", others: widgets, object: strings.Replace(widget, "example.org/v1", "example.org/v1beta1", 1),
		policies: strings.Replace(strings.Replace(vap("NS.example.org/widgets", `validations: [{expression: 'false'}]`), `apiVersions: ["*"]`, `apiVersions: ["v1"]`, 1), "    resourceRules", "    matchPolicy: Exact\n    resourceRules", 1),
	},
	{
		name: "annotations", reason: "an annotation for the audit log that fails denies", object: configMap, want: "deny: expression 'string(object.data.none)' resulted in error: no such key: none",
		policies: vap("/configmaps", "auditAnnotations: [{key: none, valueExpression: string(object.data.none)}]\nvalidations: [{expression: 'true'}]"),
	},
	{name: "dropped", reason: "the status is not the applier's to write", object: deploy + "status: {replicas: 7}\n", policies: vap("apps/deployments", `validations: [{expression: '!has(object.status.replicas)'}]`)},
	{name: "beta", alone: true, reason: "policies of the beta", object: configMap, want: "deny: m", policies: strings.ReplaceAll(vap("/configmaps", "validations: [{expression: 'false', message: m}]"), "admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v1beta1")},
}
