// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/tunnel"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

// airflowWait bounds how long Airflow takes for anything: on two cores that others use, it starts in two minutes.
const airflowWait = 5 * time.Minute

// dailyDag imports a module beside it, as DAG files do.
const dailyDag = `from datetime import datetime

from airflow.sdk import dag, task

from words import WORD


@dag(schedule="@once", start_date=datetime(2026, 1, 1))
def daily():
    @task
    def greet():
        print("the word is", WORD)

    greet()


daily()
`

// brokenDag has a task whose process is killed, as the kernel does when memory is short.
const brokenDag = `import os, signal
from datetime import datetime

from airflow.sdk import dag, task


@dag(schedule="@once", start_date=datetime(2026, 1, 1))
def broken():
    @task
    def hungry():
        os.kill(os.getpid(), signal.SIGKILL)

    hungry()


broken()
`

// flow is a platform with an Airflow.
type flow struct {
	*lake

	airflow *airflow.Client
	options *airflow.Options
}

// newFlow declares a platform whose environment has an Airflow of these params, and a project with DAGs.
func newFlow(t *testing.T, name, params string) *flow {
	t.Helper()
	programs := cached.Airflow(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // pods are other users
		t.Fatal(err)
	}
	f := &flow{lake: &lake{
		t: t, dir: dir, repo: gittest.New(t), data: t.TempDir(), hook: newHook(t),
		cluster: clustertest.Start(t, clustertest.Options{Name: name, Mode: clustertest.Exec, Network: clustertest.Pods, Args: []string{"--mount", dir + "=" + dir}}),
	}}
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	files := map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: flow}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], orchestrator: airflow, healthTimeout: 10m}\n",
		"engine/project.yaml": head + fmt.Sprintf(`kind: Project
metadata: {name: engine}
spec:
  owner: platform
  environments: [dev]
  workloads:
    - name: airflow
      blueprint: airflow
      image: trunkline.local/host:1
      env: {PATH: "%s:/usr/local/bin:/usr/bin:/bin", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: "sqlite:///%s"}
      params: {user: 65534, triggerer: false, parallelism: 2, %s}
`, programs, filepath.Join(dir, "airflow.db"), params),
		"sales/project.yaml":    head + "kind: Project\nmetadata: {name: sales}\nspec: {owner: team, environments: [dev], dags: [\"dags/*_dag.py\"]}\n",
		"sales/dags/words.py":   "WORD = 'one'\n",
		"sales/dags/day_dag.py": dailyDag,
	}
	f.repo.Commit(t, "airflow", files)
	cluster := tunnel.New(name, func() (*rest.Config, error) { return clientcmd.BuildConfigFromFlags("", f.cluster.Kubeconfig) }, 0)
	f.options = &airflow.Options{
		Base: "/airflow/dev/engine/airflow", Subject: "test", Role: airflow.Op,
		Dial: func(ctx context.Context) (net.Conn, error) {
			return cluster.DialService(ctx, tunnel.As{Namespace: "engine-dev"}, "airflow", "http")
		},
		Key: func(ctx context.Context) (string, error) {
			secret, err := f.cluster.Client(t).CoreV1().Secrets("engine-dev").Get(ctx, "airflow-keys", metav1.GetOptions{})
			if err != nil {
				return "", err
			}
			return string(secret.Data["jwt"]), nil
		},
	}
	f.airflow = airflow.New(*f.options)
	t.Cleanup(f.airflow.Close)
	return f
}

// until waits until Airflow has something, and says what it said last.
func (f *flow) until(what string, ok func(ctx context.Context) (bool, any, error)) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), airflowWait)
	defer cancel()
	for {
		is, said, err := ok(ctx)
		if is && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			f.t.Fatalf("waiting for %s: Airflow says %+v, %v\n%s", what, said, err, f.logs())
		case <-time.After(time.Second):
		}
	}
}

// logs are the ends of those of Airflow's parts.
func (f *flow) logs() string {
	var out strings.Builder
	pods := f.cluster.Client(f.t).CoreV1().Pods("engine-dev")
	list, err := pods.List(context.WithoutCancel(f.t.Context()), metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	for i := range list.Items {
		text, err := pods.GetLogs(list.Items[i].Name, &corev1.PodLogOptions{TailLines: new(int64(60))}).DoRaw(context.WithoutCancel(f.t.Context()))
		fmt.Fprintf(&out, "--- %s %s %v\n%s\n", list.Items[i].Name, list.Items[i].Status.Phase, err, text)
	}
	return out.String()
}

// dags are the DAGs that there are, by their ids.
func (f *flow) dags(ctx context.Context) (map[string]airflow.Dag, error) {
	list, err := f.airflow.Dags(ctx)
	out := map[string]airflow.Dag{}
	for _, d := range list {
		out[d.ID] = d
	}
	return out, err
}

// run is the newest run of a DAG.
func (f *flow) run(ctx context.Context, dag string) (airflow.Run, error) {
	runs, err := f.airflow.Runs(ctx, time.Time{})
	for _, r := range runs {
		if r.Dag == dag {
			return r, err
		}
	}
	return airflow.Run{}, err
}

// ends waits until the run of a DAG has ended, and holds it to its end.
func (f *flow) ends(dag, state string) {
	f.t.Helper()
	var last airflow.Run
	f.until("the run of "+dag, func(ctx context.Context) (bool, any, error) {
		run, err := f.run(ctx, dag)
		last = run
		return run.Ended != nil, run, err
	})
	if last.State != state {
		f.t.Fatalf("the run of %s has ended with %q, want %q\n%s", dag, last.State, state, f.logs())
	}
}

// TestAirflow: the DAGs of a project run in the Airflow of its environment, by the version that a run began with; a task that fails says why; and what is not declared
// any more is gone.
func TestAirflow(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Airflow")
	}
	f := newFlow(t, "airflow", "executor: LocalExecutor")
	d := f.serve(binary)

	f.ends("daily", "success")
	dags, err := f.dags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := dags["daily"]
	if first.Bundle != "sales" || first.Paused || first.Version == "" || len(dags) != 1 {
		t.Errorf("Airflow has the DAGs %+v", dags)
	}
	f.printed("daily", "the word is one")
	f.refuses()

	t.Run("Next", func(t *testing.T) {
		f.repo.Commit(t, "another word, and a task that fails", map[string]string{"sales/dags/words.py": "WORD = 'two'\n", "sales/dags/broken_dag.py": brokenDag})
		d.sync()
		f.ends("broken", "failed")
		f.until("the next version", func(ctx context.Context) (bool, any, error) {
			dags, err := f.dags(ctx)
			return dags["daily"].Version != first.Version, dags, err
		})
	})
	t.Run("Gone", func(t *testing.T) {
		f.repo.Commit(t, "the project is gone", map[string]string{"sales": gittest.Delete})
		d.sync()
		f.until("the DAGs to be gone", func(ctx context.Context) (bool, any, error) {
			dags, err := f.dags(ctx)
			return len(dags) == 0, dags, err
		})
	})
}

// printed holds a text to be in the log of the task of the newest run of a DAG.
func (f *flow) printed(dag, want string) {
	f.t.Helper()
	run, err := f.run(f.t.Context(), dag)
	if err != nil {
		f.t.Fatal(err)
	}
	tasks, err := f.airflow.TasksOf(f.t.Context(), dag, run.ID)
	if err != nil || len(tasks) != 1 {
		f.t.Fatalf("the tasks of %s are %+v, %v", dag, tasks, err)
	}
	var text strings.Builder
	lines, err := f.airflow.Log(f.t.Context(), tasks[0], 1000)
	for _, l := range lines {
		text.WriteString(l.String() + "\n")
	}
	if err != nil || !strings.Contains(text.String(), want) {
		f.t.Errorf("the log of %s does not say %q: %v\n%s", dag, want, err, text.String())
	}
}

// refuses holds Airflow to refuse what comes without a token of the console's.
func (f *flow) refuses() {
	f.t.Helper()
	as := func(key string, role airflow.Role) error {
		other := *f.options
		other.Role = role
		if key != "" {
			other.Key = func(context.Context) (string, error) { return key, nil }
		}
		c := airflow.New(other)
		defer c.Close()
		return c.Do(f.t.Context(), http.MethodPatch, "/dags/daily", nil, map[string]any{"is_paused": false}, nil)
	}
	for name, tc := range map[string]struct {
		key  string
		role airflow.Role
		want string
	}{
		"someone with another key": {"another key, which is as long as it has to be for that", airflow.Admin, "401"},
		"someone who may see":      {"", airflow.Viewer, "403"},
		"someone with no role":     {"", "ROOT", "401"},
		"someone who may run":      {"", airflow.User, ""},
	} {
		if err := as(tc.key, tc.role); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			f.t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
