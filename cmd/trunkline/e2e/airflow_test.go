// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/reconciler/tunnel"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

// airflowWait bounds how long Airflow takes for anything: on two cores that others use, it starts in two minutes.
const airflowWait = 5 * time.Minute

// dailyDag imports a module beside it, as DAG files do, and has a task that is deferred to the triggerer. What it prints is a password.
const dailyDag = `import time
from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.standard.sensors.time_delta import WaitSensor
from airflow.sdk import dag, task

from words import WORD


@dag(schedule="@once", start_date=datetime(2026, 1, 1))
def daily():
    @task
    def wait():
        while not Path("GO").exists():
            time.sleep(0.5)

    @task
    def greet():
        print("the word is", WORD)
        print("the password is hunter2-of-sales")

    wait() >> WaitSensor(task_id="pause", time_to_wait=timedelta(seconds=3), deferrable=True) >> greet()


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

	// namespace is where Airflow runs.
	namespace string
	airflow   *airflow.Client
	options   *airflow.Options
}

// The databases of an Airflow: a file, and the small PostgreSQL of the blueprint.
const (
	aFile     = "file"
	aPostgres = "postgres"
)

// newFlow declares a platform whose environment has an Airflow of these params and of a database, and a project with DAGs.
func newFlow(t *testing.T, name, database, params string) *flow {
	t.Helper()
	programs := cached.Airflow(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	args, env := []string{"--mount", dir + "=" + dir}, fmt.Sprintf(`, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: "sqlite:///%s"`, filepath.Join(dir, "airflow.db"))
	if database == aPostgres {
		args, env, params = append(args, postgresArgs(t, dir)...), "", params+", database: {storage: 1Gi}"
	}
	f := &flow{namespace: "engine-dev", lake: &lake{
		t: t, dir: dir, repo: gittest.New(t), data: t.TempDir(), hook: newHook(t),
		cluster: clustertest.Start(t, clustertest.Options{Name: name, Mode: clustertest.Exec, Network: clustertest.Pods, Args: args}),
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
      env: {PATH: "%s:/usr/local/bin:/usr/bin:/bin"%s}
      params: {user: 65534, parallelism: 2, %s}
`, programs, env, params),
		"sales/project.yaml":    head + "kind: Project\nmetadata: {name: sales}\nspec: {owner: team, environments: [dev], dags: [\"dags/*_dag.py\"]}\n",
		"sales/dags/words.py":   "WORD = 'one'\n",
		"sales/dags/day_dag.py": strings.Replace(dailyDag, "GO", filepath.Join(dir, "go"), 1),
	}
	f.repo.Commit(t, "airflow", files)
	cluster := tunnel.New(name, func() (*rest.Config, error) { return clientcmd.BuildConfigFromFlags("", f.cluster.Kubeconfig) }, 0)
	f.options = &airflow.Options{
		Base: "/airflow/dev/engine/airflow", Token: signed(f.key, airflow.Op),
		Dial: func(ctx context.Context) (net.Conn, error) {
			return cluster.DialService(ctx, tunnel.As{Namespace: "engine-dev"}, "airflow", "http")
		},
	}
	f.airflow = airflow.New(*f.options)
	return f
}

// key is the one by which Airflow's tokens are made.
func (f *flow) key(ctx context.Context) (string, error) {
	secret, err := f.cluster.Client(f.t).CoreV1().Secrets("engine-dev").Get(ctx, "airflow-keys", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return string(secret.Data["jwt"]), nil
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
	pods := f.cluster.Client(f.t).CoreV1().Pods(f.namespace)
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

// TestAirflow: the DAGs of a project run in the Airflow of its environment, which has the PostgreSQL and the triggerer of the blueprint, by the version that a run
// began with; a task that fails says why; the daemon shows logs; and what is not declared any more is gone.
func TestAirflow(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Airflow")
	}
	f := newFlow(t, "airflow", aPostgres, "executor: LocalExecutor")
	door := freeAddress(t)
	d := serveWith(t, binary, "--repo", f.repo.URL(), "--data", f.data, "--cluster", "test="+f.cluster.Kubeconfig, "--poll", "1h", "--apps-listen", door)

	f.until("the first run", func(ctx context.Context) (bool, any, error) {
		run, err := f.run(ctx, "daily")
		if run.State == "failed" {
			t.Fatalf("the first run has failed\n%s", f.logs())
		}
		return run.State == "running", run, err
	})
	dags, err := f.dags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := dags["daily"]
	if first.Bundle != "sales" || first.Paused || first.Version == "" || len(dags) != 1 {
		t.Errorf("Airflow has the DAGs %+v", dags)
	}
	f.refuses()
	f.enters(d, door, "dev", "daily")

	t.Run("Next", func(t *testing.T) {
		f.repo.Commit(t, "another word, and a task that fails", map[string]string{"sales/dags/words.py": "WORD = 'two'\n", "sales/dags/broken_dag.py": brokenDag})
		d.sync()
		f.until("the next version", func(ctx context.Context) (bool, any, error) {
			dags, err := f.dags(ctx)
			return dags["daily"].Version != first.Version, dags, err
		})
		// What runs goes on by what it began with, though that is not deployed any more.
		if err := os.WriteFile(filepath.Join(f.dir, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		f.ends("daily", "success")
		f.printed("daily", "greet", "the word is one")
		f.printed("daily", "pause", "Pausing task as DEFERRED")
	})
	t.Run("Fails", func(t *testing.T) {
		f.ends("broken", "failed")
		p := d.await("the failure in the status", func(p status.Platform) bool { return strings.Contains(dagsIn(p), "failed") })
		for _, want := range []string{"1 failed: broken: the task hungry failed: out-of-memory: its process was killed", "/apps/airflow/dev/engine/airflow?to=dags%2Fbroken%2Fruns%2F"} {
			if !strings.Contains(dagsIn(p), want) {
				t.Errorf("the status does not say %q: %s", want, dagsIn(p))
			}
		}
		f.until("the failure in the history", func(context.Context) (bool, any, error) {
			var page struct {
				Items []struct{ Object, Why string } `json:"items"`
			}
			d.got("/api/v1/history?kind=task-failed&project=sales", &page)
			return len(page.Items) == 1 && page.Items[0].Object == "broken/hungry" && strings.HasPrefix(page.Items[0].Why, "out-of-memory: "), page.Items, nil
		})
	})
	t.Run("Commit", func(t *testing.T) {
		out, errs, code := command(t, "dags", "commit", "sales", first.Version, "--env", "dev", "--server", d.server)
		if code != 0 || !strings.HasSuffix(out, " airflow\n") {
			t.Errorf("the commit of the first version: ended with %d: %s%s", code, out, errs)
		}
		none := strings.Repeat("0", len(first.Version))
		if out, errs, code := command(t, "dags", "commit", "sales", none, "--env", "dev", "--server", d.server); code != 1 || !strings.Contains(errs, "none of the last 2 commits of sales/dev@test deployed the version") {
			t.Errorf("of a version that there was not: ended with %d: %s%s", code, out, errs)
		}
	})
	t.Run("Logs", func(t *testing.T) { f.showsLogs(d) })
	t.Run("Template", func(t *testing.T) { f.runsTemplate(d) })
	t.Run("Gone", func(t *testing.T) {
		f.repo.Commit(t, "the projects are gone", map[string]string{"sales": gittest.Delete, "projects": gittest.Delete})
		d.sync()
		f.until("the DAGs to be gone", func(ctx context.Context) (bool, any, error) {
			dags, err := f.dags(ctx)
			return len(dags) == 0, dags, err
		})
	})
}

// showsLogs reads logs through the daemon, as people do.
func (f *flow) showsLogs(d *daemon) {
	f.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "of-sales"}, StringData: map[string]string{"password": "hunter2-of-sales"}}
	if _, err := f.cluster.Client(f.t).CoreV1().Secrets("sales-dev").Create(f.t.Context(), secret, metav1.CreateOptions{}); err != nil {
		f.t.Fatal(err)
	}
	run, err := f.run(f.t.Context(), "daily")
	if err != nil {
		f.t.Fatal(err)
	}
	for _, tc := range []struct {
		reason    string
		args      []string
		code      int
		out, errs string
	}{
		{"a task by its name", []string{"sales/daily", "greet"}, 0, "the word is one\n", "greet of the run " + run.ID + " of daily, try 1: success"},
		{"no value of a Secret is in it", []string{"sales/daily", "greet", "--run", run.ID, "--try", "1"}, 0, "the password is [redacted]\n", ""},
		{"the task that failed", []string{"sales/broken"}, 0, "signal_name=SIGKILL", "hungry of the run "},
		{"one of several", []string{"sales/daily"}, 2, "", "none has failed of the tasks"},
		{"no such environment", []string{"sales/daily", "--env", "prod"}, 2, "", `sales is not deployed in "prod"`},
		{"no such project", []string{"sale/daily"}, 2, "", `there is no project "sale"`},
		{"a project without DAGs", []string{"engine/daily"}, 2, "", `engine deploys no DAGs to "dev"`},
		{"no such DAG", []string{"sales/nightly"}, 2, "", `Airflow has no DAG "nightly" of the project sales`},
		{"no such run", []string{"sales/daily", "greet", "--run", "manual__1"}, 2, "", "the DAG \"daily\" has no run \"manual__1\"; its newest are " + run.ID},
		{"no such task", []string{"sales/daily", "greets"}, 2, "", `has no task "greets"; it has `},
		{"no such index", []string{"sales/daily", "greet", "--map-index", "2"}, 2, "", "has no task greet[2]"},
		{"no such try", []string{"sales/daily", "greet", "--try", "2"}, 2, "", "was tried once"},
	} {
		out, errs, code := command(f.t, append([]string{"dags", "log", "--server", d.server, "--env", "dev"}, tc.args...)...)
		if code != tc.code || !strings.Contains(out, tc.out) || !strings.Contains(errs, tc.errs) || strings.Contains(out, "hunter2") {
			f.t.Errorf("%s: ended with %d: %s%s", tc.reason, code, out, errs)
		}
	}
}

// runsTemplate makes a project from the template for Airflow, and has its DAG run as it is written, whose tasks are pods of the project.
func (f *flow) runsTemplate(d *daemon) {
	f.t.Helper()
	work := filepath.Join(f.t.TempDir(), "work")
	if out, err := exec.CommandContext(f.t.Context(), "git", "clone", "--quiet", f.repo.URL(), work).CombinedOutput(); err != nil {
		f.t.Fatalf("cloning: %v: %s", err, out)
	}
	if out, errs, code := command(f.t, "new", "project", "nightly", "--template", "airflow", "--from", work, "--set", "owner=team", "--set", "image=trunkline.local/host:1", "--set", "since=2026-01-01"); code != 0 {
		f.t.Fatalf("trunkline new ended with %d: %s%s", code, out, errs)
	}
	made := map[string]string{}
	for name, text := range taken(f.t, filepath.Join(work, "projects")) {
		made["projects/"+name] = text
	}
	f.repo.Commit(f.t, "a project of a template", made)
	d.sync()
	f.until("the DAG of the template", func(ctx context.Context) (bool, any, error) {
		dags, err := f.dags(ctx)
		return dags["nightly"].Version != "", dags, err
	})
	if err := f.airflow.Do(f.t.Context(), http.MethodPost, "/dags/nightly/dagRuns", nil, map[string]any{"logical_date": "2026-01-02T00:00:00Z"}, nil); err != nil {
		f.t.Fatal(err)
	}
	f.ends("nightly", "success")
	f.printed("nightly", "report", "a report of 2026-01-02")
}

// TestAirflowPods: with the KubernetesExecutor each task is a pod, which reads the version that it belongs to and has none of Airflow's keys.
func TestAirflowPods(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Airflow")
	}
	f := newFlow(t, "airflowpods", aFile, "executor: KubernetesExecutor")
	if err := os.WriteFile(filepath.Join(f.dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	workers, err := f.cluster.Client(t).CoreV1().Pods("engine-dev").Watch(t.Context(), metav1.ListOptions{LabelSelector: "airflow.trunkline.dev/component=worker"})
	if err != nil {
		t.Fatal(err)
	}
	defer workers.Stop()
	d := f.serve(binary)
	f.ends("daily", "success")
	event := <-workers.ResultChan()
	pod, ok := event.Object.(*corev1.Pod)
	if !ok || pod.Spec.ServiceAccountName != "airflow-worker" || pod.Labels["trunkline.dev/project"] != "engine" {
		t.Errorf("the pod of a task is %+v", event.Object)
	}
	f.until("the log to be gone with the pod of its task", func(context.Context) (bool, any, error) {
		out, errs, code := command(t, "dags", "log", "sales/daily", "greet", "--env", "dev", "--server", d.server)
		return code == 2 && strings.Contains(errs, "the log of try 1 of greet is gone with its pod"), out + errs, nil
	})
	for _, v := range pod.Spec.Containers[0].Env {
		if v.ValueFrom != nil || strings.HasPrefix(v.Name, "AIRFLOW__DATABASE__") {
			t.Errorf("a task has the variable %s", v.Name)
		}
	}
}

// enters goes into Airflow from the console, as a browser does.
func (f *flow) enters(d *daemon, door, environment, dag string) {
	f.t.Helper()
	resp, err := http.Post(d.server+"/api/v1/apps/airflow/"+environment+"/engine/airflow/enter", "application/json", strings.NewReader("{}"))
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var entry struct {
		URL string `json:"url"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&entry); err != nil || resp.StatusCode != http.StatusCreated {
		f.t.Fatalf("entering Airflow: %s, %v", resp.Status, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", door)
	}}}
	get := func(address string) string {
		resp, err := browser.Get(address)
		if err != nil {
			f.t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			f.t.Fatal(err)
		}
		return resp.Status + " " + string(text)
	}
	base := "/airflow/" + environment + "/engine/airflow/"
	if page := get(entry.URL); !strings.Contains(page, `<base href="`+base+`"`) {
		f.t.Errorf("the page of Airflow is %.500s", page)
	}
	at, err := url.Parse(entry.URL)
	if err != nil {
		f.t.Fatal(err)
	}
	if dags := get(at.Scheme + "://" + at.Host + base + "api/v2/dags"); !strings.HasPrefix(dags, "200") || !strings.Contains(dags, `"`+dag+`"`) {
		f.t.Errorf("the DAGs in a browser are %.500s", dags)
	}
	jar, _ = cookiejar.New(nil)
	if browser.Jar = jar; strings.HasPrefix(get(at.Scheme+"://"+at.Host+base+"api/v2/dags"), "200") {
		f.t.Error("someone without a session sees the DAGs")
	}
}

// dagsIn is what the status says of the DAGs of the project.
func dagsIn(p status.Platform) string {
	for _, r := range p.Releases {
		if r.Project == "sales" && r.Dags != nil {
			return r.Dags.String()
		}
	}
	return ""
}

// printed holds a text to be in the log of a task of the newest run of a DAG.
func (f *flow) printed(dag, task, want string) {
	f.t.Helper()
	run, err := f.run(f.t.Context(), dag)
	if err != nil {
		f.t.Fatal(err)
	}
	tasks, err := f.airflow.TasksOf(f.t.Context(), dag, run.ID)
	at := slices.IndexFunc(tasks, func(t airflow.Task) bool { return t.Task == task })
	if err != nil || at < 0 {
		f.t.Fatalf("the tasks of %s are %+v, %v", dag, tasks, err)
	}
	var text strings.Builder
	err = f.airflow.Log(f.t.Context(), tasks[at], func(l airflow.Line) bool {
		text.WriteString(l.String() + "\n")
		return true
	})
	if err != nil || !strings.Contains(text.String(), want) {
		f.t.Errorf("the log of %s does not say %q: %v\n%s", dag, want, err, text.String())
	}
}

// refuses holds Airflow to refuse what comes without a token of the console's.
func (f *flow) refuses() {
	f.t.Helper()
	as := func(key string, role airflow.Role) error {
		other, by := *f.options, f.key
		if key != "" {
			by = func(context.Context) (string, error) { return key, nil }
		}
		other.Token = signed(by, role)
		return airflow.New(other).Do(f.t.Context(), http.MethodPatch, "/dags/daily", nil, map[string]any{"is_paused": false}, nil)
	}
	for name, tc := range map[string]struct {
		key  string
		role airflow.Role
		want string
	}{
		"someone with another key": {"another key, which is as long as it has to be for that", airflow.Admin, "Invalid JWT token"},
		"someone who may see":      {"", airflow.Viewer, "403"},
		"someone with no role":     {"", "ROOT", "Invalid JWT token"},
		"someone who may run":      {"", airflow.User, ""},
	} {
		if err := as(tc.key, tc.role); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			f.t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// signed makes tokens of a role by a key that is read for each.
func signed(key func(context.Context) (string, error), role airflow.Role) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		by, err := key(ctx)
		if err != nil {
			return "", err
		}
		return airflow.Token(by, "test", role, time.Now())
	}
}
