// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"fmt"
	"testing"

	"trunkline.dev/trunkline/policy/rego"
)

// BenchmarkEvaluate checks a Deployment against 10 packages of the usual kinds.
func BenchmarkEvaluate(b *testing.B) {
	files := map[string]string{}
	for i := range 10 {
		files[fmt.Sprintf("p%d.rego", i)] = fmt.Sprintf("package p%d\n\nimport rego.v1\n\ndeny contains msg if {\n  input.kind == \"Deployment\"\n  some c in input.spec.template.spec.containers\n  endswith(c.image, \":v%d\")\n  msg := sprintf(\"%%s has no fixed version\", [c.name])\n}\n\nwarn contains msg if {\n  input.spec.replicas > 5\n  msg := \"many\"\n}\n", i, i)
	}
	set, problems := rego.Load(folder(files))
	if problems != nil {
		b.Fatal(problems)
	}
	s := object(b, deployment)
	b.ReportAllocs()
	for b.Loop() {
		if got := set.Evaluate(b.Context(), s); got != nil {
			b.Fatal(got.Problems())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*10), "ns/package")
}

// BenchmarkLoad compiles a policy of the usual size, with the sandbox that comes with every set.
func BenchmarkLoad(b *testing.B) {
	files := map[string]string{"main.rego": "package main\n\ndeny[msg] { input.kind == \"Deployment\"; not input.metadata.labels.owner; msg := \"no owner\" }\n"}
	for b.Loop() {
		if _, problems := rego.Load(folder(files)); problems != nil {
			b.Fatal(problems)
		}
	}
}
