// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/airflow"
)

// TestFind: a task is found by what people name of it, and one of another project is not there.
func TestFind(t *testing.T) {
	task := func(run, id string, index, try int, state string, end time.Duration, of string) map[string]any {
		return map[string]any{"dag_id": "daily", "dag_run_id": run, "task_id": id, "map_index": index, "try_number": try, "state": state, "end_date": at(end), "dag_version": map[string]any{"bundle_name": of}}
	}
	f := &fake{
		dags: []map[string]any{{"dag_id": "daily", "bundle_name": "sales"}, {"dag_id": "new", "bundle_name": "sales"}, {"dag_id": "theirs", "bundle_name": "returns"}},
		runs: []map[string]any{run("daily", "r3", "running", 3*time.Hour), run("daily", "r2", "failed", 2*time.Hour), run("daily", "r1", "success", time.Hour), run("daily", "r0", "success", 0)},
		tasks: []map[string]any{
			task("r3", "one", -1, 1, "success", 0, "sales"), task("r3", "two", -1, 0, "", 0, "sales"),
			task("r2", "one", -1, 2, "failed", time.Hour, "sales"), task("r2", "many", 0, 1, "success", 0, "sales"), task("r2", "many", 3, 1, "failed", time.Minute, "sales"),
			task("r1", "only", -1, 3, "success", 0, "sales"),
			task("r0", "only", -1, 1, "success", 0, "returns"),
		},
	}
	c := clientOf(t, f)
	for name, tc := range map[string]struct {
		reason string
		wanted airflow.Wanted
		want   string
		err    string
		kind   error
	}{
		"Failed":    {"of a run that failed, the task that failed first", airflow.Wanted{Dag: "daily", Run: "r2", Index: -1}, "r2 many[3] 1 failed", "", nil},
		"Named":     {"the one that is named", airflow.Wanted{Dag: "daily", Run: "r2", Task: "one", Index: -1}, "r2 one 2 failed", "", nil},
		"Newest":    {"the newest run, if none is named", airflow.Wanted{Dag: "daily", Task: "one", Index: -1}, "r3 one 1 success", "", nil},
		"Only":      {"the only task there is", airflow.Wanted{Dag: "daily", Run: "r1", Index: -1}, "r1 only 3 success", "", nil},
		"Older":     {"of an older try it is not known what came of it", airflow.Wanted{Dag: "daily", Run: "r1", Task: "only", Index: -1, Try: 2}, "r1 only 2 ", "", nil},
		"Mapped":    {"one of a mapped task", airflow.Wanted{Dag: "daily", Run: "r2", Task: "many", Index: 0}, "r2 many[0] 1 success", "", nil},
		"Dag":       {"no such DAG", airflow.Wanted{Dag: "nightly", Index: -1}, "", `Airflow has no DAG "nightly" of the project sales`, airflow.ErrNotThere},
		"Theirs":    {"the DAG of another project is as one that is not there", airflow.Wanted{Dag: "theirs", Index: -1}, "", `Airflow has no DAG "theirs" of the project sales`, airflow.ErrNotThere},
		"Was":       {"what the DAG did as that of another project is theirs", airflow.Wanted{Dag: "daily", Run: "r0", Task: "only", Index: -1}, "", `the run r0 of "daily" has no tasks yet`, airflow.ErrNotThere},
		"Never":     {"a DAG that has not run", airflow.Wanted{Dag: "new", Index: -1}, "", `the DAG "new" has not run`, airflow.ErrNotThere},
		"Run":       {"no such run", airflow.Wanted{Dag: "daily", Run: "r9", Index: -1}, "", `the DAG "daily" has no run "r9"; its newest are r3, r2, r1, r0`, airflow.ErrNotThere},
		"Task":      {"no such task", airflow.Wanted{Dag: "daily", Run: "r2", Task: "ones", Index: -1}, "", `the run r2 of "daily" has no task "ones"; it has one, many[0], many[3]`, airflow.ErrNotThere},
		"Index":     {"no such index", airflow.Wanted{Dag: "daily", Run: "r2", Task: "many", Index: 7}, "", `has no task many[7]; it has one, many[0], many[3]`, airflow.ErrNotThere},
		"Several":   {"which of several is meant is not known", airflow.Wanted{Dag: "daily", Run: "r3", Index: -1}, "", `none has failed of the tasks one, two in the run r3 of "daily": name one of them`, airflow.ErrNotThere},
		"Try":       {"no such try", airflow.Wanted{Dag: "daily", Run: "r2", Task: "one", Index: -1, Try: 3}, "", "one of the run r2 was tried 2 times", airflow.ErrNotThere},
		"Not begun": {"what has not begun has no log", airflow.Wanted{Dag: "daily", Task: "two", Index: -1}, "", "two of the run r3 has not begun, so that it has no log: it is not scheduled yet", airflow.ErrNoLog},
	} {
		t.Run(name, func(t *testing.T) {
			tc.wanted.Project = "sales"
			got, err := c.Find(t.Context(), tc.wanted)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || !errors.Is(err, tc.kind) {
					t.Errorf("%s: got %v, want %q", tc.reason, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, strings.Join([]string{got.Run, got.Name(), string(rune('0' + got.Try)), got.State}, " ")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestLog: a log is read as people read it, without where Airflow has looked for it.
func TestLog(t *testing.T) {
	const log = `{"timestamp":null,"event":"::group::Log message source details"}
{"timestamp":null,"event":"/opt/airflow/logs/a"}
{"timestamp":null,"event":"::endgroup::"}
{"timestamp":"2026-12-01T12:00:00Z","event":"good morning","level":"info","logger":"task.stdout","chan":"stdout"}
{"timestamp":"2026-12-01T12:00:01Z","event":"Task failed","level":"error","error_detail":[{"exc_type":"ValueError","exc_value":"no","frames":[{"filename":"/dags/a.py","lineno":7,"name":"load"}]}]}
{"event":"ended","exit_code":-9,"signal_name":"SIGKILL","ti":null}
no JSON
`
	f := &fake{logs: map[string]string{"load/logs/2": log, "gone/logs/1": strings.Join(strings.SplitAfter(log, "\n")[:3], "")}}
	c := clientOf(t, f)
	read := func(task string, try, most int) (out []string) {
		err := c.Log(t.Context(), airflow.Task{Dag: "daily", Run: "r", Task: task, Index: -1, Try: try}, func(l airflow.Line) bool {
			out = append(out, l.String())
			return len(out) < most
		})
		if err != nil {
			t.Error(err)
		}
		return out
	}
	want := []string{
		"2026-12-01T12:00:00Z good morning", "2026-12-01T12:00:01Z ERROR Task failed\n  File \"/dags/a.py\", line 7, in load\nValueError: no",
		"ended exit_code=-9 signal_name=SIGKILL", "no JSON",
	}
	if diff := cmp.Diff(want, read("load", 2, 100)); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], read("load", 2, 2)); diff != "" {
		t.Errorf("as much as is wanted (-want +got):\n%s", diff)
	}
	if got := read("gone", 1, 100); len(got) != 0 {
		t.Errorf("a log that is gone has the lines %q", got)
	}
}
