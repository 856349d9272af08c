// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"strings"
	"testing"
)

// TestOwnPackage: DAGs that are made with the package trunkline-airflow are judged like those of Airflow's own operators. What the package itself loads
// is for its own tests, which load the same with Airflow.
func TestOwnPackage(t *testing.T) {
	head := imports + "from trunkline_airflow import ContainerOperator, ContainerSensor, DbtTaskGroup, LotSensor, SecretValue, SparkOperator, image\nimport trunkline_airflow\n"
	const tasks = "    wait = LotSensor(task_id='wait', dataset='clean@1')\n    load = ContainerOperator(task_id='load', image=image('base'), env_vars={'A': SecretValue('a', 'b')})\n"
	const dbt = "    dbt = DbtTaskGroup(manifest_file='target/manifest.json')\n"
	for _, tc := range []struct{ reason, code, want string }{
		{"each operator and sensor", tasks + dbt + "    spark = trunkline_airflow.SparkOperator(task_id='spark', application='a.py')\n    wait >> load >> dbt >> spark\n", "fine"},
		{"also by its module", "    from trunkline_airflow.operators import ContainerOperator as C\n    C(task_id='a') >> C(task_id='b')\n", "fine"},
		{"a function of it makes no tasks", "    p = trunkline_airflow.project()\n    image('base')\n" + tasks, "fine"},
		{"in a loop", "    for day in ['a', 'b']:\n        ContainerOperator(task_id=day)\n", "fine"},
		{"expanded", "    ContainerOperator.partial(task_id='each').expand(arguments=[['a'], ['b']])\n", "fine"},
		{"a task_id twice", "    ContainerOperator(task_id='a')\n    ContainerSensor(task_id='a')\n", RuleTaskID},
		{"no task_id", "    SparkOperator(application='a.py')\n", RuleTaskID},
		{"one that is none", "    LotSensor(task_id='a b', dataset='clean@1')\n", RuleTaskID},
		{"a cycle", tasks + "    wait >> load >> wait\n", RuleCycle},
		{"a cycle through what dbt has", tasks + dbt + "    load >> dbt >> wait >> load\n", RuleCycle},
		{"a group twice", dbt + dbt, RuleTaskID},
		{"two with names", "    DbtTaskGroup('a', manifest_file='a.json') >> DbtTaskGroup(group_id='b', manifest_file='b.json')\n", "fine"},
		{"a group within another", "    with TaskGroup('g'):\n" + strings.Replace(dbt, "    ", "        ", 1) + dbt, "fine"},
		{"what the ends of the group are called", "    DbtTaskGroup(manifest_file='a.json', start_name='not one')\n", RuleTaskID},
		{"the same for both", "    DbtTaskGroup(manifest_file='a.json', start_name='a', end_name='a')\n", RuleTaskID},
		{"the name of a group that is not known", "    import os\n    DbtTaskGroup(os.environ['X'], manifest_file='a.json')\n", RuleUndecided},
		{"a class of the file that is made of the group", "    class Mine(DbtTaskGroup):\n        pass\n    Mine(manifest_file='a.json')\n", "fine"},
		{"one with a way of its own", "    class Mine(DbtTaskGroup):\n        def __init__(self):\n            super().__init__(manifest_file='a.json')\n    Mine()\n", RuleUndecided},
		{"something of a task that is no task", tasks + "    x = trunkline_airflow.reasons.CODES\n    wait >> load\n", "fine"},
	} {
		m := parse("d.py", []byte(head+"with DAG('d'):\n"+tc.code))
		if got := verdict(m.Problems); got != tc.want {
			t.Errorf("%s: %s, want %s\n%s\n%s", tc.reason, got, tc.want, tc.code, m.Problems)
		}
	}
}
