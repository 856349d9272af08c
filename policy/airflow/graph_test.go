// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// graph returns the edges between the tasks of the first DAG, sorted, or what is wrong or undecided.
func graph(file string) string {
	m := parse("d.py", []byte(imports+"from airflow.sdk import cross_downstream\nfrom airflow.sdk.bases.operator import chain_linear\n"+file))
	if len(m.Problems) > 0 {
		return m.Problems[0].Rule
	}
	d := m.DAGs[0]
	var out []string
	for _, e := range d.Edges {
		out = append(out, d.Tasks[e.From].ID+d.Tasks[e.To].ID)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

// TestEdges makes edges between the tasks a, b, c and d in every way that Airflow has.
func TestEdges(t *testing.T) {
	tasks := "with DAG('d'):\n    a, b, c, d = [EmptyOperator(task_id=i) for i in 'abcd']\n"
	for _, tc := range []struct{ code, want string }{
		{"a >> b >> c", "ab bc"},
		{"a << b", "ba"},
		{"a >> [b, c] >> d", "ab ac bd cd"},
		{"[a, b] >> c", "ac bc"},
		{"a.set_downstream(b); a.set_upstream([c, d])", "ab ca da"},
		{"chain(a, [b, c], d)", "ab ac bd cd"},
		{"chain([a, b], [c, d])", "ac bd"},
		{"chain_linear([a, b], [c, d])", "ac ad bc bd"},
		{"cross_downstream([a, b], [c, d])", "ac ad bc bd"},
		{"a >> Label('then') >> b", "ab"},
		{"for x, y in zip([a, b, c], [b, c, d]):\n        x >> y", "ab bc cd"},
		{"if False:\n        a >> b", ""},
		{"a >> b; b >> a", RuleCycle},
		{"a >> a", RuleCycle},
	} {
		if diff := cmp.Diff(tc.want, graph(tasks+"    "+tc.code+"\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.code, diff)
		}
	}
}

// TestTaskFlow makes edges by passing results.
func TestTaskFlow(t *testing.T) {
	head := "@task\ndef a(): return 1\n@task\ndef b(x=None): return x\n"
	for _, tc := range []struct{ code, want string }{
		{"b(a())", "ab"},
		{"b([a()])", "ab"},
		{"b({'k': a()})", "ab"},
		{"b(x=a())", "ab"},
		{"b.expand(x=a())", "ab"},
		{"b.override(task_id='c')(a())", "ac"},
		{"a() >> b()", "ab"},
		{"b(a())\n    b.override(task_id='b')()", "ab"}, // the second is b__1
	} {
		if diff := cmp.Diff(tc.want, graph(head+"with DAG('d'):\n    "+tc.code+"\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.code, diff)
		}
	}
}

// TestGroups names tasks, and makes edges between groups.
func TestGroups(t *testing.T) {
	for _, tc := range []struct{ reason, code, want string }{
		{"the id of a group stands before those of its tasks", "with TaskGroup('g'):\n        a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n    a >> b", "g.ab"},
		{"unless it says otherwise", "with TaskGroup('g', prefix_group_id=False):\n        a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n    a >> b", "ab"},
		{"an edge to a group is one to its roots", "b = EmptyOperator(task_id='b')\n    with TaskGroup('g') as g:\n        EmptyOperator(task_id='x') >> EmptyOperator(task_id='y')\n    b >> g", "bg.x g.xg.y"},
		{"and one from it is from its leaves", "b = EmptyOperator(task_id='b')\n    with TaskGroup('g') as g:\n        EmptyOperator(task_id='x') >> EmptyOperator(task_id='y')\n    g >> b", "g.xg.y g.yb"},
		{
			"options that are not known may be another id", "import os\n    from airflow.sdk import task_group\n    @task_group\n    def g(): EmptyOperator(task_id='x')\n    g.override(**os.environ)()\n    EmptyOperator(task_id='g')",
			RuleUndecided,
		},
		{"an id may be used once", "with TaskGroup('g'):\n        pass\n    EmptyOperator(task_id='g')", RuleTaskID},
	} {
		if diff := cmp.Diff(tc.want, graph("with DAG('d'):\n    "+tc.code+"\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
		}
	}
}
