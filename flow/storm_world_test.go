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
	"trunkline.dev/trunkline/flow/jobs"
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

	mu     sync.Mutex
	random *rand.Rand
	// clock is what the clock showed when it was set.
	clock, set time.Time
	quiet      bool
	down       int
	problems   []string
}

func newStorm(t *testing.T, lots int, seed uint64) *storm {
	t.Helper()
	w := &storm{
		t: t, lots: lots, begin: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), s3: buckettest.New(t, "lake", "manifests"),
		random: rand.New(rand.NewPCG(seed, seed)),
	}
	w.clock, w.set, w.cluster = w.begin, time.Now(), &pods{fake: newFake("one"), storm: w, well: map[string]bool{}}
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

// write writes an object of data, past all that goes wrong.
func (w *storm) write(key, data string) {
	answer, r := httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodPut, "/lake/"+key, strings.NewReader(data))
	r.Header.Set("Content-Length", strconv.Itoa(len(data)))
	w.s3.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		w.wrong("a program cannot write %s: %d", key, answer.Code)
	}
}

// listed are the manifests of a dataset, by lot.
func (w *storm) listed(dataset string) map[string][]store.Entry {
	out := map[string][]store.Entry{}
	err := store.With(context.Background(), "s3://manifests/", bucket.Options{Endpoint: w.s3.URL}, func(s *store.Store) error {
		for e, err := range s.List(context.Background(), store.Of{Dataset: manifest.Dataset{Name: dataset, Version: "1"}}) {
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
		n := 0
		for _, entries := range w.listed(dataset) {
			n += len(counting(entries))
		}
		if n < w.lots {
			return false
		}
	}
	return !w.cluster.busy()
}

// state says how far it is.
func (w *storm) state() string {
	raw, clean := w.listed("raw"), w.listed("clean")
	var missing strings.Builder
	for dataset, have := range map[string]map[string][]store.Entry{"raw": raw, "clean": clean} {
		for l := range lot.Range(lot.Hourly, w.begin.Add(-time.Duration(w.lots)*time.Hour), w.begin) {
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

// check holds the stores to what the runs did.
func (w *storm) check() {
	w.t.Helper()
	for dataset, workload := range map[string]string{"raw": "orders/land", "clean": "sales/clean"} {
		have := w.listed(dataset)
		for l := range lot.Range(lot.Hourly, w.begin.Add(-time.Duration(w.lots)*time.Hour), w.begin) {
			counts := counting(have[l.ID()])
			if len(counts) != 1 {
				w.t.Errorf("%d manifests of %s count for %s, want 1", len(counts), dataset, l)
				continue
			}
			var m manifest.Manifest
			err := store.With(w.t.Context(), "s3://manifests/", bucket.Options{Endpoint: w.s3.URL}, func(s *store.Store) (err error) {
				m, err = s.Read(w.t.Context(), counts[0].Key, "s3://lake/"+dataset+"/")
				return err
			})
			if err != nil {
				w.t.Error(err)
				continue
			}
			if len(m.URIs) != 2 {
				w.t.Errorf("%s of %s lists %q, want both objects of a run", dataset, l, m.URIs)
				continue
			}
			_, attempt, _ := strings.Cut(m.URIs[0], "attempt=")
			attempt, _, _ = strings.Cut(attempt, "/")
			if !w.cluster.endedWell(workload + " " + l.ID() + " " + attempt) {
				w.t.Errorf("%s of %s is what the run %s wrote, which did not end well", dataset, l, attempt)
			}
			for _, uri := range m.URIs {
				answer := httptest.NewRecorder()
				w.s3.ServeHTTP(answer, httptest.NewRequestWithContext(w.t.Context(), http.MethodHead, strings.TrimPrefix(uri, "s3:/"), http.NoBody))
				if answer.Code != http.StatusOK {
					w.t.Errorf("%s of %s lists %s, which is not there", dataset, l, uri)
				}
			}
		}
	}
	for _, problem := range w.problems {
		w.t.Error(problem)
	}
}

// pods is a cluster whose runs write one object when they begin and one when they end.
type pods struct {
	*fake

	storm *storm
	well  map[string]bool
}

func (p *pods) describe() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	running, unsettled := 0, 0
	for _, j := range p.jobs {
		if j.Ended.IsZero() {
			running++
		} else if j.Outcome == "" {
			unsettled++
		}
	}
	return fmt.Sprintf("%d Jobs run, and of %d it is not written down what came of them", running, unsettled)
}

// of lists the Jobs of a lot.
func (p *pods) of(l lot.Lot) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out strings.Builder
	for _, j := range p.jobs {
		if j.Lot == l {
			fmt.Fprintf(&out, "; Job %s %s ended %s, failed %t, %q", j.Workload, j.Attempt, j.Ended.Format(time.TimeOnly), j.Failed, j.Outcome)
		}
	}
	return out.String()
}

// busy reports whether a Job runs, or has ended and nobody has written it down.
func (p *pods) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.jobs {
		if j.Outcome == "" {
			return true
		}
	}
	return false
}

func (p *pods) endedWell(run string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.well[run]
}

func (p *pods) create(as jobs.As, o jobs.Order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	made, out, ok := p.order(as, o, p.storm.now())
	if !ok {
		return
	}
	out = strings.TrimPrefix(out, "s3://lake/")
	for _, j := range p.jobs {
		if j.Workload == o.Template.Workload && j.Lot == o.Lot && j.Ended.IsZero() {
			p.storm.wrong("%s of %s is run twice at once: %s and %s", j.Workload, j.Lot, j.Attempt, o.Attempt)
		}
	}
	if o.Template.Workload == "sales/clean" && len(counting(p.storm.listed("raw")[o.Lot.ID()])) != 1 {
		p.storm.wrong("%s of %s begins, and what it reads is not there", o.Template.Workload, o.Lot)
	}
	p.set(made)
	p.storm.write(out+"half", o.Attempt)
	go p.run(made, out)
}

// run is what is left of a run once it has begun. It ends with the Job.
func (p *pods) run(j jobs.Job, out string) {
	time.Sleep(time.Duration(p.storm.dice(15)) * time.Millisecond) // it computes
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, there := p.jobs[j.Namespace+"/"+j.Name]; !there {
		return
	}
	p.storm.mu.Lock()
	j.Failed = !p.storm.quiet && p.storm.random.IntN(15) == 0
	p.storm.mu.Unlock()
	if !j.Failed {
		p.storm.write(out+"rest", j.Attempt)
		p.well[j.Workload+" "+j.Lot.ID()+" "+j.Attempt+"-"+j.Tag] = true
	}
	j.Ended = p.storm.now()
	p.set(j)
}

// deleteOne deletes a Job by hand, if one runs.
func (p *pods) deleteOne() {
	time.Sleep(5 * time.Millisecond) // some have begun by then, or none
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(p.jobs)) {
		if j := p.jobs[name]; j.Ended.IsZero() {
			p.gone(j)
			return
		}
	}
}

// front is the cluster as a keeper of some life sees it.
type front struct {
	*pods

	life *life
}

func (f *front) Create(_ context.Context, as jobs.As, o jobs.Order) error {
	return f.life.spend(func() { f.create(as, o) })
}

func (f *front) Settle(_ context.Context, _ jobs.As, j jobs.Job, outcome string) error {
	return f.life.spend(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.note(j, outcome)
	})
}

func (f *front) Delete(_ context.Context, _ jobs.As, j jobs.Job) error {
	return f.life.spend(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if now, there := f.jobs[j.Namespace+"/"+j.Name]; there && now.UID == j.UID {
			f.gone(now)
		}
	})
}

func (f *front) Why(context.Context, jobs.As, jobs.Job) string { return "it ended with exit code 3" }

func (f *front) Lingering(context.Context, jobs.As) (map[string]bool, error) {
	return nil, f.life.spend(func() {}) // a run ends with its Job
}

func (f *front) Await(_ context.Context, as jobs.As, name string) (there bool, err error) {
	err = f.life.spend(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		_, there = f.jobs[as.Namespace+"/"+name]
	})
	return there, err
}

// lotsOf are those that each workload has to make.
func (w *storm) lotsOf() []lot.Lot {
	return slices.Collect(lot.Range(lot.Hourly, w.begin.Add(-time.Duration(w.lots)*time.Hour), w.begin))
}
