// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"fmt"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/cel"
	"trunkline.dev/trunkline/policy/subject"
)

// BenchmarkEvaluate checks 10,000 workloads against 10 policies of the usual kinds, on one core.
func BenchmarkEvaluate(b *testing.B) {
	specs := []string{
		`workload.retries <= 5`, `has(workload.timeout)`, `!has(workload.image) || workload.image.contains("@sha256:")`,
		`workload.name.matches("^[a-z][a-z0-9-]+$")`, `workload.?size.orValue("mx.micro") in ["mx.micro", "mx.small", "mx.large"]`,
		`project.spec.owner.startsWith("team-")`, `workload.reads.all(r, r.size() < 20)`, `upstream.all(n, n.owner != "")`,
		`!("pii" in project.spec.?tags.orValue([])) || environment.metadata.name != "dev"`, `workload.?command.orValue([]).size() < 10`,
	}
	var policies []*cel.Policy
	for i, expression := range specs {
		policies = append(policies, mustCompile(b, policy(fmt.Sprintf("on: workload\nvalidations: [{expression: '%s', message: m%d}]", expression, i))))
	}
	const workloads = 10_000
	subjects := make([]*subject.Subject, workloads)
	for i := range subjects {
		subjects[i] = on(b, v1alpha1.OnWorkload, workload)
		subjects[i].Value["name"] = fmt.Sprintf("w%d", i)
		subjects[i].Value["timeout"] = "30m"
		subjects[i].Value["image"] = "ghcr.io/acme/orders@sha256:00"
		subjects[i].Project = map[string]any{"metadata": map[string]any{"name": "orders"}, "spec": map[string]any{"owner": "team-orders"}}
		subjects[i].Environment = map[string]any{"metadata": map[string]any{"name": "prod"}}
		subjects[i].Up = func() []subject.Node { return []subject.Node{{ID: "a", Owner: "x"}, {ID: "b", Owner: "y"}} }
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range subjects {
			for _, p := range policies {
				if got := p.Evaluate(b.Context(), s); got != nil {
					b.Fatal(got.Problems())
				}
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*workloads*len(policies)), "ns/verdict")
}

// BenchmarkCompile compiles a policy of the usual size.
func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		mustCompile(b, policy("on: workload\nvariables: [{name: n, expression: workload.retries}]\nvalidations: [{expression: 'variables.n <= 5', messageExpression: '\"has \" + string(variables.n)'}]"))
	}
}

// BenchmarkNewCompiler is what a process pays once.
func BenchmarkNewCompiler(b *testing.B) {
	for b.Loop() {
		if _, err := cel.NewCompiler(); err != nil {
			b.Fatal(err)
		}
	}
}
