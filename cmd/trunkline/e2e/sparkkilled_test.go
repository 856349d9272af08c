// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
)

// sparkGreedy has a task of an executor take more memory than the pod of the executor may, until it is killed.
const sparkGreedy = `import threading

from pyspark.sql import SparkSession

def take(n):
    held = b"x" * (1500 << 20)
    threading.Event().wait()
    return len(held) + n

spark = SparkSession.builder.getOrCreate()
print(spark.sparkContext.parallelize([1], 1).map(take).collect())
`

// TestSparkKilled: an executor that takes more memory than its pod may is killed, and that, with the limit, is why the job failed, although its driver
// has ended by itself.
func TestSparkKilled(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Spark")
	}
	s := newStream(t, "--enforce-memory")
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	s.repo.Commit(t, "greedy", map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: greedy}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test]}\n",
		"shop/greedy.py": sparkGreedy,
		"shop/project.yaml": head + fmt.Sprintf(`kind: Project
metadata: {name: shop}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  workloads:
    - name: greedy
      blueprint: spark-job
      files: [greedy.py]
      command: [greedy.py]
      retries: 0
      env: {SPARK_HOME: %q, JAVA_HOME: %q, PYSPARK_PYTHON: python3}
      params:
        user: 65534
        executors: {instances: 1, tasks: 1, command: [%s]}
        conf: {spark.ui.enabled: false, spark.task.maxFailures: 1}
`, s.home, s.java, s.entry),
	})
	d := serve(t, "--repo", s.repo.URL(), "--data", t.TempDir(), "--cluster", "test="+s.cluster.Kubeconfig, "--poll", "1h")
	said := ""
	defer func() {
		if t.Failed() {
			t.Logf("the release says %s", said)
		}
	}()
	d.await("the reason", func(p status.Platform) bool {
		return slices.ContainsFunc(p.Releases, func(r status.Release) bool {
			said = fmt.Sprintf("%s %+v", r.Message, r.Cause)
			return r.Cause != nil && r.Cause.Code == "out-of-memory" &&
				strings.Contains(r.Message, "executors were killed, as they are when they take more memory than they may (the limit is 1024Mi)")
		})
	})
}
