// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// dagTree is a platform of two projects, one of which has DAG files.
func dagTree(files map[string]string) fs.FS {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	out := fstest.MapFS{}
	all := map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec: {}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" +
			head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], stores: {lake: s3://dev}}\n",
		"orders/project.yaml": head + `kind: Project
metadata: {name: orders}
spec:
  owner: t
  environments: [dev]
  dags: [dags/*.py]
  datasets:
    - {name: raw, version: "1", path: lake://orders/raw/}
    - {name: clean, version: "1", path: lake://orders/clean/}
    - {name: sums, version: "1", path: lake://orders/sums/}
  workloads:
    - {name: clean, blueprint: container-job, image: "a:1", command: [x], reads: {main: raw@1}, writes: {main: clean@1}}
`,
		"rates/project.yaml": head + `kind: Project
metadata: {name: rates}
spec:
  owner: t
  environments: [dev]
  datasets: [{name: fx, version: "1", path: lake://rates/fx/, external: true}]
`,
	}
	maps.Copy(all, files)
	for name, text := range all {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

const dagHead = "from airflow.sdk import DAG, Asset\nfrom airflow.providers.standard.operators.empty import EmptyOperator\nfrom trunkline_airflow.assets import dataset\n"

// TestDAGs links DAG files into the flow of data, where that is certain.
func TestDAGs(t *testing.T) {
	t.Parallel()
	const uri = "trunkline://"
	for name, tc := range map[string]struct {
		reason, dag string
		edges       []string
		problems    []string
	}{
		"ReadsAndWrites": {
			reason: "A DAG file reads what starts it, and writes its outlets, of its own project.",
			dag:    "with DAG('sum', schedule=[dataset('orders/clean@1'), Asset('" + uri + "rates/fx@1')]):\n    EmptyOperator(task_id='a', outlets=[dataset('orders/sums@1')])\n",
			edges:  []string{"orders/clean@1 reads orders/dag:sum", "orders/dag:sum writes orders/sums@1", "rates/fx@1 reads orders/dag:sum"},
		},
		"Inlet": {
			reason: "What a DAG writes may be an inlet of another of its tasks: nothing waits for an inlet.",
			dag: "with DAG('sum', schedule='@daily'):\n    EmptyOperator(task_id='a', outlets=dataset('orders/sums@1'))\n" +
				"    EmptyOperator(task_id='b', inlets=[dataset('orders/sums@1')])\n",
			edges: []string{"orders/dag:sum writes orders/sums@1", "orders/sums@1 inlet orders/dag:sum"},
		},
		"Uncertain": {
			reason: "What may not be so is not linked.",
			dag:    "import os\nwith DAG('sum', schedule='@daily'):\n    EmptyOperator(task_id='a', outlets=[dataset('orders/clean@1') if os.environ.get('X') else dataset('orders/sums@1')])\n",
		},
		"NoDataset": {
			reason:   "An outlet that nobody declares is said where it is written.",
			dag:      "with DAG('sum', schedule='@daily'):\n    EmptyOperator(task_id='a',\n        outlets=[dataset('orders/sum@1')])\n",
			problems: []string{"dataset-owner orders/dags/a.py:6 there is no dataset orders/sum@1"},
		},
		"NoVersion": {
			reason:   "Neither is a version that nobody declares.",
			dag:      "with DAG('sum', schedule=[Asset('" + uri + "rates/fx@2')]):\n    pass\n",
			problems: []string{`unknown-version orders/dags/a.py:4 the dataset rates/fx has no version "2"`},
		},
		"NoID": {
			reason:   "What begins like a dataset and is none would wait for ever.",
			dag:      "with DAG('sum', schedule=[Asset('" + uri + "fx')]):\n    pass\n",
			problems: []string{`dataset-owner orders/dags/a.py:4 "trunkline://fx" is not the address of a dataset, such as "trunkline://orders/clean@1"`},
		},
		"ForeignOutlet": {
			reason:   "Only its own project writes a dataset.",
			dag:      "with DAG('sum', schedule='@daily'):\n    EmptyOperator(task_id='a', outlets=[dataset('rates/fx@1')])\n",
			problems: []string{`dataset-owner orders/dags/a.py:5 the dataset rates/fx@1 belongs to the project "rates"; only its own DAG files and workloads may write it`},
		},
		"TwoWriters": {
			reason:   "A dataset has one writer, whoever starts it.",
			dag:      "with DAG('sum', schedule='@daily'):\n    EmptyOperator(task_id='a', outlets=[dataset('orders/clean@1')])\n",
			edges:    []string{"orders/dag:sum writes orders/clean@1"},
			problems: []string{"dataset-writers orders/dags/a.py:5 orders/clean@1 is written by orders/clean and by orders/dag:sum"},
		},
		"Cycle": {
			reason: "A cycle over both orchestrators is one.",
			dag:    "with DAG('sum', schedule=dataset('orders/clean@1')):\n    EmptyOperator(task_id='a', outlets=[dataset('orders/raw@1')])\n",
			edges:  []string{"orders/clean@1 reads orders/dag:sum", "orders/dag:sum writes orders/raw@1"},
			problems: []string{
				"dag-cycle orders/project.yaml:13 the data flow has a cycle: orders/clean -> orders/clean@1 -> orders/dag:sum -> orders/raw@1 -> orders/clean",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := dagTree(map[string]string{"orders/dags/a.py": dagHead + tc.dag})
			cat, problems, err := catalog.Load(tree, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			p, _ := cat.Project("orders")
			g := cat.Graph()
			var edges []string
			for _, e := range g.Edges() {
				if e.Kind == catalog.Inlet || isDAG(e.From) || isDAG(e.To) {
					edges = append(edges, fmt.Sprintf("%s %s %s", e.From, e.Kind, e.To))
				}
				if isDAG(e.To) && cat.EdgePosition(e).File != "orders/dags/a.py" {
					t.Errorf("%s: the edge is at %s, not in the file", e.Because(), cat.EdgePosition(e))
				}
			}
			if diff := cmp.Diff(tc.edges, edges); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
			var found []string
			for _, pr := range problems {
				found = append(found, fmt.Sprintf("%s %s:%d %s", pr.Rule, pr.Position.File, pr.Position.Line, pr.Message))
			}
			if diff := cmp.Diff(tc.problems, found); diff != "" {
				t.Errorf("%s: problems: -want +got:\n%s", tc.reason, diff)
			}
			// A catalog that gets the file later says the same.
			without, _, err := catalog.Load(dagTree(map[string]string{"orders/dags/a.py": ""}), blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			later, again, err := without.Update(tree, []string{"orders/dags/a.py"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(problems.String(), again.String()); diff != "" {
				t.Errorf("%s: after an update: -loaded +updated:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(g.Edges(), later.Graph().Edges()); diff != "" {
				t.Errorf("%s: after an update: -loaded +updated:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(len(p.DagEdges()), len(tc.edges)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func isDAG(id string) bool { return strings.Contains(id, "/dag:") }
