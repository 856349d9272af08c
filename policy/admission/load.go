// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

// rule is what problems of the files themselves have as their rule.
const rule = "admission"

// The kinds of policies and bindings.
const (
	group       = "admissionregistration.k8s.io"
	policyKind  = "ValidatingAdmissionPolicy"
	bindingKind = "ValidatingAdmissionPolicyBinding"
)

// Set is all ValidatingAdmissionPolicies of a platform, compiled. It may be used by several goroutines.
type Set struct {
	kinds    *kinds
	policies []*policy
	params   []*unstructured.Unstructured
	// own are the definitions that stand with the policies.
	own *World
}

// policy is a policy with its bindings, ordered by name.
type policy struct {
	id        string
	declared  *admissionregistrationv1.ValidatingAdmissionPolicy
	at        subject.Document
	validator *validator
	bindings  []binding
	// needs is what its expressions ask for that may not be known.
	needs needs
}

type binding struct {
	declared *admissionregistrationv1.ValidatingAdmissionPolicyBinding
	at       subject.Document
}

// ID is that of a policy in reports and settings: "admission/" and its name.
func ID(name string) string { return rule + "/" + name }

// IDs returns the policies of the set.
func (s *Set) IDs() []string {
	out := make([]string, len(s.policies))
	for i, p := range s.policies {
		out[i] = p.id
	}
	return out
}

// Load compiles the ValidatingAdmissionPolicies in the YAML and JSON files of policy folders, with their bindings; other
// objects in them may be parameters. Nil comes with the problems that deny it; a set without policies says nothing.
func Load(folders []subject.Folder) (*Set, v1alpha1.Problems) {
	l := &loader{policies: map[string]*policy{}, bindings: map[string]binding{}}
	var err error
	if l.compiler, err = newCompiler(); err != nil {
		l.report(nil, rule, err.Error(), "")
		return nil, l.problems
	}
	set := &Set{}
	if set.kinds, err = newKinds(); err != nil {
		l.report(nil, rule, err.Error(), "")
		return nil, l.problems
	}
	for _, folder := range folders {
		for _, file := range slices.SortedFunc(slices.Values(folder.Files), func(a, b subject.File) int { return cmp.Compare(a.Path, b.Path) }) {
			l.file(file)
		}
	}
	l.bind()
	if l.problems.Denied() {
		l.problems.Sort()
		return nil, l.problems
	}
	for _, p := range l.policies {
		slices.SortFunc(p.bindings, func(a, b binding) int { return cmp.Compare(a.declared.Name, b.declared.Name) })
		set.policies = append(set.policies, p)
	}
	slices.SortFunc(set.policies, func(a, b *policy) int { return cmp.Compare(a.id, b.id) })
	set.own = NewWorld(l.others, l.others, nil)
	set.params = set.own.params
	return set, l.problems
}

type loader struct {
	compiler *compiler
	policies map[string]*policy
	bindings map[string]binding
	others   []map[string]any
	problems v1alpha1.Problems
}

func (l *loader) report(doc *subject.Document, id, message, hint string, path ...any) {
	p := v1alpha1.Problem{Rule: id, Severity: v1alpha1.Deny, Message: message, Hint: hint, Path: v1alpha1.FieldPath(path...)}
	if doc != nil {
		p.Position = doc.Position(path...)
	}
	l.problems = append(l.problems, p)
}

func (l *loader) file(f subject.File) {
	if ext := path.Ext(f.Path); ext != ".yaml" && ext != ".yml" && ext != ".json" {
		return
	}
	docs, problem := subject.ParseYAML(f.Path, f.Data)
	if problem != nil {
		l.problems = append(l.problems, *problem)
		return
	}
	for _, doc := range docs {
		l.document(doc)
	}
}

func (l *loader) document(doc subject.Document) {
	object := doc.Object()
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	g, version, _ := strings.Cut(apiVersion, "/")
	switch {
	case apiVersion == "" || kind == "" || g == "trunkline.dev":
	case g != group || kind != policyKind && kind != bindingKind:
		l.others = append(l.others, object)
	case version != "v1" && version != "v1beta1":
		l.report(&doc, rule, fmt.Sprintf("the version %q of %s is not known", subject.Line(apiVersion), kind), "write "+group+"/v1", "apiVersion")
	case len(l.policies) >= MaxPolicies || len(l.bindings) >= MaxPolicies:
		l.report(&doc, v1alpha1.RuleLimit, fmt.Sprintf("the policy folders hold more than %d ValidatingAdmissionPolicies or bindings", MaxPolicies), "")
	case kind == policyKind:
		l.policy(doc)
	default:
		l.binding(doc)
	}
}

// decode fills an object, and takes fields that it does not have for the typing errors that they are: a selector that is
// spelled wrong selects everything, or nothing.
func (l *loader) decode(doc subject.Document, into any) (ok bool) {
	data, err := json.Marshal(doc.Value)
	if err != nil {
		l.report(&doc, rule, err.Error(), "")
		return false
	}
	strict, err := kjson.UnmarshalStrict(data, into)
	if err != nil {
		strict = append(strict, err)
	}
	for _, e := range strict {
		l.report(&doc, rule, strings.TrimPrefix(subject.Line(e.Error()), "json: "), "")
	}
	return len(strict) == 0
}

func (l *loader) policy(doc subject.Document) {
	p := &policy{declared: &admissionregistrationv1.ValidatingAdmissionPolicy{}, at: doc}
	if !l.decode(doc, p.declared) {
		return
	}
	p.id = ID(p.declared.Name)
	if before := l.policies[p.declared.Name]; before != nil {
		l.report(&doc, p.id, fmt.Sprintf("the policy %q is declared twice; the first is at %s", p.declared.Name, before.at.Position()), "", "metadata", "name")
		return
	}
	setPolicyDefaults(p.declared)
	if l.checkPolicy(p) {
		l.compiler.compile(l, p)
	}
	l.policies[p.declared.Name] = p
}

func (l *loader) binding(doc subject.Document) {
	b := binding{declared: &admissionregistrationv1.ValidatingAdmissionPolicyBinding{}, at: doc}
	if !l.decode(doc, b.declared) {
		return
	}
	if before, twice := l.bindings[b.declared.Name]; twice {
		l.report(&doc, rule, fmt.Sprintf("the binding %q is declared twice; the first is at %s", b.declared.Name, before.at.Position()), "", "metadata", "name")
		return
	}
	setBindingDefaults(b.declared)
	l.checkBinding(b)
	l.bindings[b.declared.Name] = b
}

// bind returns bindings to their policies. One of them without the other does nothing, in the cluster as here: it warns.
func (l *loader) bind() {
	for _, b := range l.bindings {
		p := l.policies[b.declared.Spec.PolicyName]
		if p == nil {
			l.warn(b.at, rule, fmt.Sprintf("the binding %q is for the policy %q, which does not exist", b.declared.Name, subject.Line(b.declared.Spec.PolicyName)), "spec", "policyName")
			continue
		}
		p.bindings = append(p.bindings, b)
	}
	for _, p := range l.policies {
		if len(p.bindings) == 0 {
			l.warn(p.at, p.id, fmt.Sprintf("the policy %q has no binding, so it checks nothing", p.declared.Name))
		}
	}
	l.problems.Sort()
}

func (l *loader) warn(doc subject.Document, id, message string, path ...any) {
	l.problems = append(l.problems, v1alpha1.Problem{
		Rule: id, Position: doc.Position(path...), Path: v1alpha1.FieldPath(path...), Severity: v1alpha1.Warn, Message: message,
	})
}
