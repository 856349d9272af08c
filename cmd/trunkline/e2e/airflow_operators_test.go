// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

// operatorsDAG has a task of each operator and sensor. %WORK% is a folder of this machine, and DBT the program.
const operatorsDAG = `
from airflow.sdk import DAG
from trunkline_airflow import ContainerOperator, ContainerSensor, DbtTaskGroup, LotSensor, SecretValue

def sh(script):
    return ["/bin/sh", "-ec", script]

quick = {"startup_check_interval_seconds": 1, "size": "tiny", "user": 65534, "startup_timeout_seconds": 60}
with DAG("shop", schedule=None, default_args=quick):
    lot = LotSensor(task_id="lot", dataset="clean@1", lot="20260101PT1H000", poke_interval=1, timeout=60)
    look = ContainerSensor(task_id="look", command=sh("test -e %WORK%/seen || { touch %WORK%/seen; exit 7; }"), poke_interval=1, timeout=60)
    load = ContainerOperator(
        task_id="load", identity="loader", command=sh('test "$PASSWORD" = "hunter2 of db"; echo "{\\"rows\\": 3}" >"$TRUNKLINE_RESULT"'),
        env_vars={"PASSWORD": "$(WORD) of db", "WORD": SecretValue("db", "password")}, xcom_push=True,
    )
    told = ContainerOperator(
        task_id="told", workload="telling", command=sh('echo "$TRUNKLINE_WORKLOAD $1 $2 $3" >%WORK%/told'),
        arguments=["sh", "{{ ti.xcom_pull('load')['rows'] }}", "{{ conn.warehouse.host }}", "{{ var.value.limit }}"],
    )
    dbt = DbtTaskGroup(
        manifest_file="target/manifest.json", operator_args={"env_vars": {"DBT_SEND_ANONYMOUS_USAGE_STATS": "0", "HOME": "/tmp"}},
        command=["DBT", "{command}", "--select", "{model}", "--project-dir", "%WORK%/dbt", "--profiles-dir", "%WORK%/dbt",
                 "--target-path", "/tmp/target", "--log-path", "/tmp/logs"],
    )
    lot >> look >> load >> told >> dbt
`

// brokenDAG has a task for each of some reasons, none of which waits for another.
const brokenDAG = `
from airflow.sdk import DAG
from trunkline_airflow import ContainerOperator, SecretValue

quick = {"startup_check_interval_seconds": 1, "size": "tiny", "user": 65534, "startup_timeout_seconds": 3}
with DAG("broken", schedule=None, default_args=quick):
    ContainerOperator(task_id="ends", command=["/bin/sh", "-c", "echo my-password >/dev/termination-log; exit 3"])
    ContainerOperator(task_id="absent", command=["/no/such/program"])
    ContainerOperator(task_id="secret", command=["true"], env_vars={"A": SecretValue("none", "x")})
    ContainerOperator(task_id="image", image="trunkline.local/none:1", command=["true"])
    ContainerOperator(task_id="late", command=["sleep", "60"], active_deadline_seconds=2)
    ContainerOperator(task_id="large", command=["true"], size="mx.4xlarge")
`

// sparkDAG has an application of PySpark with executors.
const sparkDAG = `
from airflow.sdk import DAG
from trunkline_airflow import SparkOperator

with DAG("spark", schedule=None):
    SparkOperator(
        task_id="count", application="%WORK%/count.py", application_args=["%WORK%/counted"], identity="loader", user=65534, startup_check_interval_seconds=1,
        driver_size="spark", executor_size="spark", executors=1, executor_tasks=1, executor_command=["%WORK%/entry.sh"],
        env_vars={"SPARK_HOME": "%SPARK%", "JAVA_HOME": "%JAVA%", "PYSPARK_PYTHON": "python3"}, conf={"spark.ui.enabled": False},
    )
`

// countPy counts in an executor.
const countPy = `import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
total = spark.sparkContext.parallelize(range(10), 1).map(lambda n: n * 2).sum()
with open(sys.argv[1], "w") as out:
    out.write(str(total))
spark.stop()
`

// TestAirflowOperators: Airflow itself runs a DAG of the package trunkline-airflow on a real API server, with the real dbt and the real program lot.
// Pods are what the project's workloads are, have the labels by which they are counted, and say why they failed.
func TestAirflowOperators(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Airflow")
	}
	a := newOperators(t)
	a.dbt()
	a.secret("db", nil, map[string]string{"password": "hunter2"})
	a.secret("warehouse", map[string]string{"airflow.trunkline.dev/connection": "warehouse"}, map[string]string{"conn_type": "http", "host": "db.example", "password": "hunter2"})
	a.secret("limit", map[string]string{"airflow.trunkline.dev/variable": "limit"}, map[string]string{"value": "42"})
	pods := a.watch()
	lot := filepath.Join(a.dir, "manifests/datasets/name=clean/version=1/lot=20260101PT1H000/state=complete")
	a.onFailed("shop.lot", func() error {
		text := fmt.Sprintf(`{"state":"complete","comment":null,"lotId":"20260101PT1H000","uriType":"identifier","uris":["file://%s/lake/clean/a"]}`, a.dir)
		return errors.Join(os.MkdirAll(lot, 0o755), os.WriteFile(filepath.Join(lot, "manifest.json"), []byte(text), 0o644))
	})
	log, err := a.airflow("dags", "test", "shop")
	if err != nil {
		t.Fatalf("the DAG failed: %v\n%s", err, log)
	}
	told, err := os.ReadFile(filepath.Join(a.dir, "told"))
	if diff := cmp.Diff("telling 3 db.example 42\n", string(told)); diff != "" {
		t.Errorf("the task was told something else (-want +got):\n%s\n%v", diff, err)
	}
	seen := pods()
	if len(seen) == 0 {
		t.Fatalf("there were no pods:\n%s", log)
	}
	workloads := map[string]int{}
	for _, p := range seen {
		workload := p.Labels["trunkline.dev/workload"]
		if strings.HasPrefix(workload, "shop.dbt.relationships_clean_id") {
			workload = "shop.dbt.relationships" // the name ends in "_", which no label does
		}
		workloads[workload]++
		want := map[string]string{
			"trunkline.dev/project": "shop", "trunkline.dev/environment": "dev", "trunkline.dev/run": seen[0].Labels["trunkline.dev/run"], "app.kubernetes.io/part-of": "shop",
		}
		got := maps.Clone(p.Labels)
		maps.DeleteFunc(got, func(key, _ string) bool { return want[key] == "" })
		if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(want["trunkline.dev/run"], "shop.") {
			t.Errorf("labels of %s (-want +got):\n%s", p.Name, diff)
		}
		account := map[bool]string{true: "loader", false: "shop"}[p.Labels["trunkline.dev/workload"] == "shop.load"]
		if limit := p.Spec.Containers[0].Resources.Limits.Cpu().String(); p.Spec.ServiceAccountName != account || limit != "20m" {
			t.Errorf("%s runs as %s with a limit of %s cores, want %s with 20m", p.Name, p.Spec.ServiceAccountName, limit, account)
		}
	}
	want := map[string]int{
		"shop.lot": 2, "shop.look": 2, "shop.load": 1, "telling": 1, "shop.dbt.orders": 1, "shop.dbt.clean": 1, "shop.dbt.clean_test": 1, "shop.dbt.total": 1,
		"shop.dbt.relationships": 1,
	}
	if diff := cmp.Diff(want, workloads); diff != "" {
		t.Errorf("pods by workload (-want +got):\n%s\n%s", diff, log)
	}
	if strings.Contains(log, "hunter2") {
		t.Errorf("a secret is in the log:\n%s", log)
	}

	log, _ = a.airflow("dags", "test", "broken") // which fails
	for task, says := range map[string]string{
		"ends":   `exit: container "main" of pod ends-\S+ failed: it ended with exit code 3`,
		"absent": `command: container "main" of pod absent-\S+ cannot be started: `,
		"secret": `config: pod secret-\S+ refers to what is not there: .*"none" not found`,
		"image":  `image-pull: container "main" of pod image-\S+ cannot get its image "trunkline.local/none:1": `,
		"late":   `deadline: pod late-\S+ took longer than it may \(2 seconds\)`,
		"large":  `quota: the cluster does not take the pod: .*exceeded quota`,
	} {
		if !regexp.MustCompile(says).MatchString(log) {
			t.Errorf("the log does not say of the task %s %q:\n%s", task, says, grep(log, task))
		}
	}
	if strings.Contains(log, "my-password") {
		t.Errorf("what a program left is in the log")
	}

	a.spark()
	log, err = a.airflow("dags", "test", "spark")
	if err != nil {
		t.Fatalf("the DAG of Spark failed: %v\n%s", err, log)
	}
	counted, err := os.ReadFile(filepath.Join(a.dir, "counted"))
	if string(counted) != "90" {
		t.Errorf("Spark counted %q, want 90: %v\n%s", counted, err, log)
	}
	executors := 0
	for _, p := range pods() {
		if p.Labels["spark-role"] != "executor" {
			continue
		}
		executors++
		if p.Labels["trunkline.dev/workload"] != "spark.count" || !strings.HasPrefix(p.Labels["trunkline.dev/run"], "spark.") || p.Labels["trunkline.dev/project"] != "shop" {
			t.Errorf("the executor %s is counted as nothing's: %v", p.Name, p.Labels)
		}
	}
	if executors == 0 {
		t.Error("there was no executor")
	}
}

// operators is a project with a bundle of DAG files, on a cluster of its own.
type operators struct {
	t       *testing.T
	dir     string
	env     []string
	python  string
	cluster *clustertest.Cluster
	client  kubernetes.Interface

	mu     sync.Mutex
	pods   map[string]*corev1.Pod
	failed map[string]func() error
}

const operatorsNamespace = "shop-dev"

func newOperators(t *testing.T) *operators {
	t.Helper()
	site, err := cached.Path("trunkline-airflow/site", "airflow-package")
	if err != nil {
		t.Fatal(err)
	}
	python, err := cached.Path("engines/airflow/bin/python", "engines")
	if err != nil {
		t.Fatal(err)
	}
	a := &operators{t: t, dir: t.TempDir(), python: python, pods: map[string]*corev1.Pod{}, failed: map[string]func() error{}}
	for _, sub := range []string{"", "bin", "home", "lake", "manifests", "dbt", "dbt/models", "dbt/seeds", "dags", "dags/target", "dags/.trunkline"} {
		a.check(os.MkdirAll(filepath.Join(a.dir, sub), 0o777))
		a.check(os.Chmod(filepath.Join(a.dir, sub), 0o777))
	}
	program, err := os.ReadFile(built(t, "lot"))
	a.check(err)
	a.check(os.WriteFile(filepath.Join(a.dir, "bin/lot"), program, 0o755))
	t.Setenv("PATH", filepath.Join(a.dir, "bin")+":"+os.Getenv("PATH")) // the image of containers is this machine
	a.cluster = clustertest.Start(t, clustertest.Options{Name: "airflow", Mode: clustertest.Exec, Network: clustertest.Pods, Args: []string{"--mount", a.dir + "=" + a.dir}})
	a.client = a.cluster.Client(t)
	context := a.context()
	a.write("dags/.trunkline/context.json", string(context))
	a.write("dags/shop.py", operatorsDAG)
	a.write("dags/broken.py", brokenDAG)

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorsNamespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	_, err = a.client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{})
	a.check(err)
	for _, name := range []string{"shop", "loader"} {
		_, err := a.client.CoreV1().ServiceAccounts(operatorsNamespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		a.check(err)
	}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "q"}}
	a.check(json.Unmarshal([]byte(`{"spec":{"hard":{"limits.cpu":"4"}}}`), quota))
	_, err = a.client.CoreV1().ResourceQuotas(operatorsNamespace).Create(t.Context(), quota, metav1.CreateOptions{})
	a.check(err)

	backend, err := json.Marshal(map[string]string{"namespace": operatorsNamespace, "kubeconfig": a.cluster.Kubeconfig})
	a.check(err)
	connection, err := json.Marshal(map[string]any{"conn_type": "kubernetes", "extra": map[string]any{"kube_config_path": a.cluster.Kubeconfig, "in_cluster": false}})
	a.check(err)
	a.env = append(os.Environ(), "PYTHONPATH="+site, "AIRFLOW_HOME="+filepath.Join(a.dir, "home"), "AIRFLOW__CORE__DAGS_FOLDER="+filepath.Join(a.dir, "dags"),
		"AIRFLOW__CORE__LOAD_EXAMPLES=False", "AIRFLOW_CONN_KUBERNETES_DEFAULT="+string(connection), "AIRFLOW__SECRETS__BACKEND=trunkline_airflow.secrets.ClusterSecrets",
		"AIRFLOW__SECRETS__BACKEND_KWARGS="+string(backend), "PYTHONDONTWRITEBYTECODE=1", "NO_COLOR=1", "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG=False")
	if log, err := a.airflow("db", "migrate"); err != nil {
		t.Fatalf("making Airflow's database: %v\n%s", err, log)
	}
	return a
}

func (a *operators) check(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// write writes a file, in which %WORK% is the folder of the test and DBT the program.
func (a *operators) write(name, text string) {
	a.t.Helper()
	dbt, err := cached.Path("engines/dbt/bin/dbt", "engines")
	a.check(err)
	spark, java := cached.Spark(a.t)
	text = strings.NewReplacer("%WORK%", a.dir, "%SPARK%", spark, "%JAVA%", java, "DBT\"", dbt+"\"").Replace(text)
	a.check(os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o644))
}

// context is what Trunkline renders beside the DAG files.
func (a *operators) context() []byte {
	a.t.Helper()
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	files := map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: eu}\nspec: {sizes: {tiny: {cpu: 20m, memory: 256Mi}, spark: {cpu: 100m, memory: 1Gi}}}\n",
		"env.yaml": head + fmt.Sprintf("kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [eu], stores: {lake: %q}, lots: {manifests: %q}, lotImage: %q}\n",
			"file://"+a.dir+"/lake", "file://"+a.dir+"/manifests/", "trunkline.local/host:1"),
		"shop/project.yaml": head + `kind: Project
metadata: {name: shop}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  datasets: [{name: clean, version: "1", path: lake://clean/, lots: {unit: hourly, since: "2026-01-01T00:00:00Z"}}]
  workloads: [{name: load, blueprint: container-job, identity: loader, command: [load], writes: {main: clean@1}}]
`,
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	a.check(err)
	if problems.Denied() {
		a.t.Fatal(problems)
	}
	p, _ := cat.Project("shop")
	out, err := cat.TaskContext(p, cat.ReleasesOf(p)[0]).Encode()
	a.check(err)
	return out
}

// dbt makes a project of dbt, and has dbt itself write its manifest.
func (a *operators) dbt() {
	a.t.Helper()
	a.write("dbt/dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\nmodels: {shop: {+materialized: table}}\n")
	a.write("dbt/profiles.yml", "shop: {target: dev, outputs: {dev: {type: duckdb, path: %WORK%/dbt/shop.duckdb}}}\n")
	a.write("dbt/seeds/orders.csv", "id,amount\n1,2\n2,3\n")
	a.write("dbt/models/clean.sql", "select * from {{ ref('orders') }}\n")
	a.write("dbt/models/total.sql", "select sum(amount) as amount from {{ ref('clean') }}\n")
	a.write("dbt/models/schema.yml", "models:\n  - name: clean\n    columns:\n      - name: id\n        data_tests: [unique, not_null, {relationships: {arguments: {to: \"ref('orders')\", field: id}}}]\n")
	program, err := cached.Path("engines/dbt/bin/dbt", "engines")
	a.check(err)
	cmd := exec.CommandContext(a.t.Context(), program, "parse", "--project-dir", a.dir+"/dbt", "--profiles-dir", a.dir+"/dbt", "--target-path", a.dir+"/dags/target", "--log-path", a.t.TempDir())
	cmd.Dir, cmd.Env = a.dir+"/dbt", append(os.Environ(), "DBT_SEND_ANONYMOUS_USAGE_STATS=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("dbt parse: %v\n%s", err, out)
	}
}

// spark puts the program of the DAG of Spark into the folder. Its account gets the right to make executors.
func (a *operators) spark() {
	a.t.Helper()
	a.write("count.py", countPy)
	a.check(os.WriteFile(filepath.Join(a.dir, "entry.sh"), []byte(sparkEntry), 0o755))
	a.write("dags/spark.py", sparkDAG)
	meta := metav1.ObjectMeta{Name: "spark-driver"}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"create", "get", "list", "watch", "delete", "deletecollection"}},
	}}
	_, err := a.client.RbacV1().Roles(operatorsNamespace).Create(a.t.Context(), role, metav1.CreateOptions{})
	a.check(err)
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "spark-driver"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "loader", Namespace: operatorsNamespace}},
	}
	_, err = a.client.RbacV1().RoleBindings(operatorsNamespace).Create(a.t.Context(), binding, metav1.CreateOptions{})
	a.check(err)
}

func (a *operators) secret(name string, labels, values map[string]string) {
	a.t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, StringData: values}
	_, err := a.client.CoreV1().Secrets(operatorsNamespace).Create(a.t.Context(), s, metav1.CreateOptions{})
	a.check(err)
}

// onFailed does something once, when a pod of a workload has failed.
func (a *operators) onFailed(workload string, do func() error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed[workload] = do
}

// watch follows pods, and returns what were seen: each as it was last.
func (a *operators) watch() func() []*corev1.Pod {
	a.t.Helper()
	w, err := a.client.CoreV1().Pods(operatorsNamespace).Watch(a.t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/workload"})
	a.check(err)
	a.t.Cleanup(w.Stop)
	go func() {
		for event := range w.ResultChan() {
			p, ok := event.Object.(*corev1.Pod)
			if !ok {
				continue
			}
			a.mu.Lock()
			a.pods[p.Name] = p
			workload := p.Labels["trunkline.dev/workload"]
			do := a.failed[workload]
			if do != nil && p.Status.Phase == corev1.PodFailed {
				delete(a.failed, workload)
				if err := do(); err != nil {
					a.t.Error(err)
				}
			}
			a.mu.Unlock()
		}
	}()
	return func() []*corev1.Pod {
		a.mu.Lock()
		defer a.mu.Unlock()
		return slices.Collect(maps.Values(a.pods))
	}
}

// airflow runs a command of Airflow, and returns what it said.
func (a *operators) airflow(args ...string) (string, error) {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), a.python, append([]string{"-m", "airflow"}, args...)...)
	cmd.Dir, cmd.Env = a.dir, a.env
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err := cmd.Run()
	return log.String(), err
}
