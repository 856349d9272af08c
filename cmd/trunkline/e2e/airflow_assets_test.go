// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/status"
)

// sumDag makes the lots of one dataset of those of another one, whenever Trunkline says that some are there. One more task says what is not true.
const sumDag = `from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task

from trunkline_airflow.assets import dataset, lot_output, lots_in, publish

RAW, SUMS = dataset("orders/raw@1"), dataset("sales/sums@1")


@dag(schedule=[RAW], start_date=datetime(2026, 1, 1))
def sums():
    @task(outlets=[SUMS])
    def make(triggering_asset_events=None):
        for lot in lots_in(triggering_asset_events[RAW]):
            with lot_output(SUMS, lot) as out:
                folder = Path(out.folder.removeprefix("file://"))
                folder.mkdir(parents=True)
                (folder / "sum").write_text(lot)

    @task(outlets=[SUMS])
    def lie():
        publish(SUMS, "20200101PT1H000", ["../../secret"])

    make() >> lie()


sums()
`

// TestAirflowAssets: a lot that a run of Trunkline's has made starts a DAG, the task of the DAG makes a lot of another dataset, and a run of Trunkline's
// reads that: one DAG of datasets over both. What a task says and is not true is kept, with why. After the daemon was killed nothing is told twice.
func TestAirflowAssets(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Airflow")
	}
	f := newFlow(t, "assets", aFile, "executor: LocalExecutor, triggerer: false")
	until := time.Now().UTC().Truncate(time.Hour)
	since := until.Add(-2 * time.Hour)
	for _, sub := range []string{"lake", "ran", "manifests", "control"} {
		if err := os.Mkdir(filepath.Join(f.dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(f.dir, sub), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	f.base = "file://" + f.dir
	f.repo.Commit(t, "datasets", f.datasets(since))
	d := f.serve(binary)

	made := func(dataset, project string) (ids []string) {
		found, err := filepath.Glob(filepath.Join(f.dir, "manifests", project, "datasets", "name="+dataset, "version=1", "lot=*", "state=complete", "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			ids = append(ids, strings.TrimPrefix(filepath.Base(filepath.Dir(filepath.Dir(file))), "lot="))
		}
		return ids
	}
	f.until("the lots that are made of what a task made", func(context.Context) (bool, any, error) {
		return len(made("told", "sales")) >= 2, made("sums", "sales"), nil
	})
	if diff := cmp.Diff(made("raw", "orders"), made("sums", "sales")); diff != "" {
		t.Errorf("the task made other lots than those that it was told of: -told +made:\n%s", diff)
	}
	d.await("what is refused", func(p status.Platform) bool {
		text, err := json.Marshal(p)
		return err == nil && strings.Contains(string(text), `"refused":`)
	})
	refused, err := filepath.Glob(filepath.Join(f.dir, "manifests", "trunkline-lots", "*", "dev", "assets", "test", "refused", "*.json"))
	if err != nil || len(refused) == 0 {
		t.Errorf("nothing is kept of what is not true: %v, %v", refused, err)
	}

	d.kill()
	f.repo.Commit(t, "one lot more", f.datasets(since.Add(-time.Hour)))
	f.serve(binary)
	f.until("one lot more", func(context.Context) (bool, any, error) {
		return len(made("told", "sales")) == 3, made("sums", "sales"), nil
	})
	want := map[string]int{}
	for _, id := range made("raw", "orders") {
		want["trunkline://orders/raw@1 "+id] = 1
	}
	if diff := cmp.Diff(want, f.told()); diff != "" || len(want) != 3 {
		t.Errorf("Airflow was told: -want +got:\n%s", diff)
	}
}

// datasets are a dataset that a workload makes, one that a task makes of it, and one that a workload makes of that.
func (f *flow) datasets(since time.Time) map[string]string {
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	lots := fmt.Sprintf("lots: {unit: hourly, since: %q}", since.Format(time.RFC3339))
	return map[string]string{
		"env.yaml": head + fmt.Sprintf(`kind: Environment
metadata: {name: dev}
spec:
  clusters: [test]
  orchestrator: airflow
  healthTimeout: 10m
  stores: {lake: %q}
  lots: {manifests: %q}
`, f.base+"/lake/", f.base+"/manifests/<project>/"),
		"orders/project.yaml": head + fmt.Sprintf(`kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  datasets: [{name: raw, version: "1", path: "lake://orders/raw/", %s}]
  workloads:
    - name: land
      blueprint: container-job
      command: [sh, -c, 'umask 0; out=${TRUNKLINE_WRITE_MAIN#file://}; mkdir -p $out; echo $TRUNKLINE_LOT > ${out}raw']
      writes: {main: raw@1}
`, lots),
		"sales/project.yaml": head + fmt.Sprintf(`kind: Project
metadata: {name: sales}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  dags: ["dags/*_dag.py"]
  datasets:
    - {name: sums, version: "1", path: "lake://sales/sums/", %s}
    - {name: told, version: "1", path: "lake://sales/told/", %s}
  workloads:
    - name: tell
      blueprint: container-job
      command: [sh, -c, 'umask 0; out=${TRUNKLINE_WRITE_MAIN#file://}; mkdir -p $out; cat ${TRUNKLINE_READ_SUMS#file://}/sum > ${out}told']
      reads: {sums: sums@1}
      writes: {main: told@1}
`, lots, lots),
		"sales/dags/sum_dag.py": sumDag,
	}
}

// told is how often each lot was told of by Trunkline, by the dataset and the lot.
func (f *flow) told() map[string]int {
	f.t.Helper()
	var answer struct {
		Events []struct {
			URI   string `json:"uri"`
			Task  string `json:"source_task_id"`
			Extra struct {
				Lot string `json:"lot"`
			} `json:"extra"`
		} `json:"asset_events"`
	}
	if err := f.airflow.Do(f.t.Context(), http.MethodGet, "/assets/events", url.Values{"limit": {"100"}}, nil, &answer); err != nil {
		f.t.Fatal(err)
	}
	out := map[string]int{}
	for _, e := range answer.Events {
		if e.Task == "" {
			out[e.URI+" "+e.Extra.Lot]++
		}
	}
	return out
}
