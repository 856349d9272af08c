// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// The kinds of declaration with rules for the others.
const (
	KindPolicy     Kind = "Policy"
	KindPolicyTest Kind = "PolicyTest"
)

// Policy is a rule of the platform's own, in CEL, that declarations or rendered objects must keep.
type Policy struct {
	Metadata Metadata   `json:"metadata" required:"true"`
	Spec     PolicySpec `json:"spec" required:"true"`
}

// PolicySpec is the body of a [Policy].
type PolicySpec struct {
	// Description says what the policy is for, in a sentence.
	Description string `json:"description,omitempty"`
	// On is what the policy checks, one at a time.
	On PolicyTarget `json:"on" required:"true"`
	// Severity says what breaking the policy does; default: "deny".
	Severity Severity `json:"severity,omitempty"`
	// Match says which of them are checked; default: all.
	Match PolicyMatch `json:"match,omitzero"`
	// Variables are expressions with a name, each evaluated at most once and only if it is used, as in
	// "variables.team". One may use those above it.
	Variables []PolicyVariable `json:"variables,omitempty"`
	// Validations are what must hold: all of them.
	Validations []PolicyValidation `json:"validations" required:"true"`
}

// PolicyTarget is a kind of thing that policies check.
type PolicyTarget string

// The targets of policies.
const (
	OnProject     PolicyTarget = "project"
	OnWorkload    PolicyTarget = "workload"
	OnDataset     PolicyTarget = "dataset"
	OnEnvironment PolicyTarget = "environment"
	// OnObject is a rendered Kubernetes object.
	OnObject PolicyTarget = "object"
)

func (PolicyTarget) values() []string {
	return []string{string(OnProject), string(OnWorkload), string(OnDataset), string(OnEnvironment), string(OnObject)}
}

// PolicyTargets lists all targets.
func PolicyTargets() []PolicyTarget {
	return []PolicyTarget{OnProject, OnWorkload, OnDataset, OnEnvironment, OnObject}
}

func (Severity) values() []string { return []string{string(Deny), string(Warn)} }

// PolicyMatch says what a policy checks: what fits everything that is given.
type PolicyMatch struct {
	// Environments are the names of those that the policy is for; default: all.
	Environments []string `json:"environments,omitempty"`
	// Projects are the names of those that the policy is for; default: all.
	Projects []string `json:"projects,omitempty"`
	// Objects are the kinds of objects that a policy on objects is for: one of them must fit; default: all.
	Objects []PolicyObjects `json:"objects,omitempty"`
	// Expression is a condition in CEL; a thing for which it is false is not checked. Default: everything is checked.
	Expression string `json:"expression,omitempty"`
}

// PolicyObjects names kinds of Kubernetes objects.
type PolicyObjects struct {
	// Group is the API group, such as "apps"; default: "", which is the core group.
	Group string `json:"group,omitempty"`
	// Kinds are the kinds in it, such as "Deployment"; "*" stands for all of them.
	Kinds []string `json:"kinds" required:"true"`
}

// PolicyVariable is an expression with a name.
type PolicyVariable struct {
	// Name is a CEL identifier: letters, digits and "_".
	Name string `json:"name" required:"true"`
	// Expression is its value, in CEL.
	Expression string `json:"expression" required:"true"`
}

// PolicyValidation is one thing that must hold.
type PolicyValidation struct {
	// Expression is a condition in CEL that must be true.
	Expression string `json:"expression" required:"true"`
	// Message tells people what is wrong if the expression is false; default: it quotes the expression.
	Message string `json:"message,omitempty"`
	// MessageExpression makes the message, in CEL; it wins over Message unless it fails or is empty.
	MessageExpression string `json:"messageExpression,omitempty"`
	// Path is the field that the problem points to, such as "spec.owner"; default: the whole subject.
	Path string `json:"path,omitempty"`
}

// PolicyTest holds cases for policies: what is checked, and the expected verdicts.
type PolicyTest struct {
	Metadata Metadata       `json:"metadata" required:"true"`
	Spec     PolicyTestSpec `json:"spec" required:"true"`
}

// PolicyTestSpec is the body of a [PolicyTest].
type PolicyTestSpec struct {
	// Policies are the ids of those that are tested, such as "policy/team-label", "admission/replicas" or
	// "rego/main"; default: all there are.
	Policies []string `json:"policies,omitempty"`
	// Cases are independent of each other.
	Cases []PolicyCase `json:"cases" required:"true"`
}

// PolicyCase is one thing to check, and the expected verdicts.
type PolicyCase struct {
	// Name describes the case.
	Name string `json:"name" required:"true"`
	// Policies replaces the test's; default: the test's.
	Policies []string `json:"policies,omitempty"`
	// On is what is checked; default: "object".
	On PolicyTarget `json:"on,omitempty"`
	// Value is the declaration or object that is checked: that of a workload or dataset as it stands in its project.
	Value map[string]any `json:"value,omitempty"`
	// File is a YAML or JSON file with the value instead, relative to the test's: its first document.
	File string `json:"file,omitempty"`
	// Old is the object that is in the cluster already; default: none, the object is new.
	Old map[string]any `json:"old,omitempty"`
	// Project is the declaration of the project around the value; default: none.
	Project map[string]any `json:"project,omitempty"`
	// Workload is the workload, as it stands in its project, that an object was rendered for; default: none.
	Workload map[string]any `json:"workload,omitempty"`
	// Environment is the declaration of the environment around the value; default: none.
	Environment map[string]any `json:"environment,omitempty"`
	// Release is the release that the value belongs to; default: none.
	Release map[string]any `json:"release,omitempty"`
	// Objects are others that are there, such as the namespace, a definition of the object's kind, or parameters
	// of a ValidatingAdmissionPolicy; default: none but those beside the policies.
	Objects []map[string]any `json:"objects,omitempty"`
	// Upstream are the nodes of the DAG that the value depends on; default: none.
	Upstream []PolicyNode `json:"upstream,omitempty"`
	// Downstream are the nodes of the DAG that depend on the value; default: none.
	Downstream []PolicyNode `json:"downstream,omitempty"`
	// Expect are the expected verdicts: these and no others. A single "allow" means that there are none.
	Expect []PolicyExpectation `json:"expect" required:"true"`
}

// PolicyNode is a dataset or workload of the DAG around what is checked.
type PolicyNode struct {
	// ID is the node's, such as "orders/orders-clean@2".
	ID string `json:"id" required:"true"`
	// Kind is "dataset", "workload" or "dag".
	Kind string `json:"kind,omitempty"`
	// Project is the name of the project that has it.
	Project string `json:"project,omitempty"`
	// Owner is the owner of that project.
	Owner string `json:"owner,omitempty"`
	// Tags are the node's.
	Tags []string `json:"tags,omitempty"`
}

// PolicyExpectation is an expected verdict.
type PolicyExpectation struct {
	// Policy is the id of the policy that it comes from; default: any.
	Policy string `json:"policy,omitempty"`
	// Verdict is the outcome of an evaluation.
	Verdict PolicyVerdict `json:"verdict" required:"true"`
	// Message is a part of the verdict's message; default: any message.
	Message string `json:"message,omitempty"`
	// Exactly is the whole message instead.
	Exactly string `json:"exactly,omitempty"`
}

// PolicyVerdict is the outcome of an evaluation.
type PolicyVerdict string

// The verdicts.
const (
	// VerdictAllow is no problem at all.
	VerdictAllow PolicyVerdict = "allow"
	// VerdictWarn is a problem that changes nothing.
	VerdictWarn PolicyVerdict = "warn"
	// VerdictDeny is a problem that refuses the commit.
	VerdictDeny PolicyVerdict = "deny"
	// VerdictError is a policy that could not be evaluated, which also refuses the commit.
	VerdictError PolicyVerdict = "error"
)

func (PolicyVerdict) values() []string {
	return []string{string(VerdictAllow), string(VerdictWarn), string(VerdictDeny), string(VerdictError)}
}
