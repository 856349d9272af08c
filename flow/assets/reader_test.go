// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
)

// place is an environment with one dataset, and an Airflow.
type place struct {
	*fake

	dir    string
	scope  Scope
	reader *Reader
	last   Look
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{fake: newFake(t, "trunkline://orders/clean@1"), dir: dir, reader: NewReader(nil, bucket.Options{})}
	p.reader.airflow = p.fake
	p.scope = Scope{
		Environment: "prod", Records: "file://" + dir + "/manifests/trunkline-lots/acme/prod/",
		Datasets: map[string]Dataset{"orders/clean@1": {
			ID: "orders/clean@1", Name: manifest.Dataset{Name: "clean", Version: "1"}, Unit: lot.Daily, Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			Retention: 30 * 24 * time.Hour, Location: "file://" + dir + "/lake/clean/", Store: "file://" + dir + "/manifests/",
		}},
	}
	made := p.scope.Datasets["orders/clean@1"]
	made.ID, made.Name.Name, made.Workload = "orders/made@1", "made", "orders/make"
	p.scope.Datasets["orders/made@1"] = made
	for _, sub := range []string{"manifests", "lake/clean"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.look() // what happens from now on counts
	return p
}

// put writes an object of the dataset.
func (p *place) put(key string) {
	p.t.Helper()
	file := filepath.Join(p.dir, "lake/clean", key)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(key), 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

// write writes a manifest that is complete.
func (p *place) write(id, text string) {
	p.t.Helper()
	file := filepath.Join(p.dir, "manifests/datasets/name=clean/version=1/lot="+id+"/state=complete/manifest.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) task(extra string) Event { return p.fake.task("sum", "orders/clean@1", extra) }

// restart has another process go on.
func (p *place) restart() { p.reader = NewReader(p.fake, bucket.Options{}) }

func (p *place) look() {
	p.t.Helper()
	var err error
	if p.last, err = p.reader.Look(p.t.Context(), p.scope, moment); err != nil {
		p.t.Fatal(err)
	}
}

// says is what the manifest of a lot that counts lists, or empty.
func (p *place) says(id string) string {
	p.t.Helper()
	for _, state := range []string{"complete", "empty"} {
		data, err := os.ReadFile(filepath.Join(p.dir, "manifests/datasets/name=clean/version=1/lot="+id+"/state="+state+"/manifest.json"))
		if err != nil {
			continue
		}
		m, err := manifest.Parse(data)
		if err != nil {
			p.t.Fatal(err)
		}
		return strings.TrimSpace(state + " " + strings.ReplaceAll(strings.Join(m.URIs, " "), p.scope.Datasets["orders/clean@1"].Location, ""))
	}
	return ""
}

func (p *place) why() (out []string) {
	for _, r := range p.last.Refused {
		out = append(out, strings.ReplaceAll(r.Why, p.dir, ""))
	}
	return out
}

// TestClaims: what a task says that it has made is a lot, if it is true; and else it is kept, with why.
func TestClaims(t *testing.T) {
	t.Parallel()
	const id = "20260302P1D000"
	for name, tc := range map[string]struct {
		reason, dag, dataset, extra string
		want, why                   string
	}{
		"Files":        {reason: "Files by their paths.", extra: `{"lot": "` + id + `", "files": ["a", "x/b c"]}`, want: "complete a x/b%20c"},
		"Folder":       {reason: "A folder, with what is in it.", extra: `{"lot": "` + id + `", "files": ["x/"]}`, want: "complete x/"},
		"Addresses":    {reason: "Files by their addresses.", extra: `{"lot": "` + id + `", "uris": ["LOCATION` + `a"]}`, want: "complete a"},
		"Empty":        {reason: "A lot without data.", extra: `{"lot": "` + id + `", "files": []}`, want: "empty"},
		"More":         {reason: "A task may say more than that.", extra: `{"lot": "` + id + `", "files": ["a"], "rows": 3, "nested": {"a": [1]}}`, want: "complete a"},
		"Several":      {reason: "Several lots.", extra: `{"lots": [{"lot": "20260227P1D000", "files": []}, {"lot": "` + id + `", "files": ["a"]}]}`, want: "complete a"},
		"OneIsWrong":   {reason: "Of several lots none counts if one is wrong.", extra: `{"lots": [{"lot": "` + id + `", "files": ["a"]}, {"lot": "20260227P1D000", "files": ["gone"]}]}`, why: "is not there"},
		"LotTwice":     {reason: "A lot twice.", extra: `{"lots": [{"lot": "` + id + `", "files": ["a"]}, {"lot": "` + id + `", "files": []}]}`, why: "twice"},
		"NoLot":        {reason: "Without a lot there is none.", extra: `{"files": ["a"]}`, why: "it says no lot"},
		"NoFiles":      {reason: "Nothing said is not nothing there.", extra: `{"lot": "` + id + `"}`, why: "it says no files"},
		"NoExtra":      {reason: "A task that says nothing.", extra: `null`, why: "it says no lot"},
		"OtherType":    {reason: "Values of other types.", extra: `{"lot": 1}`, why: "not in the form"},
		"Text":         {reason: "A text is no object.", extra: `"` + id + `"`, why: "not in the form"},
		"OtherUnit":    {reason: "A lot of another unit.", extra: `{"lot": "20260302PT1H000", "files": ["a"]}`, why: "not of the unit"},
		"NoID":         {reason: "What is no lot.", extra: `{"lot": "../../x", "files": ["a"]}`, why: "its lot"},
		"BeforeFirst":  {reason: "A lot before the first.", extra: `{"lot": "20251231P1D000", "files": ["a"]}`, why: "begins before"},
		"NotKept":      {reason: "A lot that retention would remove.", extra: `{"lot": "20260103P1D000", "files": ["a"]}`, why: "not be kept"},
		"NotEnded":     {reason: "A lot that has not ended.", extra: `{"lot": "20260303P1D000", "files": ["a"]}`, why: "has not ended"},
		"WayUp":        {reason: "A path that leads out.", extra: `{"lot": "` + id + `", "files": ["../secret"]}`, why: "is not in"},
		"HiddenWayUp":  {reason: "One that does so by codes.", extra: `{"lot": "` + id + `", "uris": ["LOCATION%2e%2e/secret"]}`, why: "is not in"},
		"Absolute":     {reason: "A path from the root.", extra: `{"lot": "` + id + `", "files": ["/etc/passwd"]}`, why: "no path"},
		"Elsewhere":    {reason: "An address elsewhere.", extra: `{"lot": "` + id + `", "uris": ["s3://others/a"]}`, why: "is not in"},
		"Neighbour":    {reason: "A folder that begins alike.", extra: `{"lot": "` + id + `", "uris": ["LOCATIO2/a"]}`, why: "is not in"},
		"NotThere":     {reason: "A file that is not there.", extra: `{"lot": "` + id + `", "files": ["a", "b"]}`, why: "is not there"},
		"NoFolder":     {reason: "A folder that is not there.", extra: `{"lot": "` + id + `", "files": ["y/"]}`, why: "is not there"},
		"Twice":        {reason: "A file twice.", extra: `{"lot": "` + id + `", "files": ["a", "a"]}`, why: "listed twice"},
		"Both":         {reason: "Files and folders.", extra: `{"lot": "` + id + `", "files": ["a", "x/"]}`, why: "names a folder"},
		"Lies":         {reason: "A state that contradicts.", extra: `{"lot": "` + id + `", "state": "empty", "files": ["a"]}`, why: "lists 1 files"},
		"Partial":      {reason: "A state that no task gives.", extra: `{"lot": "` + id + `", "state": "partial", "files": ["a"]}`, why: "lists 1 files"},
		"Huge":         {reason: "More than is read.", extra: `{"lot": "` + id + `", "files": ["` + strings.Repeat("a", maxExtra) + `"]}`, why: "more than 4 MiB"},
		"OtherDAG":     {reason: "A DAG of another project.", dag: "theirs", extra: `{"lot": "` + id + `", "files": ["a"]}`, why: "only the DAGs and workloads of \"orders\" write"},
		"NoDAG":        {reason: "A DAG that Airflow does not know.", dag: "gone", extra: `{"lot": "` + id + `", "files": ["a"]}`, why: "only the DAGs and workloads of \"orders\" write"},
		"Workload":     {reason: "A dataset that a workload makes.", dataset: "orders/made@1", extra: `{"lot": "` + id + `", "files": ["a"]}`, why: "the workload orders/make makes the lots"},
		"OtherDataset": {reason: "A dataset that has no lots here.", dataset: "rates/fx@1", extra: `{"lot": "` + id + `", "files": ["a"]}`, why: "no dataset of the environment"},
		"NoLots":       {reason: "A dataset without lots of which none is said.", dataset: "orders/table@1", extra: `{}`},
		"NoDataset":    {reason: "What begins like a dataset.", dataset: "orders", extra: `{}`, why: "not the address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.put("a")
			p.put("x/b c")
			location := p.scope.Datasets["orders/clean@1"].Location
			extra := strings.ReplaceAll(strings.ReplaceAll(tc.extra, "LOCATION", location), "LOCATIO2", strings.TrimSuffix(location, "/")+"2")
			dag, dataset := "sum", "orders/clean@1"
			if tc.dag != "" {
				dag = tc.dag
			}
			if tc.dataset != "" {
				dataset = tc.dataset
			}
			p.fake.task(dag, dataset, extra)
			p.task(`{"lot": "20260228P1D000", "files": []}`)
			p.look()
			if diff := cmp.Diff(tc.want, p.says(id)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
			why := strings.Join(p.why(), "; ")
			if tc.why == "" && why != "" || !strings.Contains(why, tc.why) {
				t.Errorf("%s: it is refused because %q, want %q", tc.reason, why, tc.why)
			}
			if p.says("20260228P1D000") != "empty" {
				t.Errorf("%s: it holds up what came after it", tc.reason)
			}
			n := len(p.last.New)
			p.restart()
			p.look()
			if len(p.last.New) > 0 || len(p.last.Written) > 0 || len(p.last.Refused) != n {
				t.Errorf("%s: after a restart it is taken again: %+v", tc.reason, p.last)
			}
		})
	}
}

// TestEventsByTheAPI: what people, or Trunkline itself, say by the API is no claim of a task.
func TestEventsByTheAPI(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.put("a")
	p.say(Event{URI: "trunkline://orders/clean@1", Extra: []byte(`{"lot": "20260302P1D000", "files": ["a"]}`)})
	p.say(Event{URI: "s3://others", DAG: "sum", Task: "make", Extra: []byte(`{"lot": "20260302P1D000", "files": ["a"]}`)})
	p.look()
	if p.says("20260302P1D000") != "" || len(p.last.Refused) > 0 {
		t.Errorf("it is %q, and refused are %v", p.says("20260302P1D000"), p.why())
	}
}

// TestAgain: a lot that a task makes again is written again; an event that is older than what is there changes nothing, in whichever order
// events are read, and neither does one that is read again.
func TestAgain(t *testing.T) {
	t.Parallel()
	const id = "20260302P1D000"
	p := newPlace(t)
	p.put("a")
	p.put("b")
	p.task(`{"lot": "` + id + `", "files": ["a"]}`)
	p.look()
	second := p.task(`{"lot": "` + id + `", "files": ["b"]}`)
	p.look()
	if got := p.says(id); got != "complete b" {
		t.Errorf("made again, it is %q", got)
	}
	// One that happened before, and is seen only now.
	p.say(Event{URI: "trunkline://orders/clean@1", DAG: "sum", Task: "make", At: second.At.Add(-time.Millisecond), Extra: []byte(`{"lot": "` + id + `", "files": ["a"]}`)})
	p.look()
	if got := p.says(id); got != "complete b" {
		t.Errorf("after an older event it is %q", got)
	}
	// All of them, by a process that knows nothing of what was read.
	if err := os.RemoveAll(filepath.Join(p.dir, "manifests/trunkline-lots/acme/prod/assets")); err != nil {
		t.Fatal(err)
	}
	p.restart()
	p.look()
	p.reader.records["one"].Until = p.reader.records["one"].Until.Add(-time.Hour)
	p.look()
	if got := p.says(id); got != "complete b" || len(p.last.Written) > 0 {
		t.Errorf("read again, it is %q, and written was %+v", got, p.last.Written)
	}
}

// TestRemovedStays: a lot that someone removed is not made by an event from before that.
func TestRemovedStays(t *testing.T) {
	t.Parallel()
	const id = "20260302P1D000"
	p := newPlace(t)
	p.put("a")
	folder := filepath.Join(p.dir, "manifests/datasets/name=clean/version=1/lot="+id+"/state=removed/attempt=1-x")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for comment, want := range map[string]string{"ann removed it": "", "replaced for asset event 7": "complete a"} {
		text := fmt.Sprintf(`{"state":"removed","comment":%s,"lotId":"%s","uriType":"identifier","uris":[]}`, quoted(comment), id)
		if err := os.WriteFile(filepath.Join(folder, "manifest.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		p.task(`{"lot": "` + id + `", "files": ["a"]}`)
		p.look()
		if got := p.says(id); got != want {
			t.Errorf("%s: it is %q, want %q", comment, got, want)
		}
		if err := os.RemoveAll(filepath.Dir(filepath.Dir(folder)) + "/state=complete"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLaterClaimSettles: what was refused of a lot is forgotten once a later event made it.
func TestLaterClaimSettles(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.task(`{"lot": "20260302P1D000", "files": ["a"]}`)
	p.task(`{"lot": "20260301P1D000", "files": ["a"]}`)
	p.look()
	if len(p.last.Refused) != 2 {
		t.Fatalf("refused are %v", p.why())
	}
	p.put("a")
	p.task(`{"lot": "20260302P1D000", "files": ["a"]}`)
	p.look()
	p.restart()
	p.look()
	if len(p.last.Refused) != 1 || p.last.Refused[0].Lot != "20260301P1D000" {
		t.Errorf("refused are %+v", p.last.Refused)
	}
}

// TestRefusedAreRead: whoever reads the records sees what the daemon has refused: of which cluster, and of which lots.
func TestRefusedAreRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.task(`{"lots": [{"lot": "20260302P1D000", "files": ["gone"]}, {"lot": "20260301P1D000", "files": []}, {"lot": "../x"}]}`)
	p.task(`{"lot": "20260302P1D000", "files": ["gone"]}`)
	p.task(`{"files": []}`)
	p.look()
	var kept []Refusal
	err := bucket.With(t.Context(), p.scope.Records, bucket.Options{}, func(f bucket.Folder) (err error) {
		kept, err = Refused(t.Context(), f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	equal := cmp.Comparer(func(a, b json.RawMessage) bool {
		return strings.Join(strings.Fields(string(a)), "") == strings.Join(strings.Fields(string(b)), "")
	})
	if diff := cmp.Diff(p.last.Refused, kept, equal); diff != "" {
		t.Errorf("-the daemon has +what is read:\n%s", diff)
	}
	var lots [][]string
	for _, r := range kept {
		lots = append(lots, r.Lots())
	}
	if diff := cmp.Diff([][]string{{"20260302P1D000", "20260301P1D000"}, {"20260302P1D000"}, nil}, lots); diff != "" || kept[0].Cluster != "one" {
		t.Errorf("of the cluster %q, lots: -want +got:\n%s", kept[0].Cluster, diff)
	}
}

// TestDamagedRecords: a record that is damaged holds up no events. Of the cursors, the one before counts; a refusal of which nothing is known is told as one.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.put("a")
	p.task(`{"lot": "20260302P1D000", "files": ["gone"]}`)
	p.look()
	p.task(`{"lot": "20260301P1D000", "files": ["gone"]}`)
	p.look()
	at := filepath.Join(p.dir, "manifests/trunkline-lots/acme/prod/assets/one")
	for _, sub := range []string{"cursor", "refused"} {
		files, err := os.ReadDir(filepath.Join(at, sub))
		if err != nil || len(files) != 2 {
			t.Fatalf("%s has %v, %v", sub, files, err)
		}
		if err := os.WriteFile(filepath.Join(at, sub, files[1].Name()), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.restart()
	p.task(`{"lot": "20260228P1D000", "files": ["a"]}`)
	p.look()
	if got := p.says("20260228P1D000"); got != "complete a" {
		t.Errorf("with damaged records, what a task says that it has made is %q", got)
	}
	if why := strings.Join(p.why(), "\n"); len(p.last.Refused) != 2 || !strings.Contains(why, "is not known: reading assets/one/refused/") {
		t.Errorf("refused is:\n%s", why)
	}
	files, err := os.ReadDir(filepath.Join(at, "cursor"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(at, "cursor", f.Name()), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.restart()
	_, err = p.reader.Look(t.Context(), p.scope, moment)
	if err == nil || !strings.Contains(err.Error(), "delete it") || !strings.Contains(err.Error(), "assets/one/cursor/") {
		t.Errorf("with no cursor that can be read: %v", err)
	}
}

// TestTooLarge: an answer that is larger than what is read holds up nothing: the events are read one by one, and the one is passed over.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.task(`{"lot": "20260301P1D000", "files": []}`)
	p.fake.task("theirs", "rates/fx@1", `{"x": "`+strings.Repeat("a", maxAnswer)+`"}`)
	p.task(`{"lot": "20260302P1D000", "files": []}`)
	p.look()
	if p.says("20260301P1D000") != "empty" || p.says("20260302P1D000") != "empty" || p.last.TooLarge != 1 {
		t.Errorf("it is %q, %q, and %d are too large", p.says("20260301P1D000"), p.says("20260302P1D000"), p.last.TooLarge)
	}
}

// TestHidden: an event that Airflow fails at for a while, since a run that it has started has not begun, holds up no other one, and is read once it is
// shown, however long that takes. An Airflow that fails at everything is an error.
func TestHidden(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]int{"the first": 0, "one behind others": 130} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			for range early {
				p.fake.task("theirs", "rates/fx@1", `{}`)
			}
			late := p.task(`{"lot": "20260301P1D000", "files": []}`)
			p.task(`{"lot": "20260302P1D000", "files": []}`)
			p.hidden = map[int64]bool{late.ID: true}
			p.look()
			if p.says("20260301P1D000") != "" || p.says("20260302P1D000") != "empty" {
				t.Fatalf("it is %q, %q", p.says("20260301P1D000"), p.says("20260302P1D000"))
			}
			p.now = p.now.Add(10 * overlap)
			p.task(`{"lot": "20260228P1D000", "files": []}`)
			p.look()
			p.restart()
			p.look()
			p.hidden = nil
			p.look()
			if p.says("20260301P1D000") != "empty" || p.says("20260228P1D000") != "empty" {
				t.Errorf("it is %q, %q", p.says("20260301P1D000"), p.says("20260228P1D000"))
			}
		})
	}
	p := newPlace(t)
	p.hidden = map[int64]bool{}
	for range 2 * maxHidden {
		p.hidden[p.task(`{"lot": "20260301P1D000", "files": []}`).ID] = true
	}
	if _, err := p.reader.Look(t.Context(), p.scope, moment); !errors.Is(err, ErrFailed) {
		t.Errorf("an Airflow that fails at everything: %v", err)
	}
}

// TestAway: an Airflow that is away is read later, and nothing is lost; a process that never read begins with what happens from then on.
func TestAway(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.away = true
	p.task(`{"lot": "20260302P1D000", "files": []}`)
	if _, err := p.reader.Look(t.Context(), p.scope, moment); err == nil {
		t.Error("it is read although it is away")
	}
	p.away = false
	p.restart()
	p.look()
	if p.says("20260302P1D000") != "empty" {
		t.Error("the event is lost")
	}
}
