// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/confidential"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// secrets warns of what is secret and stands in variables and params.
func (j *checker) secrets() {
	for i := range j.p.Spec.Workloads {
		w := &j.p.Spec.Workloads[i]
		j.secretsIn(w.Env, w.Params, "spec", "workloads", i)
	}
	for _, env := range slices.Sorted(maps.Keys(j.p.Spec.Environments)) {
		for _, name := range slices.Sorted(maps.Keys(j.p.Spec.Environments[env].Workloads)) {
			over := j.p.Spec.Environments[env].Workloads[name]
			j.secretsIn(over.Env, over.Params, "spec", "environments", env, "workloads", name)
		}
	}
}

func (j *checker) secretsIn(env map[string]string, params map[string]any, at ...any) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		j.secret(name, env[name], append(slices.Clone(at), "env", name))
	}
	j.secretsBelow(params, append(slices.Clone(at), "params"))
}

// secretsBelow looks at all texts below a value of params.
func (j *checker) secretsBelow(value any, at []any) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			j.secretsBelow(v[key], append(slices.Clone(at), key))
		}
	case []any:
		for i := range v {
			j.secretsBelow(v[i], append(slices.Clone(at), i))
		}
	case string:
		name, _ := at[len(at)-1].(string)
		j.secret(name, v, at)
	}
}

func (j *checker) secret(name, value string, at []any) {
	what := confidential.What(name, value)
	if what == "" {
		return
	}
	subject := "a value"
	if name != "" {
		subject = fmt.Sprintf("%q", name)
	}
	j.problems = append(j.problems, v1alpha1.Problem{
		Rule: RuleSecret, Severity: v1alpha1.Warn, Position: j.doc.KeyPosition(at...), Path: v1alpha1.FieldPath(at...), About: catalog.About(j.doc, at...),
		Message: fmt.Sprintf("%s looks like %s, and everybody who can read the repository reads it", subject, what), Hint: SecretHint, Confidential: true,
	})
}

// SecretHint says what to do about a secret that is written in clear.
const SecretHint = "change it, since it stays in the history, and put the new one into a Secret that the workload names in secrets (docs/secrets.md)"
