// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/egress"
)

var moment = time.Date(2026, 3, 3, 0, 0, 30, 0, time.UTC)

func lotAt(t *testing.T, id string) lot.Lot {
	t.Helper()
	l, err := lot.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func available(t *testing.T) egress.Fact {
	t.Helper()
	return egress.Fact{
		Type: egress.Available, Platform: "acme", Environment: "prod", Dataset: "orders/clean@1", Workload: "orders/clean", Lot: lotAt(t, "20260302P1D000"),
		At: moment, State: "complete", Manifest: "s3://m/complete/manifest.json", Location: "s3://lake/clean/", Attempt: "r1", Mark: "m",
	}
}

// TestSend: a lot that is available is one event of its asset, whatever happens on the way.
func TestSend(t *testing.T) {
	t.Parallel()
	const uri = "trunkline://orders/clean@1"
	waits := func(string, string) bool { return true }
	f := newFake(t, "trunkline://orders/cleanX@1", uri)
	fact := available(t)
	send := func(teller *Teller, fact egress.Fact, want bool, reason string) {
		t.Helper()
		if a := teller.Send(t.Context(), fact, moment); a.Done != want || a.Done == (a.Failed != "") || a.Refused != "" {
			t.Errorf("%s: the answer is %+v", reason, a)
		}
	}
	teller := NewTeller(f, bucket.Options{}, waits)
	f.away = true
	send(teller, fact, false, "an Airflow that is away is told later")
	f.away, f.lost = false, true
	send(teller, fact, false, "an answer that is lost says nothing")
	f.lost = false
	send(teller, fact, true, "what was told and not answered is told")
	send(teller, fact, true, "twice is once")
	send(NewTeller(f, bucket.Options{}, waits), fact, true, "another process finds out")
	if len(f.events) != 1 {
		t.Fatalf("there are %d events, want one: %+v", len(f.events), f.events)
	}
	var got map[string]any
	if err := json.Unmarshal(f.events[0].Extra, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"lot": "20260302P1D000", "since": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z", "state": "complete", "attempt": "r1",
		"manifest": "s3://m/complete/manifest.json", "location": "s3://lake/clean/", "workload": "orders/clean", "event": fact.ID(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the event says: -want +got:\n%s", diff)
	}
	again := fact
	again.Mark = "n"
	send(teller, again, true, "a lot that is made again is an event again")
	if len(f.events) != 2 || f.events[1].URI != uri {
		t.Errorf("the events are %+v", f.events)
	}
}

// TestNobodyWaits: what no DAG has as an asset is told to nobody; one that a DAG file has, and Airflow does not know yet, waits.
func TestNobodyWaits(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, waits := range []bool{true, false} {
		a := NewTeller(f, bucket.Options{}, func(string, string) bool { return waits }).Send(t.Context(), available(t), moment)
		if a.Done == waits {
			t.Errorf("a DAG file has it: %t; the answer is %+v", waits, a)
		}
	}
	if len(f.events) > 0 {
		t.Errorf("there are events: %+v", f.events)
	}
}

// TestOwnIsNotToldBack: Airflow is not told of a lot of which one of its own tasks told it: its DAGs would run twice.
func TestOwnIsNotToldBack(t *testing.T) {
	t.Parallel()
	w := newPlace(t)
	w.put("20260302P1D000/a")
	w.task(`{"lot": "20260302P1D000", "files": ["20260302P1D000/a"]}`)
	w.look()
	fact := available(t)
	fact.Workload = ""
	fact.Manifest = "file://" + filepath.Join(w.dir, "manifests/datasets/name=clean/version=1/lot=20260302P1D000/state=complete/manifest.json")
	if a := NewTeller(w.fake, bucket.Options{}, nil).Send(t.Context(), fact, moment); !a.Done || len(w.events) != 1 {
		t.Errorf("the answer is %+v, and the events are %+v", a, w.events)
	}
	w.write("20260301P1D000", `{"state":"complete","comment":null,"lotId":"20260301P1D000","uriType":"identifier","uris":["file:///x"]}`)
	fact.Lot = lotAt(t, "20260301P1D000")
	fact.Manifest = "file://" + filepath.Join(w.dir, "manifests/datasets/name=clean/version=1/lot=20260301P1D000/state=complete/manifest.json")
	if a := NewTeller(w.fake, bucket.Options{}, nil).Send(t.Context(), fact, moment); !a.Done || len(w.events) != 2 {
		t.Errorf("of a lot that someone else has made: the answer is %+v, and the events are %+v", a, w.events)
	}
}
