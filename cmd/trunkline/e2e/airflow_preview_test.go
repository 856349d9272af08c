// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/reconciler/tunnel"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

// onceDag says where it runs.
const onceDag = `import json
from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task


@dag(schedule="@once", start_date=datetime(2026, 1, 1))
def once():
    @task
    def say():
        context = json.loads((Path(__file__).parent / ".trunkline" / "context.json").read_text())
        print("hello from", context["environment"])

    say()


once()
`

// TestAirflowPreview: the DAGs of a pull request have an Airflow of their own, with a database that ends with it, in which nothing runs before a person wants it. That
// of the trunk is suspended, so that there is one at a time.
func TestAirflowPreview(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Airflow")
	}
	programs := cached.Airflow(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	cluster := clustertest.Start(t, clustertest.Options{
		Name: "preview", Mode: clustertest.Exec, Network: clustertest.Pods, Args: append([]string{"--mount", dir + "=" + dir}, postgresArgs(t, dir)...),
	})
	engine := func(suspend string) string {
		return fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: engine}
spec:
  owner: olga
  environments: [dev]
  %s
  workloads:
    - name: airflow
      blueprint: airflow
      image: trunkline.local/host:1
      env: {PATH: "%s:/usr/local/bin:/usr/bin:/bin"}
      params: {user: 65534, executor: LocalExecutor, parallelism: 2, triggerer: false, database: {from: of-people}, logs: {folder: "s3://acme-logs/airflow"}}
`, suspend, programs)
	}
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	hub := newForgeOf(t, cluster, map[string]string{
		"trunkline.yaml":      head + "kind: Platform\nmetadata: {name: shop}\n",
		"cluster.yaml":        head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":            head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], orchestrator: airflow, healthTimeout: 10m, preview: {ttl: 48h}}\n",
		"CODEOWNERS":          "* @olga\n",
		"engine/project.yaml": engine("suspend: true"),
	})
	door := freeAddress(t)
	hub.args = append(hub.args, "--apps-listen", door)
	hub.start()
	number, sha := hub.open("dags", "A DAG", map[string]string{
		"engine/project.yaml":    engine("suspend: false"),
		"sales/project.yaml":     head + "kind: Project\nmetadata: {name: sales}\nspec: {owner: olga, environments: [dev], dags: [\"dags/*_dag.py\"]}\n",
		"sales/dags/once_dag.py": onceDag,
	}, "olga")
	environment := "pr-" + strconv.Itoa(number)
	namespace := "engine-" + environment
	hub.awaitCheck(sha, "success")

	of := tunnel.New("preview", func() (*rest.Config, error) { return clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig) }, 0)
	key := func(ctx context.Context) (string, error) {
		return of.Secret(ctx, tunnel.As{Namespace: namespace}, "airflow-keys", "jwt")
	}
	f := &flow{lake: &lake{t: t, dir: dir, cluster: cluster}, namespace: namespace, airflow: airflow.New(airflow.Options{
		Base: "/airflow/" + environment + "/engine/airflow", Token: signed(key, airflow.User),
		Dial: func(ctx context.Context) (net.Conn, error) {
			return of.DialService(ctx, tunnel.As{Namespace: namespace}, "airflow", "http")
		},
	})}
	f.until("the DAG of the pull request", func(ctx context.Context) (bool, any, error) {
		dags, err := f.dags(ctx)
		return dags["once"].Version != "", dags, err
	})
	dags, err := f.dags(t.Context())
	runs, failed := f.airflow.Runs(t.Context(), time.Time{})
	if err != nil || failed != nil || !dags["once"].Paused || dags["once"].Bundle != "sales" || len(runs) != 0 {
		t.Fatalf("before a person looks there are %+v, %v and the runs %+v, %v", dags, err, runs, failed)
	}
	if volumes, err := cluster.Client(t).CoreV1().PersistentVolumeClaims(namespace).List(t.Context(), metav1.ListOptions{}); err != nil || len(volumes.Items) != 0 {
		t.Errorf("the database of the preview is kept: %+v, %v", volumes, err)
	}
	if err := f.airflow.Do(t.Context(), http.MethodPatch, "/dags/once", nil, map[string]any{"is_paused": false}, nil); err != nil {
		t.Fatal(err)
	}
	f.ends("once", "success")
	out, errs, code := command(t, "dags", "log", "sales/once", "--server", hub.daemon.server, "--env", environment)
	if code != 0 || !strings.Contains(out, "hello from "+environment) {
		t.Errorf("the log of the preview ended with %d: %s%s", code, out, errs)
	}

	f.enters(hub.daemon, door, environment, "once")
	hub.daemon.await("the DAGs of the preview in the status", func(p status.Platform) bool {
		at := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.Project == "sales" && r.Environment == environment })
		return at >= 0 && p.Releases[at].Dags != nil && p.Releases[at].Dags.Dags == 1
	})

	if err := hub.repo.Close(number, "olga"); err != nil {
		t.Fatal(err)
	}
	f.until("the preview to be gone", func(ctx context.Context) (bool, any, error) {
		left, err := cluster.Client(t).AppsV1().StatefulSets(namespace).Get(ctx, "airflow-db", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil, nil
		}
		return false, left, err
	})
}
