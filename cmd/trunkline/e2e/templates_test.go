// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

// templatesPlatform is what the projects are made in: an environment whose images are processes of this machine. Its first argument is the folder of
// the lake, and the second what starts executors of Spark.
const templatesPlatform = `apiVersion: trunkline.dev/v1alpha1
kind: Platform
metadata: {name: acme}
spec: {roots: [setup, projects], defaults: {size: mx.nano}}
-- file --
apiVersion: trunkline.dev/v1alpha1
kind: Cluster
metadata: {name: test}
---
apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: dev}
spec:
  clusters: [test]
  stores: {lake: "file://%[1]s/lake"}
  lots: {manifests: "file://%[1]s/manifests/<project>/"}
  defaults:
    params:
      spark-job:
        user: 65534
        executors: {instances: 1, tasks: 1, command: [%[2]s]}
        conf: {spark.ui.enabled: false, spark.sql.shuffle.partitions: 1}
      spark-stream:
        user: 65534
        executors: {instances: 1, tasks: 1, command: [%[2]s]}
        conf: {spark.ui.enabled: false, spark.sql.shuffle.partitions: 1}
`

// TestTemplates: what "trunkline new project" makes from the embedded templates runs as it is written, with the engines themselves: Python, dbt on DuckDB,
// Spark and papermill make the lot of a day, and a stream of Spark works.
func TestTemplates(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with the engines")
	}
	home, java := cached.Spark(t)
	dir := t.TempDir()
	for _, sub := range []string{"lake", "ran", "manifests", "control"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	entry := filepath.Join(dir, "entry.sh")
	if err := os.WriteFile(entry, []byte(sparkEntry), 0o755); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour)
	l := &lake{
		t: t, dir: dir, base: "file://" + dir, hours: 1, since: yesterday, counted: map[string]bool{}, repo: gittest.New(t), data: t.TempDir(), hook: newHook(t),
		cluster: clustertest.Start(t, clustertest.Options{Name: "templates", Mode: clustertest.Exec, Network: clustertest.Pods, Args: []string{"--mount", dir + "=" + dir}}),
	}
	for one := range lot.Range(lot.Daily, yesterday, yesterday.Add(24*time.Hour)) {
		l.counted[one.ID()] = true
	}
	engine := func(name string) string {
		at, err := cached.Path("engines/"+name+"/bin", "engines")
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("{PATH: %q}", at+":/usr/local/bin:/usr/bin:/bin")
	}
	spark := fmt.Sprintf("{SPARK_HOME: %q, JAVA_HOME: %q, PYSPARK_PYTHON: python3}", home, java)
	work := t.TempDir()
	root, setup, _ := strings.Cut(fmt.Sprintf(templatesPlatform, dir, entry), "-- file --\n")
	place(t, work, map[string]string{"trunkline.yaml": root, "setup/all.yaml": setup})
	cases := []struct {
		template, env string
		workloads     []string
	}{
		{"python", "", []string{"ingest", "totals"}},
		{"dbt-duckdb", engine("dbt"), []string{"ingest", "totals"}},
		{"notebook", engine("jupyter"), []string{"report"}},
		{"pyspark", spark, []string{"ingest", "totals"}},
		{"stream", spark, []string{"totals"}},
	}
	// What a stream reads is there before it is.
	place(t, filepath.Join(dir, "lake", "stream", "arrivals"), map[string]string{"one.json": `{"shop": "north", "amount": 20, "at": "2026-01-01T00:00:00Z"}` + "\n"})
	for _, c := range cases {
		args := []string{"new", "project", c.template, "--template", c.template, "--from", work, "--set", "owner=team", "--set", "image=trunkline.local/host:1"}
		if c.template != "stream" {
			args = append(args, "--set", "since="+yesterday.Format(time.DateOnly))
		}
		out, errs, code := command(t, args...)
		if code != 0 {
			t.Fatalf("trunkline new ended with %d: %s%s", code, out, errs)
		}
		if c.env == "" {
			continue
		}
		// Where the engine is on this machine, an image says by itself.
		var over []string
		for _, w := range c.workloads {
			over = append(over, fmt.Sprintf("%s: {env: %s}", w, c.env))
		}
		name := filepath.Join(work, "projects", c.template, "project.yaml")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		now := strings.Replace(string(text), "environments: [dev]", "environments: {dev: {workloads: {"+strings.Join(over, ", ")+"}}}", 1)
		if err := os.WriteFile(name, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l.repo.Commit(t, "projects of templates", taken(t, work))
	d := l.serve(binary)
	for _, c := range cases {
		if c.template == "stream" {
			d.await("the stream to have done a batch", func(p status.Platform) bool {
				i := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.Project == "stream" })
				return i >= 0 && p.Releases[i].Health == status.Healthy
			})
			continue
		}
		l.await("the lots of "+c.template, func() bool { return len(l.manifests(c.template, "complete")) == len(c.workloads) })
	}

	want := "{\"shop\": \"north\", \"amount\": 20}\n{\"shop\": \"south\", \"amount\": 30}\n"
	if diff := cmp.Diff(want, l.text("python/totals", "totals.json")); diff != "" {
		t.Errorf("the arc in Python made another lot (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"north": 20, "south": 30}, sums(t, l.text("pyspark/totals", "*.json"))); diff != "" {
		t.Errorf("Spark made another lot (-want +got):\n%s", diff)
	}
	if text := l.text("notebook/report", "report.ipynb"); !strings.Contains(text, `{'north': 20, 'south': 30}`) || !strings.Contains(text, yesterday.Format(time.DateOnly)) {
		t.Errorf("the notebook did not run for its day:\n%s", text)
	}
	python, err := cached.Path("engines/dbt/bin/python", "engines")
	if err != nil {
		t.Fatal(err)
	}
	at := l.fileOf("dbt-duckdb/totals", "totals.parquet")
	got, err := exec.CommandContext(t.Context(), python, "-c", "import duckdb,sys; print(duckdb.sql(f\"select shop, amount from '{sys.argv[1]}' order by shop\").fetchall())", at).CombinedOutput()
	if err != nil || strings.TrimSpace(string(got)) != "[('north', 20), ('south', 30)]" {
		t.Errorf("dbt made another lot: %v\n%s", err, got)
	}
}

// fileOf is the only file of the lot of a dataset that has a name.
func (l *lake) fileOf(dataset, name string) string {
	l.t.Helper()
	found, err := filepath.Glob(filepath.Join(l.dir, "lake", dataset, "lot=*", "attempt=*", name))
	if err != nil || len(found) != 1 {
		l.t.Fatalf("the files %s of %s are %v, want one: %v", name, dataset, found, err)
	}
	return found[0]
}

func (l *lake) text(dataset, name string) string {
	l.t.Helper()
	data, err := os.ReadFile(l.fileOf(dataset, name))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(data)
}

// sums reads lines of JSON with a shop and an amount.
func sums(t *testing.T, text string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for line := range strings.Lines(text) {
		var row struct {
			Shop   string `json:"shop"`
			Amount int    `json:"amount"`
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		out[row.Shop] += row.Amount
	}
	return out
}

// place writes files into a folder.
func place(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		at := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// taken are the files of a folder.
func taken(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(folder, name))
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
