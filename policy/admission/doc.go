// SPDX-License-Identifier: Apache-2.0

// Package admission checks rendered objects against ValidatingAdmissionPolicies, as the API server does and with its library, so that
// a pull request and the cluster give the same answer.
//
// Policies, bindings and parameters are taken as they stand in YAML files. An object is checked as the API server would check
// the request that applies it: CREATE, or UPDATE if it is in the cluster already.
//
// The API server checks an object after it has filled in what was left out, and before anybody else has. Kubernetes' own defaults
// live in k8s.io/kubernetes, which cannot be imported; those of the kinds that blueprints render are set here (defaults*.go),
// and a test holds them against a real API server. For other built-in kinds, fields that were left out are not there. Custom
// resources get the defaults of their definition, if it is among the objects. What the API server makes up is not there
// either: metadata.uid, creationTimestamp, generation and managedFields.
//
// What only the cluster knows cannot be checked, and is refused: what the authorizer says; who the request comes from, unless
// [World] says so; a namespace that is not among the objects, beyond its name. So is an object of a built-in kind that
// a policy names in another version. A failurePolicy of Ignore lets pass what the API server fails to evaluate, not that.
//
// Work is bounded as in the API server, by its costs; single calls are bounded before they are made (policy/cel/guard), and the
// context ends an evaluation. Messages, and the numbers of policies, bindings and parameters, are bounded too.
//
// The package is pure. Of Trunkline it may import api, policy/subject and policy/cel/guard.
package admission

const (
	// MaxPolicies bounds the policies of all folders, and the bindings.
	MaxPolicies = 1_000
	// MaxParams bounds the parameters of one binding that an object is checked against.
	MaxParams = 100
	// MaxExpressions bounds the expressions of one policy.
	MaxExpressions = 256
	// MaxExpressionBytes bounds one expression.
	MaxExpressionBytes = 32 << 10
)
