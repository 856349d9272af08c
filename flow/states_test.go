// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/arcstate"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

// TestBesideClusterless: Clusterless makes lots of the same arc. What it is making or has made is not started, what it makes is read, and it
// sees what Trunkline has made.
func TestBesideClusterless(t *testing.T) {
	w := newWorld(t)
	w.catalog.Load().Environments["dev"].Spec.Lots.States = "file://" + w.dir + "/states/"
	p, _ := w.catalog.Load().Project("orders")
	p.Spec.Clusterless = &v1alpha1.Clusterless{Project: "Orders", Version: "20230101-00", Arcs: map[string]string{"land": "landIt"}}
	arc := arcstate.Arc{Project: "Orders", Version: "20230101-00", Name: "landIt"}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(n int, s run.State) string { return filepath.Join(w.dir, "states", arc.Key(w.at(n), s)) }
	write(at(0, run.Running), "")
	write(at(1, run.Complete), "")
	write(at(2, run.Partial), `{"Error":"States.TaskFailed"}`)
	fail := true
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		failed := fail && o.Template.Workload == "orders/land" && o.Lot == w.at(3)
		fail = fail && !failed
		return failed, false
	}
	stop := w.keep()
	w.await("what Clusterless does not have", func() bool { return len(w.lots("raw", manifest.Complete)) == hours-3 })

	// Clusterless ends: its manifest counts, and what reads it is made.
	write(filepath.Join(w.dir, "lake/raw/theirs.csv"), "1\n")
	write(w.path("raw", w.at(0)), string(manifest.Manifest{
		State: manifest.Complete, LotID: w.at(0).ID(), URIType: manifest.Identifier, URIs: []string{"file://" + w.dir + "/lake/raw/theirs.csv"},
	}.Encode()))
	if err := os.Rename(at(0, run.Running), at(0, run.Complete)); err != nil {
		t.Fatal(err)
	}
	w.await("what reads what Clusterless has made", func() bool { return slices.Contains(w.lots("clean", manifest.Complete), w.at(0).ID()) })
	for _, n := range []int{0, 1} {
		if started := w.cluster.starts()["orders/land "+w.at(n).ID()]; started != 0 {
			t.Errorf("%s was started, which Clusterless has", w.at(n))
		}
	}

	// What someone removes is asked for once more, also if Clusterless has made it. Who begins now does not know that it could not be started.
	stop()
	stop = w.keep()
	if _, err := w.keeper.Remove(t.Context(), "dev", "orders/raw@1", w.at(0), ann); err != nil {
		t.Fatal(err)
	}
	w.await("what was removed", func() bool {
		body, err := os.ReadFile(at(0, run.Complete))
		return err == nil && strings.Contains(string(body), `"outcome":"Complete"`)
	})
	stop()
	got := map[string]string{}
	found, _ := filepath.Glob(filepath.Join(w.dir, "states/arcs/*/*/*/*/*.arc"))
	for _, file := range found {
		key, _ := filepath.Rel(filepath.Join(w.dir, "states"), file)
		l, state, ok := arc.Parse(filepath.ToSlash(key))
		if !ok || got[l.ID()] != "" {
			t.Errorf("there is %s, and %s", key, got[l.ID()])
		}
		got[l.ID()] = string(state)
	}
	want := map[string]string{}
	for n := range hours {
		want[w.at(n).ID()] = "complete"
	}
	want[w.at(3).ID()] = "partial"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	body, err := os.ReadFile(at(2, run.Complete))
	if lines := strings.Split(string(body), "\n"); err != nil || len(lines) != 3 || !strings.Contains(lines[2], `"outcome":"Complete"`) {
		t.Errorf("what became of one that had failed is %s, %v", body, err)
	}
}
