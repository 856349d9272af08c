// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// written is a DAG file with tasks and edges in every form that the package knows.
func written(t *rapid.T, tasks int, edges [][2]int) string {
	var b strings.Builder
	b.WriteString("from airflow.sdk import DAG, Label, chain, cross_downstream\n")
	b.WriteString("from airflow.providers.standard.operators.empty import EmptyOperator\n\n")
	b.WriteString("with DAG(\"generated\", schedule=None):\n")
	fmt.Fprintf(&b, "    t = [EmptyOperator(task_id=f\"t{i}\") for i in range(%d)]\n", tasks)
	forms := []string{
		"t[%d] >> t[%d]", "t[%[2]d] << t[%[1]d]", "[t[%d]] >> t[%d]", "t[%d] >> [t[%d]]", "t[%d].set_downstream(t[%d])", "t[%[2]d].set_upstream([t[%[1]d]])",
		"chain(t[%d], t[%d])", "cross_downstream([t[%d]], [t[%d]])", "t[%d] >> Label(\"x\") >> t[%d]",
	}
	for _, e := range edges {
		fmt.Fprintf(&b, "    "+rapid.SampledFrom(forms).Draw(t, "form")+"\n", e[0], e[1])
	}
	return b.String()
}

// reaches is true when a task comes after itself, found in another way than the package does.
func reaches(tasks int, edges [][2]int) bool {
	after := make([][]bool, tasks)
	for i := range after {
		after[i] = make([]bool, tasks)
	}
	for _, e := range edges {
		after[e[0]][e[1]] = true
	}
	for k := range tasks {
		for i := range tasks {
			for j := range tasks {
				after[i][j] = after[i][j] || after[i][k] && after[k][j]
			}
		}
	}
	for i := range tasks {
		if after[i][i] {
			return true
		}
	}
	return false
}

func TestCycleIffThereIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tasks := rapid.IntRange(1, 8).Draw(t, "tasks")
		task := rapid.IntRange(0, tasks-1)
		edges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]int {
			return [2]int{task.Draw(t, "from"), task.Draw(t, "to")}
		}), 0, 10).Draw(t, "edges")
		file := written(t, tasks, edges)
		m := parse("generated.py", []byte(file))
		if got, want := m.Problems.Denied(), reaches(tasks, edges); got != want {
			t.Fatalf("denied is %t, want %t, for\n%s\n%s", got, want, file, m.Problems)
		}
		for _, p := range m.Problems {
			if p.Rule != RuleCycle {
				t.Fatalf("%s, for\n%s", p, file)
			}
			walk(t, p, edges)
		}
	})
}

// walk checks that the trace of a cycle goes along edges that there are, and ends where it begins.
func walk(t *rapid.T, p v1alpha1.Problem, edges [][2]int) {
	var first, last int
	for i, s := range p.Trace {
		var from, to int
		if _, err := fmt.Sscanf(s.Message, `"t%d" runs before "t%d"`, &from, &to); err != nil {
			t.Fatalf("a step of the trace is %q: %v", s.Message, err)
		}
		found := false
		for _, e := range edges {
			found = found || e == [2]int{from, to}
		}
		if !found || i > 0 && from != last {
			t.Fatalf("the trace goes where no edge is:\n%s", p)
		}
		if i == 0 {
			first = from
		}
		last = to
	}
	if len(p.Trace) == 0 || first != last {
		t.Fatalf("the trace is not closed:\n%s", p)
	}
}

// TestCertainCycle has a certain cycle with a shorter way through it that is not certain: what is denied is the certain one.
func TestCertainCycle(t *testing.T) {
	m := parse("dag.py", []byte(`import os
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("d", schedule=None):
    a, b, c = [EmptyOperator(task_id=i) for i in "abc"]
    a >> b >> c >> a
    if os.environ.get("SHORT"):
        b >> a
`))
	if cycle := m.Problems[0]; cycle.Rule != RuleCycle || cycle.Severity != v1alpha1.Deny || len(cycle.Trace) != 3 {
		t.Errorf("want a denied cycle of three edges, got:\n%s", m.Problems)
	}
}
