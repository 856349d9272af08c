// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

// sparkTotals adds up what arrives by shop. What it has added up is in its state alone, which is in the checkpoint: a sum is right only if every file
// was taken once, by whichever driver. Each batch is a file with the version of the program.
const sparkTotals = `import json, os
from pyspark.sql import SparkSession

lake = os.environ["LAKE"]

def put(batch, n):
    text = json.dumps({"version": VERSION, "totals": {str(row[0]): row[1] for row in batch.collect()}})
    with open(f"{lake}/totals/.new", "w") as file:
        file.write(text)
    os.rename(f"{lake}/totals/.new", f"{lake}/totals/{n:06d}.json")

spark = SparkSession.builder.getOrCreate()
rows = spark.readStream.schema("shop string, amount long").csv(f"file://{lake}/arrived")
totals = rows.groupBy(KEY).sum("amount")
query = totals.writeStream.outputMode("complete").foreachBatch(put).option("checkpointLocation", os.environ["TRUNKLINE_CHECKPOINT"]).start()
query.awaitTermination()
`

// stream is a platform with one stream.
type stream struct {
	t          *testing.T
	dir        string
	home, java string
	entry      string
	cluster    *clustertest.Cluster
	repo       *gittest.Repo
	arrived    int
}

func newStream(t *testing.T, args ...string) *stream {
	t.Helper()
	s := &stream{t: t, dir: t.TempDir(), repo: gittest.New(t)}
	s.home, s.java = cached.Spark(t)
	for _, sub := range []string{"lake", "lake/arrived", "lake/totals"} {
		if err := os.Mkdir(filepath.Join(s.dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	s.entry = filepath.Join(s.dir, "entry.sh")
	if err := os.WriteFile(s.entry, []byte(sparkEntry), 0o755); err != nil {
		t.Fatal(err)
	}
	s.cluster = clustertest.Start(t, clustertest.Options{Name: "stream", Mode: clustertest.Exec, Network: clustertest.Pods, Args: append(args, "--mount", s.dir+"="+s.dir)})
	return s
}

// refuses has a change of the checkpoint be refused, since it does not say why.
func (s *stream) refuses(base, head string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), binary, "validate", head, "--base", base)
	cmd.Dir = s.repo.Path()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "stream-restart") {
		s.t.Errorf("another checkpoint is not refused by stream-restart: %v\n%s", err, out)
	}
}

// commit declares on a branch the stream with a version of its program, the column by which it adds up, and its checkpoint.
func (s *stream) commit(branch string, version int, key, checkpoint string) string {
	s.t.Helper()
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	return s.repo.CommitTo(s.t, branch, fmt.Sprintf("version %d", version), map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: streams}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       head + fmt.Sprintf("kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [test]\n  rollback: true\n  stores: {lake: \"file://%s/lake\"}\n", s.dir),
		"shop/totals.py": strings.NewReplacer("VERSION", fmt.Sprint(version), "KEY", fmt.Sprintf("%q", key)).Replace(sparkTotals),
		"shop/project.yaml": head + fmt.Sprintf(`kind: Project
metadata: {name: shop}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  workloads:
    - name: totals
      blueprint: spark-stream
      files: [totals.py]
      command: [totals.py]
      env: {SPARK_HOME: %q, JAVA_HOME: %q, PYSPARK_PYTHON: python3, LAKE: %q}
      params:
        user: 65534
        checkpoint: %q
        executors: {instances: 1, tasks: 2, command: [%s]}
        conf: {spark.ui.enabled: false, spark.sql.shuffle.partitions: 2}
`, s.home, s.java, filepath.Join(s.dir, "lake"), checkpoint, s.entry),
	})
}

// arrives has a file arrive with some orders of the shop "a", each of the amount 1, and one of "b".
func (s *stream) arrives(orders int) {
	s.t.Helper()
	s.arrived++
	at := filepath.Join(s.dir, "lake/arrived", fmt.Sprintf("%d.csv", s.arrived))
	if err := os.WriteFile(filepath.Join(s.dir, "new"), []byte(strings.Repeat("a,1\n", orders)+"b,1\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(s.dir, "new"), at); err != nil {
		s.t.Fatal(err)
	}
}

// batch is what a batch wrote.
type batch struct {
	Version int              `json:"version"`
	Totals  map[string]int64 `json:"totals"`
}

// last is what the last batch wrote.
func (s *stream) last() (b batch) {
	s.t.Helper()
	all, err := filepath.Glob(filepath.Join(s.dir, "lake/totals/*.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	if len(all) == 0 {
		return b
	}
	text, err := os.ReadFile(slices.Max(all))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		s.t.Fatal(err)
	}
	return b
}

// awaitTotals waits for a batch.
func (s *stream) awaitTotals(what string, want batch) {
	s.t.Helper()
	deadline := time.Now().Add(waitTimeout)
	for !cmp.Equal(want, s.last()) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waiting for %s: the last batch is (-want +got):\n%s\nand the pods are %v", what, cmp.Diff(want, s.last()), s.pods(""))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// pods are those of the stream that have a role.
func (s *stream) pods(role string) (names []string) {
	s.t.Helper()
	pods, err := s.cluster.Client(s.t).CoreV1().Pods("shop-dev").List(s.t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/workload=totals"})
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; role == "" || p.Labels["spark-role"] == role && p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			names = append(names, p.Name)
		}
	}
	return names
}

// TestSparkStream: a stream of PySpark keeps its state below the environment's store. What a commit changes of its program goes on from it, and so
// does a driver that has lost its executor: the sums have everything once. A commit that would begin from nothing is refused, and one whose program
// does not fit the state goes back, with the reason.
func TestSparkStream(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Spark")
	}
	const checkpoint = "lake://checkpoints/totals/"
	s := newStream(t)
	s.arrives(2)
	head := s.commit("main", 1, "shop", checkpoint)
	d := serve(t, "--repo", s.repo.URL(), "--data", t.TempDir(), "--cluster", "test="+s.cluster.Kubeconfig, "--poll", "1h")
	s.awaitTotals("what had arrived", batch{1, map[string]int64{"a": 2, "b": 1}})
	d.await("the stream to be well", fineAt(head))
	if _, err := os.Stat(filepath.Join(s.dir, "lake/checkpoints/totals/offsets")); err != nil {
		t.Errorf("the checkpoint is not where it is declared: %v", err)
	}

	s.refuses(head, s.commit("proposed", 2, "shop", "lake://checkpoints/elsewhere/"))

	head = s.commit("main", 2, "shop", checkpoint)
	d.sync()
	s.arrives(3)
	s.awaitTotals("the newer program to go on", batch{2, map[string]int64{"a": 5, "b": 2}})
	d.await("the newer program to be well", fineAt(head))

	lost := s.pods("executor")
	if len(lost) != 1 {
		t.Fatalf("the executors are %v, want one", lost)
	}
	if err := s.cluster.Client(t).CoreV1().Pods("shop-dev").Delete(t.Context(), lost[0], metav1.DeleteOptions{GracePeriodSeconds: new(int64)}); err != nil {
		t.Fatal(err)
	}
	s.arrives(1)
	s.awaitTotals("another executor to go on", batch{2, map[string]int64{"a": 6, "b": 3}})

	bad := s.commit("main", 3, "amount", checkpoint)
	d.sync()
	s.arrives(1)
	s.awaitTotals("the program before to be back and to go on", batch{2, map[string]int64{"a": 7, "b": 4}})
	d.await("the release to be well with the program before", func(p status.Platform) bool {
		return len(p.Releases) == 1 && p.Releases[0].Commit == head && p.Releases[0].Health == status.Healthy && p.Source.Accepted.Hash == bad
	})
	out, _, _ := command(t, "history", "--server", d.server)
	if !strings.Contains(out, "it cannot go on from its checkpoint") {
		t.Errorf("the history does not say why it went back:\n%s", out)
	}
}
