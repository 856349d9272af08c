// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/cel/guard"
)

const (
	// MaxRules bounds the rules of a platform.
	MaxRules = 200
	// ExpressionCost bounds what one expression may cost on one object, in the units of CEL: about a hundredth of a second.
	// That is a tenth of what a policy may, for a rule is asked each time that an object changes, in every cluster.
	ExpressionCost = 100_000
	// object is the name of the object in expressions.
	object = "object"
)

// Rule says how objects of a kind are doing, in CEL over "object"; see [v1alpha1.HealthRule] for what each part means.
// All but Healthy may be empty.
type Rule struct {
	Kind                              schema.GroupKind
	Healthy, Stalled, Failed, Message string
}

// Rules are compiled. They may be used by several goroutines.
type Rules struct {
	kinds map[schema.GroupKind]*compiled
}

type compiled struct {
	Rule

	healthy, stalled, failed, message *expression
	// generation is set if the rule looks at the observed generation itself.
	generation bool
}

type expression struct {
	guard.Compiled

	name, text string
}

// Flaw is what is wrong with one part of one of the rules that [Compile] was given.
type Flaw struct {
	// Rule is the index of the rule; Field is the name of its part as it is declared, such as "healthy".
	Rule  int
	Field string
	// Class is the id of the rule of the declarations that is broken, such as [v1alpha1.RuleInvalidValue].
	Class, Message, Hint string
}

// Compile compiles the rules that a platform declares, beside those that are built in; one for the same kind wins over
// a built-in one. A rule with a flaw is left out, the others work. An error means that the program itself is broken.
func Compile(declared []v1alpha1.HealthRule) (*Rules, []Flaw, error) {
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	set, err := base.Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0), EnvOptions: []cel.EnvOption{cel.Variable(object, cel.DynType)},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("preparing CEL for the rules of health: %w", err)
	}
	env := set.StoredExpressionsEnv()
	bounds, err := guard.Program(env)
	if err != nil {
		return nil, nil, fmt.Errorf("bounding CEL for the rules of health: %w", err)
	}
	c := compiler{env: env, bounds: bounds}
	rules := &Rules{kinds: map[schema.GroupKind]*compiled{}}
	for _, r := range builtIn() {
		rules.kinds[r.Kind] = c.rule(r)
	}
	if len(c.flaws) > 0 {
		return nil, nil, fmt.Errorf("compiling the built-in rule of health of %s: %s: %s", builtIn()[c.flaws[0].Rule].Kind, c.flaws[0].Field, c.flaws[0].Message)
	}
	if len(declared) > MaxRules {
		return rules, []Flaw{{Class: v1alpha1.RuleLimit, Message: fmt.Sprintf("there are %d rules of health; the limit is %d", len(declared), MaxRules)}}, nil
	}
	seen := map[schema.GroupKind]bool{}
	for i, d := range declared {
		c.index = i
		before := len(c.flaws)
		kind := c.kind(d.Kind, seen)
		r := c.rule(Rule{Kind: kind, Healthy: d.Healthy, Stalled: d.Stalled, Failed: d.Failed, Message: d.Message})
		if len(c.flaws) == before {
			rules.kinds[kind] = r
		}
	}
	return rules, c.flaws, nil
}

// compiler compiles the rules of one list.
type compiler struct {
	env    *cel.Env
	bounds []cel.ProgramOption
	index  int
	flaws  []Flaw
}

func (c *compiler) report(class, field, message, hint string) {
	c.flaws = append(c.flaws, Flaw{Rule: c.index, Field: field, Class: class, Message: message, Hint: hint})
}

// kindPattern is a kind, with its API group after a dot unless it is of the core group.
var kindPattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

func (c *compiler) kind(text string, seen map[schema.GroupKind]bool) schema.GroupKind {
	kind := schema.ParseGroupKind(text)
	switch {
	case len(text) > 253 || !kindPattern.MatchString(text):
		c.report(v1alpha1.RuleInvalidValue, "kind", fmt.Sprintf("%q is no kind", cut(Line(text), 100)),
			`a kind and its API group, without a version, as in "SparkApplication.sparkoperator.k8s.io"`)
	case seen[kind]:
		c.report(v1alpha1.RuleDuplicate, "kind", fmt.Sprintf("the kind %q has a rule already", text), "make one rule of the two")
	}
	seen[kind] = true
	return kind
}

func (c *compiler) rule(r Rule) *compiled {
	out := &compiled{Rule: r}
	out.healthy = c.expression("healthy", r.Healthy, cel.BoolType)
	out.stalled = c.expression("stalled", r.Stalled, cel.BoolType)
	out.failed = c.expression("failed", r.Failed, cel.BoolType)
	out.message = c.expression("message", r.Message, cel.StringType)
	for _, e := range []*expression{out.healthy, out.stalled, out.failed} {
		out.generation = out.generation || e != nil && strings.Contains(e.text, "observedGeneration")
	}
	return out
}

// expression compiles one part of a rule; nil if there is none, or it has a flaw. What the object has is known only once
// it is there, so an expression of an unknown type may give any.
func (c *compiler) expression(name, text string, want *cel.Type) *expression {
	if strings.TrimSpace(text) == "" {
		return nil // the decoder says so, where one is required
	}
	out, flaws := guard.Compile(c.env, c.bounds, text, nil, ExpressionCost)
	for _, f := range flaws {
		if strings.HasPrefix(f.Issue, "undeclared reference") {
			f.Hint = `an expression has "object" and nothing else: the object as the cluster has it`
		}
		c.report(v1alpha1.RuleInvalidValue, name, f.Message, f.Hint)
	}
	if len(flaws) > 0 {
		return nil
	}
	if of := out.Tree.OutputType(); !of.IsExactType(want) && !of.IsExactType(cel.DynType) {
		c.report(v1alpha1.RuleInvalidValue, name, fmt.Sprintf("the expression must return a %s, but returns a %s", want, of), "")
		return nil
	}
	return &expression{Compiled: out, name: name, text: text}
}

// Kinds are those that have a rule, sorted.
func (r *Rules) Kinds() []schema.GroupKind {
	if r == nil {
		return nil
	}
	return slices.SortedFunc(maps.Keys(r.kinds), func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
}

// Changed returns the kinds whose rule is another one in the other set, sorted: what was said of their objects has to be
// said again.
func (r *Rules) Changed(other *Rules) []schema.GroupKind {
	kinds := map[schema.GroupKind]bool{}
	for _, k := range append(r.Kinds(), other.Kinds()...) {
		mine, theirs := r.of(k), other.of(k)
		if mine == nil || theirs == nil || mine.Rule != theirs.Rule {
			kinds[k] = true
		}
	}
	return slices.SortedFunc(maps.Keys(kinds), func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
}

// Has reports whether a kind has a rule.
func (r *Rules) Has(kind schema.GroupKind) bool { return r.of(kind) != nil }

func (r *Rules) of(kind schema.GroupKind) *compiled {
	if r == nil {
		return nil
	}
	return r.kinds[kind]
}

// judge asks the parts in the order of the table below; the first that is true decides. What cannot be evaluated is
// unknown, and what is unknown is progressing.
func (c *compiled) judge(o *unstructured.Unstructured) Verdict {
	if !c.generation && !observed(o) {
		return Verdict{Progressing, "its controller has not seen its newest generation yet"}
	}
	for _, row := range []struct {
		*expression

		state State
	}{{c.failed, Failed}, {c.stalled, Stalled}, {c.healthy, Healthy}} {
		if row.expression == nil {
			continue
		}
		holds, err := row.run(o.Object)
		if err == nil && holds.Type() != types.BoolType {
			err = fmt.Errorf("it must return a bool, but returns a %s", holds.Type().TypeName())
		}
		switch {
		case err != nil:
			return Verdict{Progressing, Line(fmt.Sprintf("the health rule of %s cannot be evaluated: %s: %s", c.Kind, row.name, err))}
		case holds == types.True && row.state == Healthy:
			return Verdict{State: Healthy}
		case holds == types.True:
			return Verdict{row.state, c.because(o, fmt.Sprintf("%s: %s", row.name, row.text))}
		}
	}
	return Verdict{Progressing, c.because(o, "not healthy yet: "+c.Healthy)}
}

// because returns the rule's own message, or the default if it has none, fails or says nothing.
func (c *compiled) because(o *unstructured.Unstructured, otherwise string) string {
	if c.message != nil {
		if value, err := c.message.run(o.Object); err == nil {
			if text, ok := value.Value().(string); ok && strings.TrimSpace(text) != "" {
				return Line(text)
			}
		}
	}
	return Line(otherwise)
}
