// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

var platform = flag.Bool("platform", false, "run the tests with the engines of data platforms, such as Spark: make test-platform")

// sparkClean counts the orders of each shop in the lots that it reads. It is PySpark, and its shuffle is done by executors.
const sparkClean = `import os, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
if len(sys.argv) > 1:
    spark.sparkContext._gateway.new_array(spark.sparkContext._gateway.jvm.long, 400, 1024, 1024)
orders = spark.read.csv(os.environ["TRUNKLINE_READ_RAW"].split("\n"), schema="shop string, amount int")
big = orders.rdd.map(lambda row: (row.shop, row.amount)).reduceByKey(lambda a, b: a + b).toDF(["shop", "amount"])
big.coalesce(1).write.mode("append").json(os.environ["TRUNKLINE_WRITE_MAIN"])
spark.stop()
`

// sparkEntry starts executors, as the entry point of Spark's own images does.
const sparkEntry = `#!/bin/sh
set -eu
env | grep '^SPARK_JAVA_OPT_' | sort -t_ -k4 -n | sed 's/[^=]*=//' | grep -v jdk.incubator >/tmp/opts
exec "$JAVA_HOME/bin/java" @/tmp/opts "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$SPARK_HOME/jars/*" org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
	--driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" --app-id "$SPARK_APPLICATION_ID" \
	--hostname "$SPARK_EXECUTOR_POD_IP" --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
`

// TestSpark: a job of PySpark reads the lots of a dataset and makes those of another one, with executors that the driver makes as pods and that are
// counted as the workload's; one that takes more memory than its heap fails with the limit as the reason; and both have their event logs in the store.
func TestSpark(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Spark")
	}
	home, java := cached.Spark(t)
	dir := t.TempDir()
	for _, sub := range []string{"lake", "lake/spark-events", "ran", "manifests", "control"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	entry := filepath.Join(dir, "entry.sh")
	if err := os.WriteFile(entry, []byte(sparkEntry), 0o755); err != nil {
		t.Fatal(err)
	}
	until := time.Now().UTC().Truncate(time.Hour)
	since := until.Add(-time.Hour)
	l := &lake{
		t: t, dir: dir, base: "file://" + dir, hours: 1, since: since, counted: map[string]bool{}, repo: gittest.New(t), data: t.TempDir(), hook: newHook(t),
		cluster: clustertest.Start(t, clustertest.Options{Name: "spark", Mode: clustertest.Exec, Network: clustertest.Pods, Args: []string{"--mount", dir + "=" + dir}}),
	}
	for lot := range lot.Range(lot.Hourly, since, until) {
		l.counted[lot.ID()] = true
	}
	files := l.declare(l.script("land", "mkdir -p $out; printf 'a,1\\nb,2\\na,3\\n' > $out/orders.csv"), "")
	files["sales/clean.py"] = sparkClean
	spark := fmt.Sprintf(`
      blueprint: spark-job
      files: [clean.py]
      env: {SPARK_HOME: %q, JAVA_HOME: %q, PYSPARK_PYTHON: python3}
      params:
        user: 65534
        executors: {instances: 2, tasks: 1, command: [%s]}
        eventLogs: lake://spark-events/
        history: https://spark.acme.example
        conf: {spark.ui.enabled: false, spark.sql.shuffle.partitions: 2}
`, home, java, entry)
	files["sales/project.yaml"] = fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: sales}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  datasets: [{name: clean, version: "1", path: "lake://sales/clean/", lots: {unit: hourly, since: %q}}]
  workloads:
    - name: clean
      command: [clean.py]
      reads: {raw: orders/raw@1}
      writes: {main: clean@1}`, since.Format(time.RFC3339)) + spark + `    - name: hungry
      command: [clean.py, more]
      retries: 0` + spark
	files["sales/project.yaml"] += fmt.Sprintf(`    - name: spark
      blueprint: spark-history
      command: [%s/bin/spark-class, org.apache.spark.deploy.history.HistoryServer]
      env: {SPARK_HOME: %q, JAVA_HOME: %q, SPARK_LOG_DIR: /tmp, SPARK_CONF_DIR: /tmp}
      params: {user: 65534, eventLogs: lake://spark-events/, conf: {spark.history.fs.update.interval: 2s}}
`, home, home, java)
	files["orders/project.yaml"] = strings.Replace(files["orders/project.yaml"], "; echo data > $out/part", "", 1)
	l.repo.Commit(t, "spark", files)
	executors := l.watchExecutors("sales-dev")
	d := l.serve(binary, "--usage")

	said := func(p status.Platform) string {
		data, err := json.Marshal(p)
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	text := said(d.await("the release to fail", func(p status.Platform) bool { return strings.Contains(said(p), "ran out of heap") }))
	for _, want := range []string{"out-of-memory", "the limit of the driver is 731Mi"} {
		if !strings.Contains(text, want) {
			t.Errorf("the status does not say %q:\n%s", want, text)
		}
	}
	l.await("the lots", func() bool { return len(l.manifests("sales", "complete")) == 1 })
	if diff := cmp.Diff(map[string]int{"a": 4, "b": 2}, l.amounts()); diff != "" {
		t.Errorf("the job made another lot (-want +got):\n%s", diff)
	}
	seen := executors()
	if len(seen) < 2 {
		t.Errorf("there were %d executors of the workload, want 2 at least: %v", len(seen), seen)
	}
	made := strings.ToLower(l.manifests("sales", "complete")[0])
	for name, labels := range seen {
		if labels["trunkline.dev/project"] != "sales" || labels["trunkline.dev/lot"] != made || labels["trunkline.dev/run"] == "" {
			t.Errorf("the executor %s is counted as nothing's: %v", name, labels)
		}
	}
	for line := range strings.Lines(l.driverLog("sales-dev", "hungry")) {
		if strings.Contains(strings.ToLower(line), "forbidden") {
			t.Errorf("a driver may not do what it does: %s", line)
		}
	}
	logs, err := filepath.Glob(filepath.Join(dir, "lake/spark-events/eventlog_v2_*"))
	if err != nil || len(logs) < 2 {
		t.Errorf("event logs are %v, want one of each run: %v", logs, err)
	}
	l.histories(d, "sales-dev", "hungry")
}

// histories has the history server list the application of a workload that has failed, under the address that the log and the page of the run have
// of it, and which the page has after the pod is gone.
func (l *lake) histories(d *daemon, namespace, workload string) {
	l.t.Helper()
	pods := l.cluster.Client(l.t).CoreV1().Pods(namespace)
	list, err := pods.List(l.t.Context(), metav1.ListOptions{LabelSelector: "spark-role!=executor,trunkline.dev/workload=" + workload})
	if err != nil || len(list.Items) == 0 {
		l.t.Fatalf("there is no driver of %s: %v", workload, err)
	}
	driver := &list.Items[0]
	type application struct {
		ID string `json:"id"`
	}
	var known []application
	server := ""
	l.await("the history of "+workload, func() bool {
		if server == "" {
			if server = l.forward(namespace, "trunkline.dev/workload=spark", 18080); server == "" {
				return false
			}
		}
		code, text := get(l.t, server+"/api/v1/applications")
		return code == http.StatusOK && json.Unmarshal([]byte(text), &known) == nil && slices.Contains(known, application{driver.Name})
	})
	if code, text := get(l.t, server+"/history/"+driver.Name+"/jobs/"); code != http.StatusOK || !strings.Contains(text, "Spark Jobs") {
		l.t.Errorf("the link does not lead to the application: %d\n%.500s", code, text)
	}
	page := d.server + "/runs/dev/sales/" + workload + "/" + driver.Labels["batch.kubernetes.io/job-name"]
	link := `href="https://spark.acme.example/history/` + driver.Name + `/"`
	leads := func() bool {
		code, text := get(l.t, page)
		return code == http.StatusOK && strings.Contains(text, link)
	}
	l.await("the page of the run to lead to its history", leads)
	if err := pods.Delete(l.t.Context(), driver.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)}); err != nil {
		l.t.Fatal(err)
	}
	l.await("the pod to be gone", func() bool {
		_, err := pods.Get(l.t.Context(), driver.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	if !leads() {
		l.t.Error("the page of the run does not lead to its history any more")
	}
}

// forward has a port of a pod that is ready at an address of this machine until the test ends; empty if there is no such pod yet.
func (l *lake) forward(namespace, selector string, port int) (address string) {
	l.t.Helper()
	client := l.cluster.Client(l.t)
	list, err := client.CoreV1().Pods(namespace).List(l.t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil || len(list.Items) == 0 || !slices.ContainsFunc(list.Items[0].Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	}) {
		return ""
	}
	round, upgrader, err := spdy.RoundTripperFor(l.cluster.Config)
	if err != nil {
		l.t.Fatal(err)
	}
	at := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(list.Items[0].Name).SubResource("portforward").URL()
	ready := make(chan struct{})
	forwarder, err := portforward.NewOnAddresses(spdy.NewDialer(upgrader, &http.Client{Transport: round}, http.MethodPost, at), []string{"127.0.0.1"},
		[]string{fmt.Sprintf("0:%d", port)}, l.t.Context().Done(), ready, io.Discard, io.Discard)
	if err != nil {
		l.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		l.t.Fatalf("forwarding a port: %v", err)
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		l.t.Fatal(err)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", ports[0].Local)
}

// watchExecutors follows the pods of executors of a workload, and returns what were seen, with their labels.
func (l *lake) watchExecutors(namespace string) func() map[string]map[string]string {
	l.t.Helper()
	w, err := l.cluster.Client(l.t).CoreV1().Pods(namespace).Watch(l.t.Context(), metav1.ListOptions{LabelSelector: "spark-role=executor,trunkline.dev/workload=clean"})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(w.Stop)
	var mu sync.Mutex
	seen := map[string]map[string]string{}
	go func() {
		for event := range w.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok {
				mu.Lock()
				seen[pod.Name] = pod.Labels
				mu.Unlock()
			}
		}
	}()
	return func() map[string]map[string]string {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(seen)
	}
}

// driverLog is what the driver of a workload said.
func (l *lake) driverLog(namespace, workload string) string {
	l.t.Helper()
	pods := l.cluster.Client(l.t).CoreV1().Pods(namespace)
	list, err := pods.List(l.t.Context(), metav1.ListOptions{LabelSelector: "spark-role!=executor,trunkline.dev/workload=" + workload})
	if err != nil || len(list.Items) == 0 {
		l.t.Fatalf("there is no driver of %s: %v", workload, err)
	}
	text, err := pods.GetLogs(list.Items[0].Name, &corev1.PodLogOptions{}).DoRaw(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	if !strings.Contains(string(text), "the history of this run: https://spark.acme.example/history/"+list.Items[0].Name) {
		l.t.Errorf("the log does not begin with the link to the history:\n%s", text)
	}
	return string(text)
}

// amounts is what is in the lot that counts, by shop.
func (l *lake) amounts() map[string]int {
	l.t.Helper()
	out := map[string]int{}
	for _, manifest := range l.counting() {
		text, err := os.ReadFile(manifest)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, at := range regexp.MustCompile(`file://([^"]*\.json)"`).FindAllStringSubmatch(string(text), -1) {
			file, err := os.Open(at[1])
			if err != nil {
				l.t.Fatal(err)
			}
			for lines := bufio.NewScanner(file); lines.Scan(); {
				var row struct {
					Shop   string `json:"shop"`
					Amount int    `json:"amount"`
				}
				if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
					l.t.Fatal(err)
				}
				out[row.Shop] += row.Amount
			}
			_ = file.Close()
		}
	}
	return out
}
