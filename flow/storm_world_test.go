// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

// storm is two projects, an S3, a cluster whose runs take a while, and what goes wrong.
type storm struct {
	t       *testing.T
	catalog *catalog.Catalog
	lots    int
	begin   time.Time
	s3      *buckettest.S3
	cluster *pods
	// hand are the objects that people made a lot of by hand.
	hand sync.Map

	mu     sync.Mutex
	random *rand.Rand
	// clock is what the clock showed when it was set, and latest the latest time that it has shown.
	clock, set, latest time.Time
	quiet              bool
	down               int
	problems           []string
}

func newStorm(t *testing.T, lots int, seed uint64) *storm {
	t.Helper()
	w := &storm{
		t: t, lots: lots, begin: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), s3: buckettest.New(t, "lake", "manifests"),
		random: rand.New(rand.NewPCG(seed, seed)),
	}
	w.clock, w.set, w.cluster = w.begin, time.Now(), &pods{fake: newFake("one"), storm: w, well: map[string]int{}, did: map[program]int{}}
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	project := func(name, dataset, workload, reads string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(head + fmt.Sprintf(`kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: a/b:1
  datasets: [{name: %s, version: "1", path: "lake://%s/", lots: {unit: hourly, since: %q}}]
  workloads: [{name: %s, blueprint: container-job, command: [run], %swrites: {main: %s@1}}]
`, name, dataset, dataset, w.begin.Add(-time.Duration(lots)*time.Hour).Format(time.RFC3339), workload, reads, dataset))}
	}
	cat, problems, err := catalog.Load(fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" + head +
			"kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: \"s3://lake\"}\n  lots: {manifests: \"s3://manifests/\"}\n")},
		"orders/project.yaml": project("orders", "raw", "land", ""),
		"sales/project.yaml":  project("sales", "clean", "clean", "reads: {raw: orders/raw@1}, "),
	}, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatalf("%v\n%s", err, problems)
	}
	w.catalog = cat
	return w
}

// wrong notes something that must not be.
func (w *storm) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

func (w *storm) accepted() *catalog.Catalog { return w.catalog }

// first is when the first lot begins.
func (w *storm) first() time.Time { return w.begin.Add(-time.Duration(w.lots) * time.Hour) }

// ask asks the store, past all that goes wrong.
func (w *storm) ask(method, path, data string, header ...string) *httptest.ResponseRecorder {
	answer, r := httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), method, "/"+path, strings.NewReader(data))
	r.Header.Set("Content-Length", strconv.Itoa(len(data)))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w.s3.ServeHTTP(answer, r)
	return answer
}

// write writes an object.
func (w *storm) write(bucket, key, data string) {
	if answer := w.ask(http.MethodPut, bucket+"/"+key, data); answer.Code != http.StatusOK {
		w.wrong("a program cannot write %s: %d", key, answer.Code)
	}
}

// listed are the manifests of a dataset, by lot; of one of them, or of all.
func (w *storm) listed(dataset string, of ...lot.Lot) map[string][]store.Entry {
	out := map[string][]store.Entry{}
	what := store.Of{Dataset: manifest.Dataset{Name: dataset, Version: "1"}}
	for _, one := range of {
		what.Lot = one
	}
	err := store.With(context.Background(), "s3://manifests/", bucket.Options{Endpoint: w.s3.URL}, func(s *store.Store) error {
		for e, err := range s.List(context.Background(), what) {
			if err != nil {
				return err
			}
			out[e.Key.Lot.ID()] = append(out[e.Key.Lot.ID()], e)
		}
		return nil
	})
	if err != nil {
		w.wrong("listing %s: %v", dataset, err)
	}
	return out
}

// counting are those of a lot's manifests that count.
func counting(entries []store.Entry) []store.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e store.Entry) bool { return e.Stray != nil || !e.Key.State.Counts() })
}

// settled reports whether all lots are there, and it is written down what came of each run.
func (w *storm) settled() bool {
	for _, dataset := range []string{"raw", "clean"} {
		have := w.listed(dataset)
		for l := range lot.Range(lot.Hourly, w.first(), w.begin) {
			if len(counting(have[l.ID()])) == 0 {
				return false
			}
		}
	}
	return !w.cluster.busy()
}

// written is how many manifests there are.
func (w *storm) written() (n int) {
	for _, dataset := range []string{"raw", "clean"} {
		for _, entries := range w.listed(dataset) {
			n += len(entries)
		}
	}
	return n
}

// state says how far it is.
func (w *storm) state() string {
	raw, clean := w.listed("raw"), w.listed("clean")
	var missing strings.Builder
	for dataset, have := range map[string]map[string][]store.Entry{"raw": raw, "clean": clean} {
		for l := range lot.Range(lot.Hourly, w.first(), w.begin) {
			if len(counting(have[l.ID()])) == 1 {
				continue
			}
			fmt.Fprintf(&missing, "\n%s %s has", dataset, l)
			for _, e := range have[l.ID()] {
				fmt.Fprintf(&missing, " %s %s", e.Key.State, e.Key.Attempt)
			}
			missing.WriteString(w.cluster.of(l))
		}
	}
	return fmt.Sprintf("of raw %d lots have manifests, of clean %d; %s%s", len(raw), len(clean), w.cluster.describe(), missing.String())
}

// check holds the stores to what the runs did, in the end.
func (w *storm) check() {
	w.t.Helper()
	for _, dataset := range []string{"raw", "clean"} {
		for l := range lot.Range(lot.Hourly, w.first(), w.begin) {
			w.cluster.mu.Lock()
			well := maps.Clone(w.cluster.well)
			w.cluster.mu.Unlock()
			if wrong := w.unsound(dataset, l, well); wrong != "" {
				w.t.Errorf("of %s %s %s", dataset, l, wrong)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, problem := range w.problems {
		w.t.Error(problem)
	}
}

// unsound is what is wrong with a lot: there is one manifest that counts, and it lists what is there, all that a run wrote that ended
// well, or that a person did. Well is what the runs wrote.
func (w *storm) unsound(dataset string, l lot.Lot, well map[string]int) string {
	counts := counting(w.listed(dataset, l)[l.ID()])
	if len(counts) != 1 {
		return fmt.Sprintf("%d manifests count, want 1", len(counts))
	}
	var m manifest.Manifest
	err := store.With(context.Background(), "s3://manifests/", bucket.Options{Endpoint: w.s3.URL}, func(s *store.Store) (err error) {
		m, err = s.Read(context.Background(), counts[0].Key, "s3://lake/"+dataset+"/")
		return err
	})
	if err != nil {
		return err.Error()
	}
	return w.wrote(map[string]string{"raw": "orders/land", "clean": "sales/clean"}[dataset]+" "+l.ID(), m, well)
}

// wrote is what is wrong with what a manifest lists.
func (w *storm) wrote(run string, m manifest.Manifest, well map[string]int) string {
	if len(m.URIs) == 0 {
		for of, objects := range well {
			if objects == 0 && strings.HasPrefix(of, run+" ") {
				return ""
			}
		}
		return "it is empty, and no run has written nothing"
	}
	for _, uri := range m.URIs {
		if answer := w.ask(http.MethodHead, strings.TrimPrefix(uri, "s3://"), ""); answer.Code != http.StatusOK {
			return fmt.Sprintf("%s is listed, and is not there", uri)
		}
	}
	if _, by := w.hand.Load(m.URIs[0]); by && len(m.URIs) == 1 {
		return ""
	}
	_, attempt, _ := strings.Cut(m.URIs[0], "attempt=")
	attempt, _, _ = strings.Cut(attempt, "/")
	if objects, ok := well[run+" "+attempt]; !ok || objects != len(m.URIs) {
		return fmt.Sprintf("%q is listed, and the run %q ended well: %t, and wrote %d objects", m.URIs, attempt, ok, objects)
	}
	return ""
}

// lotsOf are those that each workload has to make.
func (w *storm) lotsOf() []lot.Lot { return slices.Collect(lot.Range(lot.Hourly, w.first(), w.begin)) }
