// SPDX-License-Identifier: Apache-2.0

package render

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy/airflow"
)

// someTasks are two that come one after the other, and one by itself with what Python has to quote.
func someTasks() []catalog.DagTask {
	return []catalog.DagTask{
		{Workload: "check", Schedule: "0 6 * * *", TimeZone: "Europe/Brussels", After: []string{"load"}, Inlets: []string{"orders/raw@1"}},
		{Workload: "load", Schedule: "0 6 * * *", TimeZone: "Europe/Brussels", Outlets: []string{"orders/raw@1", "orders/rest@2"}},
		{Workload: "poll", Schedule: "*/5 * * * *", AtOnce: true},
		{Workload: "report", Schedule: "0 6 * * *", TimeZone: "Europe/Brussels", After: []string{"check", "load"}},
	}
}

var update = flag.Bool("update", false, "write the golden file again")

const tasksGolden = "testdata/tasks/trunkline_workloads.golden.py"

// TestTasks: the DAG file of workloads is the same for the same declaration, and says what it says. Tests of the package for Airflow load it.
func TestTasks(t *testing.T) {
	t.Parallel()
	got := tasksOf("orders", someTasks())
	if *update {
		if err := os.WriteFile(tasksGolden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(tasksGolden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	m := (&airflow.Reader{}).Parse("trunkline_workloads.py", got)
	for _, p := range m.Problems {
		t.Errorf("the file has the problem %v", p)
	}
	var found []string
	for _, d := range m.DAGs {
		for _, e := range d.Edges {
			found = append(found, d.ID+": "+d.Tasks[e.From].ID+" before "+d.Tasks[e.To].ID)
		}
		for _, u := range d.Uses {
			found = append(found, d.ID+": "+string(u.Kind)+" "+u.URI)
		}
	}
	if diff := cmp.Diff([]string{
		"orders.check: load before check", "orders.check: check before report", "orders.check: load before report",
		"orders.check: inlet trunkline://orders/raw@1", "orders.check: outlet trunkline://orders/raw@1", "orders.check: outlet trunkline://orders/rest@2",
	}, found); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
