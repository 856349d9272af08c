// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/status"
)

var ofAirflow = catalog.AirflowPlace{
	ReleaseID: catalog.ReleaseID{Project: "engine", Environment: "dev", Cluster: "one"}, Workload: "airflow", Namespace: "engine-dev", Account: "engine", Base: "/airflow/dev/engine/airflow",
}

// TestAirflowRole: what someone may do in Airflow follows from what they may do with the project that runs it.
func TestAirflowRole(t *testing.T) {
	binding := func(role v1alpha1.AccessRole, user string) v1alpha1.AccessBinding {
		b := v1alpha1.AccessBinding{Role: role, Users: []string{user}}
		if role.OfProjects() {
			b.Projects = []string{"engine"}
		}
		if role.OfEnvironments() {
			b.Environments = []string{"dev"}
		}
		return b
	}
	rules := access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
		binding(v1alpha1.PlatformAdmin, "ada"), binding(v1alpha1.PlatformViewer, "vic"), binding(v1alpha1.EnvironmentOperator, "olga"),
		binding(v1alpha1.EnvironmentAdmin, "eve"), binding(v1alpha1.EnvironmentContributor, "dora"), binding(v1alpha1.ProjectContributor, "pam"),
		{Role: v1alpha1.EnvironmentAdmin, Users: []string{"far"}, Environments: []string{"prod"}},
	}}}})
	got := map[string]airflow.Role{}
	for _, name := range []string{"ada", "vic", "olga", "eve", "dora", "pam", "far", "nobody"} {
		if role, may := airflowRole(rules, access.Principal{Name: name, SignOn: access.BySession}, ofAirflow); may {
			got[name] = role
		}
	}
	want := map[string]airflow.Role{"ada": airflow.Admin, "olga": airflow.User, "eve": airflow.Op, "dora": airflow.User, "pam": airflow.Viewer}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}

// TestShownDags: a task that failed is told with its reason, and with the way to its log.
func TestShownDags(t *testing.T) {
	failed := airflow.Failure{Task: airflow.Task{Dag: "daily", Run: "scheduled__2026-01-01T00:00:00+00:00", Task: "load", Index: -1}, Reason: health.Reason{Code: health.Deadline, Summary: "too long"}}
	for name, tc := range map[string]struct {
		project airflow.Project
		err     error
		want    status.Dags
		said    string
	}{
		"Fine": {airflow.Project{Dags: 2, Paused: 1}, nil, status.Dags{Dags: 2, Paused: 1}, ""},
		"Failed": {
			airflow.Project{Dags: 1, Running: 1, Failed: []airflow.Failure{failed}},
			nil,
			status.Dags{
				Dags: 1, Running: 1, Failed: 1, Message: "daily: the task load failed: deadline: too long",
				Log: "/apps/airflow/dev/engine/airflow?to=dags%2Fdaily%2Fruns%2Fscheduled__2026-01-01T00%3A00%3A00%2B00%3A00%2Ftasks%2Fload",
			},
			"DAGs: 1 running, 1 failed: daily: the task load failed: deadline: too long, its log is at /apps/airflow/dev/engine/airflow?to=dags%2Fdaily%2Fruns%2Fscheduled__2026-01-01T00%3A00%3A00%2B00%3A00%2Ftasks%2Fload",
		},
		"Broken": {airflow.Project{Broken: []string{"a.py"}}, nil, status.Dags{Broken: 1, Message: `Airflow cannot load the file "a.py"`}, `DAGs: 1 with files that cannot be loaded: Airflow cannot load the file "a.py"`},
		"Away":   {airflow.Project{}, errors.New("SECRET"), status.Dags{Unknown: true}, "DAGs: Airflow does not answer"},
	} {
		got := shownDags(ofAirflow, tc.project, tc.err)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got.String() != tc.said {
			t.Errorf("%s: said is %q, want %q", name, got.String(), tc.said)
		}
	}
}

// TestAirflowKeys: a key is read once a minute, and what cannot be read is not kept.
func TestAirflowKeys(t *testing.T) {
	var keys airflowKeys
	read, now := 0, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	ask := func(at time.Duration, err error) string {
		key, _ := keys.of(airflowFor{place: ofAirflow}, now.Add(at), keyLife, func() (string, error) { read++; return map[bool]string{true: "key"}[err == nil], err })
		return key
	}
	got := []string{ask(0, errors.New("no")), ask(0, nil), ask(30*time.Second, nil), ask(2*time.Minute, nil)}
	if diff := cmp.Diff([]string{"", "key", "key", "key"}, got); diff != "" || read != 3 {
		t.Errorf("keys, read %d times, want 3 (-want +got):\n%s", read, diff)
	}
}
