// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// tasksFile is the DAG file that is made of the declaration, beside those of the project.
const tasksFile = "trunkline_workloads.py"

const tasksHead = `# Made by Trunkline of the declaration of the project, whenever that is deployed.
from datetime import datetime, timezone

from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable
from trunkline_airflow.assets import dataset
from trunkline_airflow.workload import WorkloadOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
`

// tasksOf is the DAG file of the workloads that Airflow starts: those that come after each other are one DAG, which is called by the first of them.
func tasksOf(project string, tasks []catalog.DagTask) []byte {
	var b strings.Builder
	b.WriteString(tasksHead)
	for _, group := range grouped(tasks) {
		first := group[0]
		runs := 1
		for _, t := range group {
			if t.AtOnce && len(group) == 1 {
				runs = tasksAtOnce
			}
		}
		zone := first.TimeZone
		if zone == "" {
			zone = "UTC"
		}
		fmt.Fprintf(&b, "\nwith DAG(\n    %s,\n    schedule=CronTriggerTimetable(%s, timezone=%s),\n    start_date=START,\n    catchup=False,\n    max_active_runs=%d,\n    is_paused_upon_creation=False,\n    tags=[\"trunkline\"],\n):\n",
			python(project+"."+first.Workload), python(first.Schedule), python(zone), runs)
		number := map[string]int{}
		for i, t := range group {
			number[t.Workload] = i
			fmt.Fprintf(&b, "    t%d = WorkloadOperator(\n        task_id=%s,\n        workload=%s,\n", i, python(t.Workload), python(t.Workload))
			assetsOf(&b, "inlets", t.Inlets)
			assetsOf(&b, "outlets", t.Outlets)
			b.WriteString("    )\n")
		}
		for i, t := range group {
			for _, after := range t.After {
				fmt.Fprintf(&b, "    t%d >> t%d\n", number[after], i)
			}
		}
	}
	return []byte(b.String())
}

// tasksAtOnce is how many runs of a workload go on at a time that may have several.
const tasksAtOnce = 16

func assetsOf(b *strings.Builder, argument string, ids []string) {
	if len(ids) == 0 {
		return
	}
	made := make([]string, len(ids))
	for i, id := range ids {
		made[i] = "dataset(" + python(id) + ")"
	}
	fmt.Fprintf(b, "        %s=[%s],\n", argument, strings.Join(made, ", "))
}

// python is a text as Python writes it.
func python(s string) string { return strconv.QuoteToASCII(s) }

// grouped are the tasks of each DAG, by name: those that come after each other, directly or not.
func grouped(tasks []catalog.DagTask) (groups [][]catalog.DagTask) {
	of := map[string]int{}
	for i, t := range tasks {
		of[t.Workload] = i
	}
	for changed := true; changed; {
		changed = false
		for _, t := range tasks {
			for _, after := range t.After {
				if a, b := of[t.Workload], of[after]; a != b {
					of[t.Workload], of[after], changed = min(a, b), min(a, b), true
				}
			}
		}
	}
	for i := range tasks {
		var group []catalog.DagTask
		for _, t := range tasks {
			if of[t.Workload] == i {
				group = append(group, t)
			}
		}
		if len(group) > 0 {
			slices.SortFunc(group, func(a, b catalog.DagTask) int { return strings.Compare(a.Workload, b.Workload) })
			groups = append(groups, group)
		}
	}
	return groups
}
