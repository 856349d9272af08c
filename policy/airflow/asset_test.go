// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/policy/airflow"
)

// TestUses reads which assets a DAG has, as far as its values are constants.
func TestUses(t *testing.T) {
	t.Parallel()
	const head = "from airflow.sdk import DAG, Asset, AssetAlias, AssetAll, AssetOrTimeSchedule, dag, task, asset\n" +
		"from airflow.timetables.trigger import CronTriggerTimetable\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n" +
		"from trunkline_airflow import assets\nfrom trunkline_airflow.assets import dataset\nimport os\n"
	for name, tc := range map[string]struct {
		reason, file string
		want         []string
	}{
		"Names":    {"A name is the address too, unless there is one.", "d = DAG('a', schedule=[Asset('x://1'), Asset(uri='x://2'), Asset('n', 'x://3'), Asset(name='x://4')])", []string{"schedule x://1", "schedule x://2", "schedule x://3", "schedule x://4"}},
		"Function": {"The function of Trunkline takes an id.", "d = DAG('a', schedule=dataset('o/c@1'))", []string{"schedule trunkline://o/c@1"}},
		"Module":   {"It may be reached by its module.", "d = DAG('a', schedule=[assets.dataset('o/c@1')])", []string{"schedule trunkline://o/c@1"}},
		"Named":    {"The id may be given by name.", "d = DAG('a', schedule=[dataset(id='o/c@1')])", []string{"schedule trunkline://o/c@1"}},
		"Operators": {
			"Conditions are made of assets by operators.",
			"d = DAG('a', schedule=(dataset('o/c@1') | Asset('x://1')) & dataset('o/d@1'))",
			[]string{"schedule trunkline://o/c@1", "schedule x://1", "schedule trunkline://o/d@1"},
		},
		"All":       {"Or by a class.", "d = DAG('a', schedule=AssetAll(dataset('o/c@1'), Asset('x://1')))", []string{"schedule trunkline://o/c@1", "schedule x://1"}},
		"Timetable": {"And together with a time.", "d = DAG('a', schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable('0 6 * * *', timezone='UTC'), assets=[dataset('o/c@1')]))", []string{"schedule trunkline://o/c@1"}},
		"Alias":     {"An alias is no asset.", "d = DAG('a', schedule=[AssetAlias('x')])", nil},
		"Tasks": {
			"Tasks have inlets and outlets.",
			"with DAG('a', schedule=None):\n    EmptyOperator(task_id='t', inlets=[dataset('o/c@1')], outlets=[Asset('x://1')])",
			[]string{"inlet trunkline://o/c@1", "outlet x://1"},
		},
		"Functions": {
			"So have functions.",
			"@dag(schedule=None)\ndef a():\n    @task(outlets=[dataset('o/c@1')])\n    def t():\n        pass\n    t()\na()",
			[]string{"outlet trunkline://o/c@1"},
		},
		"Defaults": {
			"Arguments may be defaults.",
			"with DAG('a', schedule=None, default_args={'outlets': [dataset('o/c@1')]}):\n    EmptyOperator(task_id='t')\n    EmptyOperator(task_id='u', outlets=[])",
			[]string{"outlet trunkline://o/c@1"},
		},
		"Foreign": {
			"An operator that is not known has outlets like any.",
			"from trunkline_airflow.operators import ContainerOperator\nwith DAG('a', schedule=None):\n    ContainerOperator(task_id='t', outlets=[dataset('o/c@1')])",
			[]string{"outlet trunkline://o/c@1"},
		},
		"Asset": {
			"A function may be an asset.",
			"@asset(schedule=dataset('o/c@1'), uri='trunkline://o/d@1')\ndef made():\n    pass",
			[]string{"schedule trunkline://o/c@1", "outlet trunkline://o/d@1"},
		},
		"Variable": {
			"A list is followed, and a loop.",
			"both = [dataset(f'o/{n}@1') for n in ('c', 'd')]\nd = DAG('a', schedule=both)",
			[]string{"schedule trunkline://o/c@1", "schedule trunkline://o/d@1"},
		},
		"Perhaps": {
			"What is one of two is not certain.",
			"d = DAG('a', schedule=[dataset('o/c@1') if os.environ.get('X') else dataset('o/d@1')])",
			[]string{"perhaps schedule trunkline://o/c@1", "perhaps schedule trunkline://o/d@1"},
		},
		"Unknown": {"What is not known is not there.", "d = DAG('a', schedule=[dataset(os.environ['X'])])", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := (&airflow.Reader{}).Parse("dags/a.py", []byte(head+tc.file+"\n"))
			var got []string
			for _, d := range m.DAGs {
				for _, u := range d.Uses {
					perhaps := ""
					if !u.Certain {
						perhaps = "perhaps "
					}
					got = append(got, fmt.Sprintf("%s%s %s", perhaps, u.Kind, u.URI))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s\n%v", tc.reason, diff, m.Problems)
			}
			for _, p := range m.Problems {
				if p.Severity == "deny" {
					t.Errorf("%s: %v", tc.reason, p)
				}
			}
		})
	}
}
