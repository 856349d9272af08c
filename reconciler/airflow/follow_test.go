// SPDX-License-Identifier: Apache-2.0

package airflow_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/reconciler/airflow"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// fake is an Airflow that has what it is given.
type fake struct {
	dags, runs, tasks, broken []map[string]any
	logs                      map[string]string
	asked                     []string
	status                    int
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.asked = append(f.asked, r.URL.Path+" "+r.URL.Query().Get("updated_at_gte"))
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		http.Error(w, `{"detail":"no token"}`, http.StatusUnauthorized)
		return
	}
	if f.status != 0 {
		http.Error(w, `{"detail":"not now"}`, f.status)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/af/api/v2")
	var answer any
	switch {
	case path == "/dags":
		answer = map[string]any{"dags": f.dags, "total_entries": len(f.dags)}
	case path == "/dags/~/dagRuns":
		answer = map[string]any{"dag_runs": f.runs}
	case path == "/importErrors":
		answer = map[string]any{"import_errors": f.broken}
	case strings.HasSuffix(path, "/taskInstances"):
		of := strings.Split(path, "/")[4]
		answer = map[string]any{"task_instances": only(f.tasks, func(t map[string]any) bool { return t["dag_run_id"] == of })}
	case strings.HasSuffix(path, "/dagRuns"):
		of := strings.Split(path, "/")[2]
		answer = map[string]any{"dag_runs": only(f.runs, func(r map[string]any) bool { return r["dag_id"] == of })}
	case strings.Contains(path, "/logs/"):
		_, rest, _ := strings.Cut(path, "/taskInstances/")
		text, there := f.logs[rest]
		if !there {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
		return
	default: // one DAG, or one run of one
		part := strings.Split(path, "/")
		found := only(f.dags, func(d map[string]any) bool { return d["dag_id"] == part[2] })
		if len(part) == 5 {
			found = only(f.runs, func(r map[string]any) bool { return r["dag_id"] == part[2] && r["dag_run_id"] == part[4] })
		}
		if len(found) == 0 {
			http.NotFound(w, r)
			return
		}
		answer = found[0]
	}
	data, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(data)
}

func only(all []map[string]any, is func(map[string]any) bool) []map[string]any {
	return slices.DeleteFunc(slices.Clone(all), func(one map[string]any) bool { return !is(one) })
}

func clientOf(t *testing.T, f *fake) *airflow.Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return airflow.New(airflow.Options{
		Base: "/af/", Token: func(context.Context) (string, error) { return airflow.Token("key", "test", airflow.Viewer, time.Now()) },
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
		},
	})
}

func at(d time.Duration) string { return noon.Add(d).Format(time.RFC3339) }

func run(dag, id, state string, after time.Duration) map[string]any {
	out := map[string]any{"dag_id": dag, "dag_run_id": id, "state": state, "run_after": at(after)}
	if state == "failed" || state == "success" {
		out["end_date"] = at(after + time.Minute)
	}
	return out
}

// TestFollow: the newest run of a DAG that has ended says how it is; a failure is told once, and those of before are not.
func TestFollow(t *testing.T) {
	f := &fake{
		dags: []map[string]any{{"dag_id": "daily", "bundle_name": "sales"}, {"dag_id": "night", "bundle_name": "sales", "is_paused": true}, {"dag_id": "other", "bundle_name": "returns"}},
		runs: []map[string]any{run("daily", "r2", "running", 2*time.Hour), run("daily", "r1", "failed", time.Hour), run("gone", "r1", "failed", time.Hour)},
		tasks: []map[string]any{
			{"dag_id": "daily", "dag_run_id": "r1", "task_id": "second", "state": "upstream_failed", "map_index": -1},
			{"dag_id": "daily", "dag_run_id": "r1", "task_id": "late", "state": "failed", "map_index": -1, "try_number": 1, "end_date": at(time.Hour + time.Minute)},
			{"dag_id": "daily", "dag_run_id": "r1", "task_id": "first", "state": "failed", "map_index": 3, "try_number": 2, "end_date": at(time.Hour)},
		},
		logs:   map[string]string{"first/logs/2": `{"event":"Process terminated by signal.","signal_name":"SIGKILL"}` + "\n"},
		broken: []map[string]any{{"bundle_name": "returns", "filename": "b.py", "timestamp": at(0), "stack_trace": "SECRET"}},
	}
	follower := airflow.Follow(clientOf(t, f))
	look := func() (map[string]airflow.Project, []airflow.Failure) {
		t.Helper()
		projects, failures, err := follower.Look(t.Context(), noon)
		if err != nil {
			t.Fatal(err)
		}
		return projects, failures
	}
	f.status = http.StatusServiceUnavailable // it is told of from when it was asked first
	if _, _, err := follower.Look(t.Context(), noon.Add(90*time.Minute)); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("an Airflow that does not answer: %v", err)
	}
	f.status = 0
	projects, failures := look()
	sales := projects["sales"]
	if sales.Dags != 2 || sales.Paused != 1 || sales.Running != 1 || len(sales.Failed) != 1 || len(failures) != 0 {
		t.Errorf("at first: %+v, and told is %v", projects, failures)
	}
	if got := sales.Failed[0].String(); !strings.HasPrefix(got, "daily: the task first[3] failed: out-of-memory: ") {
		t.Errorf("said is %q", got)
	}
	if diff := cmp.Diff([]string{"b.py"}, projects["returns"].Broken); diff != "" {
		t.Errorf("broken (-want +got):\n%s", diff)
	}

	f.runs = []map[string]any{run("daily", "r2", "failed", 2*time.Hour), run("daily", "r1", "failed", time.Hour)}
	if _, failures = look(); len(failures) != 1 || failures[0].Bundle != "sales" {
		t.Errorf("told is %v, want the run that failed meanwhile", failures)
	}
	if _, failures = look(); len(failures) != 0 {
		t.Errorf("told again is %v", failures)
	}
	if last := slices.IndexFunc(f.asked, func(s string) bool { return strings.HasPrefix(s, "/af/api/v2/dags/~/dagRuns 2026-11-24") }); last < 0 {
		t.Errorf("the first look reaches not far enough back: %v", f.asked)
	}

	f.runs = []map[string]any{run("daily", "r3", "success", 3*time.Hour)}
	if projects, failures = look(); len(projects["sales"].Failed) != 0 || projects["sales"].Running != 0 || len(failures) != 0 {
		t.Errorf("once it works again: %+v, %v", projects["sales"], failures)
	}
	f.runs = []map[string]any{run("daily", "r1", "failed", time.Hour)} // an older one that is cleared and fails again
	if projects, _ = look(); len(projects["sales"].Failed) != 0 {
		t.Errorf("an older run says how it is: %+v", projects["sales"])
	}
}

// TestExplain: what Airflow's own supervisor and known exceptions say becomes a code, and no word of a program a text.
func TestExplain(t *testing.T) {
	raised := func(kind, value string) airflow.Line {
		var l airflow.Line
		data, err := json.Marshal(map[string]any{"event": "Task failed with exception", "error_detail": []any{map[string]any{"exc_type": kind, "exc_value": value}}})
		if err == nil {
			err = json.Unmarshal(data, &l)
		}
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for name, tc := range map[string]struct {
		reason string
		log    []airflow.Line
		want   health.Code
	}{
		"Nothing":   {"without a log there is no reason", nil, health.Unknown},
		"Killed":    {"what is killed took too much memory", []airflow.Line{{Event: "x"}, {Signal: "SIGKILL"}}, health.OutOfMemory},
		"Ended":     {"what is asked to end was evicted", []airflow.Line{{Signal: "SIGTERM"}}, health.Evicted},
		"Timeout":   {"what takes too long is over its deadline", []airflow.Line{raised("AirflowTaskTimeout", "")}, health.Deadline},
		"Memory":    {"Python's own word for it", []airflow.Line{raised("MemoryError", "")}, health.OutOfMemory},
		"Pod":       {"a pod's reason is that of the task", []airflow.Line{raised("PodFailed", "image-pull: SECRET")}, health.ImagePull},
		"PodOther":  {"of which only the known codes count", []airflow.Line{raised("PodFailed", "SECRET: x")}, health.Exit},
		"Exception": {"any other exception is an exit", []airflow.Line{raised("SECRET", "SECRET")}, health.Exit},
		"Printed":   {"what a program prints is no reason", []airflow.Line{{Event: "SECRET SIGKILL out-of-memory"}}, health.Exit},
	} {
		got := airflow.Explain(tc.log)
		if got.Code != tc.want || got.Summary == "" || strings.Contains(got.Summary, "SECRET") {
			t.Errorf("%s: %s: %+v, want %s", name, tc.reason, got, tc.want)
		}
	}
}
