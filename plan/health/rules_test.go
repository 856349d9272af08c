// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/health"
)

func compile(t testing.TB, declared ...v1alpha1.HealthRule) *health.Rules {
	t.Helper()
	rules, flaws, err := health.Compile(declared)
	if err != nil || len(flaws) > 0 {
		t.Fatal(err, flaws)
	}
	return rules
}

func TestRules(t *testing.T) {
	phases := v1alpha1.HealthRule{
		Kind: "Widget.acme.io", Healthy: `object.status.phase == "Done"`, Stalled: `object.status.phase == "Held"`,
		Failed: `object.status.phase == "Broken"`, Message: `"it is " + object.status.phase + ": " + object.status.why`,
	}
	only := func(healthy string) v1alpha1.HealthRule {
		return v1alpha1.HealthRule{Kind: "Widget.acme.io", Healthy: healthy}
	}
	for name, tc := range map[string]struct {
		reason  string
		rule    v1alpha1.HealthRule
		status  string
		state   health.State
		message string // its beginning
	}{
		"Healthy": {"What the rule says is healthy is.", phases, "{phase: Done}", health.Healthy, ""},
		"Stalled": {"What it says is stalled is, with its message.", phases, "{phase: Held, why: no room}", health.Stalled, "it is Held: no room"},
		"Failed":  {"What it says has failed has.", phases, `{phase: Broken, why: "\e[31mred"}`, health.Failed, "it is Broken: red"},
		"None":    {"Everything else is on its way.", phases, "{phase: New, why: young}", health.Progressing, "it is New: young"},
		"NoMessage": {
			"A message that cannot be made is replaced by what decided.", phases, "{phase: Held}", health.Stalled, `stalled: object.status.phase == "Held"`,
		},
		"DefaultMessage": {"Without a message the expression is named.", only("object.status.ok"), "{ok: false}", health.Progressing, "not healthy yet: object.status.ok"},
		"Error":          {"What cannot be evaluated is unknown, and unknown is never healthy.", phases, "{}", health.Progressing, "the health rule of Widget.acme.io cannot be evaluated: failed: no such key: phase"},
		"OneError": {
			"Also if another part would say that it is healthy.",
			v1alpha1.HealthRule{Kind: "Widget.acme.io", Healthy: "true", Failed: "object.status.error"},
			"{}",
			health.Progressing, "the health rule of Widget.acme.io cannot be evaluated: failed: no such key: error",
		},
		"NoBool": {"A value of another type than was hoped for is no verdict.", only("object.status.ok"), "{ok: 'yes'}", health.Progressing, "the health rule of Widget.acme.io cannot be evaluated: healthy: it must return a bool, but returns a string"},
		"FailedFirst": {
			"What is healthy and failed has failed.", v1alpha1.HealthRule{Kind: "Widget.acme.io", Healthy: "true", Stalled: "true", Failed: "true"}, "{}", health.Failed, "failed: true",
		},
		"OldGeneration": {"A status of the generation before says nothing.", only("true"), "{observedGeneration: 1}", health.Progressing, "its controller has not seen its newest generation yet"},
		"Generation":    {"One of this generation does.", only("true"), "{observedGeneration: 2}", health.Healthy, ""},
		"GenerationOdd": {"One of no generation does not.", only("true"), "{observedGeneration: x}", health.Progressing, "its controller has not seen its newest generation yet"},
		"OwnGeneration": {
			"A rule that looks at it itself is taken at its word.", only("object.status.observedGeneration >= 1"), "{observedGeneration: 1}", health.Healthy, "",
		},
		"Costly": {
			"An expression that costs too much is unknown, and says so.",
			only("object.status.l.all(a, object.status.l.all(b, object.status.l.all(c, a + b + c > 0)))"), "{l: [" + strings.Repeat("1,", 200) + "1]}",
			health.Progressing, "the health rule of Widget.acme.io cannot be evaluated: healthy: it costs more than 100000 on this object: look at less of it",
		},
		"Doubling": {
			"A call that multiplies what it is given is refused before it is made.",
			only("[object.status.s]" + strings.Repeat(".map(x, x + x)", 20) + ".size() > 0"), "{s: " + strings.Repeat("y", 1000) + "}",
			health.Progressing, "the health rule of Widget.acme.io cannot be evaluated: healthy: ",
		},
		"Pattern": {
			"So is a pattern that would take for ever.", only(`object.status.s.matches(object.status.p)`), "{p: '((a{1,30}){1,30})*b', s: " + strings.Repeat("a", 100_000) + "}",
			health.Progressing, "the health rule of Widget.acme.io cannot be evaluated: healthy: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, "{apiVersion: acme.io/v1, kind: Widget, metadata: {name: w, generation: 2}, status: "+tc.status+"}")
			got := health.Of(o, compile(t, tc.rule))
			if got.State != tc.state || !strings.HasPrefix(got.Message, tc.message) || tc.message == "" && got.Message != "" {
				t.Errorf("%s\ngot  %s %q\nwant %s %q", tc.reason, got.State, got.Message, tc.state, tc.message)
			}
		})
	}
}

func TestBuiltInRules(t *testing.T) {
	rules := compile(t)
	spark := func(spec, status string) string {
		return "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, metadata: {name: s, generation: 1}, spec: " + spec + ", status: " + status + "}"
	}
	state := func(s string) string { return "{applicationState: {state: " + s + ", errorMessage: 'exit 1'}}" }
	for name, tc := range map[string]struct {
		reason, object string
		want           health.Verdict
	}{
		"New":       {"Nobody has looked at it yet.", spark("{}", "{}"), health.Verdict{State: health.Progressing, Message: "the Spark application is new"}},
		"NoStatus":  {"Not even a status is there.", "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, metadata: {name: s}}", health.Verdict{State: health.Progressing, Message: "the Spark application is new"}},
		"Running":   {"As with a Job, its result is what counts.", spark("{restartPolicy: {type: Never}}", "{applicationState: {state: RUNNING}}"), health.Verdict{State: health.Progressing, Message: "the Spark application is RUNNING"}},
		"Stream":    {"One that is always restarted is a stream.", spark("{restartPolicy: {type: Always}}", state("RUNNING")), health.Verdict{State: health.Healthy}},
		"Completed": {"It has done its work.", spark("{}", state("COMPLETED")), health.Verdict{State: health.Healthy}},
		"Suspended": {"It has nothing to do.", spark("{suspend: true}", "{}"), health.Verdict{State: health.Healthy}},
		"Retried":   {"Whether a submission is tried again is the operator's to say.", spark("{}", state("SUBMISSION_FAILED")), health.Verdict{State: health.Progressing, Message: "the Spark application is SUBMISSION_FAILED: exit 1"}},
		"Failed":    {"It has ended badly.", spark("{}", state("FAILED")), health.Verdict{State: health.Failed, Message: "the Spark application is FAILED: exit 1"}},
		"Unknown":   {"Its node is away.", spark("{}", state("UNKNOWN")), health.Verdict{State: health.Stalled, Message: "the Spark application is UNKNOWN: exit 1"}},
		"Hostile":   {"A state that is none is unknown.", spark("{}", "{applicationState: [1]}"), health.Verdict{State: health.Progressing, Message: "the health rule of SparkApplication.sparkoperator.k8s.io cannot be evaluated: failed: unsupported index type 'string' in list"}},
		"Scheduled": {"A schedule that counts is fine.", "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: ScheduledSparkApplication, metadata: {name: s}, status: {scheduleState: Scheduled}}", health.Verdict{State: health.Healthy}},
		"Invalid": {
			"One that is none does not count.", "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: ScheduledSparkApplication, metadata: {name: s}, status: {scheduleState: FailedValidation, reason: bad cron}}",
			health.Verdict{State: health.Failed, Message: "the schedule is FailedValidation: bad cron"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, health.Of(parse(t, tc.object), rules)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestDeclaredRuleWins(t *testing.T) {
	own := v1alpha1.HealthRule{Kind: "SparkApplication.sparkoperator.k8s.io", Healthy: "true"}
	o := parse(t, "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, metadata: {name: s}}")
	if got := health.Of(o, compile(t, own)); got.State != health.Healthy {
		t.Errorf("a declared rule does not win over a built-in one: %+v", got)
	}
	broken := own
	broken.Healthy = "nothing"
	rules, flaws, err := health.Compile([]v1alpha1.HealthRule{broken, {Kind: "Widget.acme.io", Healthy: "true"}})
	if err != nil || len(flaws) != 1 || flaws[0].Rule != 0 || flaws[0].Field != "healthy" || flaws[0].Class != v1alpha1.RuleInvalidValue {
		t.Fatalf("got %v, %v", flaws, err)
	}
	if got := health.Of(o, rules); got.State != health.Progressing || got.Message != "the Spark application is new" {
		t.Errorf("a rule with a flaw is used, or has taken the built-in one with it: %+v", got)
	}
	if got := health.Of(parse(t, "{apiVersion: acme.io/v1, kind: Widget, metadata: {name: w}}"), rules); got.State != health.Healthy {
		t.Errorf("a flaw in one rule keeps another from working: %+v", got)
	}
}

func TestChangedRules(t *testing.T) {
	a := v1alpha1.HealthRule{Kind: "A.acme.io", Healthy: "true"}
	b := v1alpha1.HealthRule{Kind: "B.acme.io", Healthy: "true"}
	changed := b
	changed.Stalled = "true"
	for name, tc := range map[string]struct {
		reason        string
		before, after *health.Rules
		want          []schema.GroupKind
	}{
		"Same":    {"Compiling the same again changes nothing.", compile(t, a, b), compile(t, b, a), nil},
		"Part":    {"A part that is different is another rule.", compile(t, a, b), compile(t, a, changed), []schema.GroupKind{{Group: "acme.io", Kind: "B"}}},
		"Gone":    {"A rule that is gone does not count any more.", compile(t, a, b), compile(t, b), []schema.GroupKind{{Group: "acme.io", Kind: "A"}}},
		"Nothing": {"Nothing to nothing is no change.", nil, nil, nil},
		"First":   {"All rules are new at first.", nil, compile(t), []schema.GroupKind{{Group: "sparkoperator.k8s.io", Kind: "ScheduledSparkApplication"}, {Group: "sparkoperator.k8s.io", Kind: "SparkApplication"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.after.Changed(tc.before)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// FuzzRule compiles any text as the parts of a rule, and judges any object by it. Nothing may panic or run away.
func FuzzRule(f *testing.F) {
	f.Add(`object.status.phase == "x"`, `"m" + object.status.phase`, `{"status": {"phase": "x"}}`)
	f.Add(`object.l.map(a, a + a).map(b, b + b).size() > 0`, `object.l[0]`, `{"l": ["x"]}`)
	f.Add(`quantity(object.q).isLessThan(quantity("2"))`, `object.?a.orValue("")`, `{"q": "1e999999999"}`)
	f.Fuzz(func(t *testing.T, condition, message, text string) {
		rules, flaws, err := health.Compile([]v1alpha1.HealthRule{{Kind: "Widget.acme.io", Healthy: condition, Stalled: condition, Failed: condition, Message: message}})
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON([]byte(fmt.Sprintf(`{"apiVersion": "acme.io/v1", "kind": "Widget", "x": %s}`, text))); err != nil {
			return
		}
		if inner, ok := o.Object["x"].(map[string]any); ok {
			for k, v := range inner {
				if k != "apiVersion" && k != "kind" {
					o.Object[k] = v
				}
			}
		}
		if len(flaws) == 0 {
			check(t, health.Of(o, rules))
		}
	})
}
