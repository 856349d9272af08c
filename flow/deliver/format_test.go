// SPDX-License-Identifier: Apache-2.0

package deliver_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/test/cached"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)

func available() egress.Fact {
	return egress.Fact{
		Type: egress.Available, Platform: "acme", Environment: "prod", Dataset: "orders/clean@2", Workload: "orders/clean",
		Lot: lot.Fourths.At(time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)), At: at, State: "complete",
		Manifest: "s3://m/datasets/name=clean/version=2/lot=20260102PT15M012/state=complete/manifest.json", Location: "s3://lake/orders/clean/",
		Attempt: "r1abc", Mark: "1",
	}
}

// sent is the request that tells a fact.
func sent(t *testing.T, format deliver.Format, f egress.Fact) (body string, header map[string]string) {
	t.Helper()
	w, h := newWorld(t), listen(t)
	w.to("one", h, format)
	d, stop := w.tell()
	w.ready()
	f.At = time.Now().Add(time.Minute) // it is new
	d.Tell("prod", []egress.Fact{f}, false)
	w.mu.Lock()
	w.lots = append(w.lots, f)
	w.mu.Unlock()
	h.await(t, "the event", func(told []string) bool { return len(told) > 0 })
	stop()
	header = map[string]string{}
	for name := range h.header[0] {
		if strings.HasPrefix(name, "Ce-") || name == "Content-Type" {
			header[name] = h.header[0].Get(name)
		}
	}
	text := strings.ReplaceAll(string(h.bodies[0]), f.At.UTC().Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
	text = strings.ReplaceAll(text, f.At.UTC().Truncate(time.Second).Format(time.RFC3339), at.Truncate(time.Second).Format(time.RFC3339))
	if header["Ce-Time"] != "" {
		header["Ce-Time"] = strings.Replace(header["Ce-Time"], f.At.UTC().Format(time.RFC3339Nano), at.Format(time.RFC3339Nano), 1)
	}
	return text, header
}

func sameJSON(t *testing.T, want, got string) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const data = `{"environment": "prod", "project": "orders", "dataset": "clean", "version": "2", "lot": "20260102PT15M012",
  "start": "2026-01-02T03:00:00Z", "end": "2026-01-02T03:15:00Z", "state": "complete",
  "manifest": "s3://m/datasets/name=clean/version=2/lot=20260102PT15M012/state=complete/manifest.json",
  "location": "s3://lake/orders/clean/", "workload": "orders/clean", "attempt": "r1abc"}`

func TestCloudEvents(t *testing.T) {
	f := available()
	body, header := sent(t, deliver.CloudEvents, f)
	sameJSON(t, `{"specversion": "1.0", "id": "`+f.ID()+`", "source": "/trunkline/acme/prod", "type": "dev.trunkline.lot.available.v1",
  "subject": "orders/clean@2/20260102PT15M012", "time": "2026-01-02T03:04:05.6Z", "datacontenttype": "application/json", "data": `+data+`}`, body)
	if diff := cmp.Diff(map[string]string{"Content-Type": "application/cloudevents+json"}, header); diff != "" {
		t.Errorf("header: -want +got:\n%s", diff)
	}
	body, header = sent(t, deliver.CloudEventsBinary, f)
	sameJSON(t, data, body)
	if diff := cmp.Diff(map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": f.ID(), "Ce-Source": "/trunkline/acme/prod", "Ce-Type": "dev.trunkline.lot.available.v1",
		"Ce-Subject": "orders/clean@2/20260102PT15M012", "Ce-Time": "2026-01-02T03:04:05.6Z", "Content-Type": "application/json",
	}, header); diff != "" {
		t.Errorf("header: -want +got:\n%s", diff)
	}
}

// TestClusterless: what Clusterless puts on its bus when a lot is there.
func TestClusterless(t *testing.T) {
	f := available()
	body, _ := sent(t, deliver.Clusterless, f)
	sameJSON(t, `{"version": "0", "id": "`+f.ID()+`", "detail-type": "Clusterless Arc Notification", "source": "clusterless.arc",
  "time": "2026-01-02T03:04:05Z", "resources": [], "detail": {
    "dataset": {"name": "clean", "version": "2", "pathURI": "s3://lake/orders/clean/"}, "lot": "20260102PT15M012",
    "manifest": "s3://m/datasets/name=clean/version=2/lot=20260102PT15M012/state=complete/manifest.json", "datasetId": "clean/2"}}`, body)
}

// runs are facts about one run that ended in each way.
func runs() []egress.Fact {
	f := egress.Fact{
		Type: egress.RunStarted, Platform: "acme", Environment: "prod", Workload: "orders/clean", Lot: available().Lot, At: at, Attempt: "r1abc", Mark: "r1abc",
		Reads: []egress.Series{
			{ID: "orders/raw@1", Location: "s3://lake/orders/raw/", Lots: []string{"20260102PT15M011", "20260102PT15M012"}},
			{ID: "rates/fx@1", Location: "file:///data/fx/"},
			{ID: "gone/gone@1"},
		},
		Writes: []egress.Series{{ID: "orders/clean@2", Location: "s3://lake/", Lots: []string{"20260102PT15M012"}}},
	}
	made, failed, lost := f, f, f
	made.Type = egress.RunMade
	failed.Type, failed.Reason = egress.RunFailed, "it ended with exit code 3"
	lost.Type, lost.Reason = egress.RunLost, "its Job was deleted while it ran"
	return []egress.Fact{f, made, failed, lost}
}

// schema is OpenLineage's own.
func schema(t *testing.T) (*jsonschema.Compiler, *jsonschema.Schema) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := filepath.Glob("testdata/openlineage/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("the schemas of OpenLineage are not there: %v %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		id, _ := doc.(map[string]any)["$id"].(string)
		if err := c.AddResource(id, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("https://openlineage.io/spec/2-0-2/OpenLineage.json")
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// facetsOf are all facets of an event.
func facetsOf(v any) (out []map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		if _, is := v["_schemaURL"]; is {
			out = append(out, v)
		}
		for _, of := range v {
			out = append(out, facetsOf(of)...)
		}
	case []any:
		for _, of := range v {
			out = append(out, facetsOf(of)...)
		}
	}
	return out
}

// TestOpenLineage holds events to the schemas that OpenLineage publishes, each facet to its own, and all of a run to one id.
func TestOpenLineage(t *testing.T) {
	c, s := schema(t)
	ids := map[string]bool{}
	var types []string
	for _, f := range runs() {
		body, _ := sent(t, deliver.OpenLineage, f)
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v\n%s", f.Type, err, body)
		}
		var e struct {
			EventType string
			Run       struct {
				RunID  string
				Facets map[string]any
			}
			Inputs, Outputs []struct{ Namespace, Name string }
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatal(err)
		}
		ids[e.Run.RunID] = true
		types = append(types, e.EventType)
		if _, told := e.Run.Facets["errorMessage"]; told != (f.Reason != "") {
			t.Errorf("%s: an error is told: %t", f.Type, told)
		}
		var places []string
		for _, d := range slices.Concat(e.Inputs, e.Outputs) {
			places = append(places, d.Namespace+" "+d.Name)
		}
		if diff := cmp.Diff([]string{"s3://lake orders/raw", "file /data/fx", "trunkline gone/gone@1", "s3://lake /"}, places); diff != "" {
			t.Errorf("datasets: -want +got:\n%s", diff)
		}
		facets := facetsOf(doc)
		if len(facets) < 3+4*2 {
			t.Errorf("%d facets", len(facets))
		}
		for _, facet := range facets {
			address, _ := facet["_schemaURL"].(string)
			if !strings.HasPrefix(address, "https://openlineage.io/") {
				continue
			}
			if own, err := c.Compile(address); err != nil {
				t.Errorf("an event names a facet that there is not: %v", err)
			} else if err := own.Validate(facet); err != nil {
				t.Errorf("%s: %v", f.Type, err)
			}
		}
	}
	if len(ids) != 1 {
		t.Errorf("the events of one run have the ids %v", ids)
	}
	if diff := cmp.Diff([]string{"START", "COMPLETE", "FAIL", "ABORT"}, types); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"eventTime": "yesterday"}`))
	if err != nil || s.Validate(doc) == nil {
		t.Errorf("what is no event is one by the schema, %v", err)
	}
}

// TestOpenLineageReadsThem: the classes of OpenLineage's own client make of events what they say, each facet of the schema that it names.
func TestOpenLineageReadsThem(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the classes of OpenLineage's client; left out by -short")
	}
	classes, err := cached.Path("openlineage", "openlineage")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range runs() {
		body, _ := sent(t, deliver.OpenLineage, f)
		lines = append(lines, body)
	}
	read := exec.CommandContext(t.Context(), "python3", "../../hack/openlineage/read.py", classes)
	read.Stdin, read.Stderr = strings.NewReader(strings.Join(lines, "\n")), os.Stderr
	out, err := read.Output()
	if err != nil {
		t.Fatal(err)
	}
	back := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(back) != len(lines) {
		t.Fatalf("of %d events %d are read", len(lines), len(back))
	}
	for i := range lines {
		text := strings.NewReplacer(`"inputFacets": {}, `, "", `"outputFacets": {}, `, "", `, "outputFacets": {}`, "").Replace(back[i])
		sameJSON(t, lines[i], text)
	}
}
