// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/snapshot"
	"trunkline.dev/trunkline/flow/survey"
	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

// backfillLots is how large the backfill on a cluster is; "make storms" has 10,000.
var backfillLots = flag.Int("backfill-lots", 300, "how many lots are backfilled on a cluster, by two workloads together")

// clustered is a platform of projects, each with a dataset from outside and a chain of workloads, whose Jobs are in a real API server.
type clustered struct {
	tb testing.TB
	// dir makes the names, manifests and lake are the roots of the stores, and opts say where those are.
	dir, manifests, lake string
	opts                 bucket.Options
	catalog              *catalog.Catalog
	cluster              *clustertest.Cluster
	keeper               *Keeper
	// now is the end of the last lot, projects and chain say how many there are, and lots how many lots each dataset has.
	now                   time.Time
	projects, chain, lots int
}

const cronJob = `
apiVersion: batch/v1
kind: CronJob
metadata:
  name: %[2]s
  namespace: %[1]s-dev
  labels: {trunkline.dev/project: %[1]s, trunkline.dev/environment: dev, trunkline.dev/workload: %[2]s}
spec:
  schedule: 0 0 31 2 *
  suspend: true
  jobTemplate:
    metadata:
      labels: {trunkline.dev/project: %[1]s, trunkline.dev/environment: dev, trunkline.dev/workload: %[2]s}
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: %[2]s, image: a/b:1, command: [run]}]
`

// newClustered declares the projects, and has their templates in the cluster, with so many runs at a time.
func newClustered(tb testing.TB, projects, chain, lots, runs int, edit func(*clustered)) *clustered {
	tb.Helper()
	dir := tb.TempDir()
	w := &clustered{
		tb: tb, dir: dir, manifests: "file://" + dir + "/manifests/", lake: "file://" + dir + "/lake", cluster: pkg.Cluster(tb), now: time.Now().UTC().Truncate(5 * time.Minute), projects: projects, chain: chain, lots: lots,
	}
	w.opts.Shared = bucket.NewShared(time.Now)
	tb.Cleanup(func() { _ = w.opts.Shared.Close() })
	edit(w)
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	since := w.now.Add(-time.Duration(lots) * lot.Twelfths.Duration()).Format(time.RFC3339)
	tree := fstest.MapFS{"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" + head +
		fmt.Sprintf("kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: %[1]q}\n  lots: {manifests: %[3]q, limits: {runs: %[2]d, perWorkload: %[2]d}}\n", w.lake, runs, w.manifests))}}
	client := w.cluster.Client(tb)
	for i := range projects {
		name := w.project(i)
		text := head + fmt.Sprintf("kind: Project\nmetadata: {name: %[1]s}\nspec:\n  owner: team\n  environments: [dev]\n  image: a/b:1\n  datasets:\n", name)
		works := "  workloads:\n"
		for n := range chain + 1 {
			external := ""
			if n == 0 {
				external = ", external: true"
			} else {
				works += fmt.Sprintf("    - {name: w%d, blueprint: container-job, command: [run], reads: {in: %s-d%d@1}, writes: {main: %s-d%d@1}}\n", n, name, n-1, name, n)
			}
			text += fmt.Sprintf("    - {name: %[1]s-d%[2]d, version: \"1\", path: \"lake://%[1]s/d%[2]d/\", lots: {unit: Twelfths, since: %[3]q}%[4]s}\n", name, n, since, external)
		}
		tree[name+"/project.yaml"] = &fstest.MapFile{Data: []byte(text + works)}
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name + "-dev"}}
		if _, err := client.CoreV1().Namespaces().Create(tb.Context(), namespace, metav1.CreateOptions{}); err != nil {
			tb.Fatal(err)
		}
		for n := range chain {
			var cron batchv1.CronJob
			if err := yaml.UnmarshalStrict(fmt.Appendf(nil, cronJob, name, fmt.Sprint("w", n+1)), &cron); err != nil {
				tb.Fatal(err)
			}
			if _, err := client.BatchV1().CronJobs(cron.Namespace).Create(tb.Context(), &cron, metav1.CreateOptions{}); err != nil {
				tb.Fatal(err)
			}
		}
		tb.Cleanup(func() { // its Jobs go with it
			_ = client.CoreV1().Namespaces().Delete(context.WithoutCancel(tb.Context()), namespace.Name, metav1.DeleteOptions{})
		})
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		tb.Fatalf("%v\n%s", err, problems)
	}
	w.catalog = cat
	return w
}

// project is the name of one, which no other test has in the same cluster.
func (w *clustered) project(i int) string {
	return fmt.Sprintf("p%s-%d", short(w.dir, 6), i)
}

func (w *clustered) lot(n int) lot.Lot {
	return lot.Twelfths.At(w.now.Add(time.Duration(n-w.lots) * lot.Twelfths.Duration()))
}

// key is where a manifest is.
func (w *clustered) key(project, dataset, n int, state manifest.State) string {
	d := manifest.Dataset{Name: fmt.Sprintf("%s-d%d", w.project(project), dataset), Version: "1"}
	return manifest.Key{Dataset: d, Lot: w.lot(n), State: state}.Path()
}

// arrive writes a manifest of a dataset from outside.
func (w *clustered) arrive(project, n int) {
	w.tb.Helper()
	err := bucket.With(w.tb.Context(), w.manifests, w.opts, func(f bucket.Folder) error {
		m := manifest.Manifest{State: manifest.Empty, LotID: w.lot(n).ID(), URIType: manifest.Identifier}
		return f.Create(w.tb.Context(), w.key(project, 0, n, manifest.Empty), m.Encode())
	})
	if err != nil {
		w.tb.Fatal(err)
	}
}

// known is a stock in which all lots are there but some.
func (w *clustered) known(but func(project, dataset, n int) bool) *survey.Stock {
	var m survey.Maker
	for i := range w.projects {
		for d := range w.chain + 1 {
			id := fmt.Sprintf("%[1]s/%[1]s-d%[2]d@1", w.project(i), d)
			m.Dataset(id, lot.Twelfths)
			for n := range w.lots {
				if at := w.lot(n); !but(i, d, n) {
					m.Add(survey.At{Series: id, Lot: at}, survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: at.End()}})
				}
			}
		}
	}
	return m.Stock()
}

// snapshot has a snapshot say what there is.
func (w *clustered) snapshot(lots *survey.Stock) {
	w.tb.Helper()
	address, _ := w.catalog.Records("dev")
	s := snapshot.Snapshot{Platform: "acme", Environment: "dev", Taken: time.Now(), Stores: map[string]string{}, Lots: lots}
	for _, id := range lots.Datasets() {
		s.Stores[id], _ = w.catalog.Manifests(id, "dev", catalog.Reads)
	}
	err := bucket.With(w.tb.Context(), address, w.opts, func(f bucket.Folder) error { return snapshot.Write(w.tb.Context(), f, s) })
	if err != nil {
		w.tb.Fatal(err)
	}
}

// keep keeps the lots until the test ends, or what it returns is called.
func (w *clustered) keep(interval time.Duration) (stop func()) {
	w.keeper = New(Options{
		Accepted: func() *catalog.Catalog { return w.catalog }, Interval: interval, Limits: DefaultLimits(), Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Clusters: []Cluster{jobs.New("one", func() (*rest.Config, error) { return rest.CopyConfig(w.cluster.Config), nil }, slog.New(slog.DiscardHandler))},
		Ended:    func(Ended) {}, Stores: w.opts,
	})
	ctx, cancel := context.WithCancel(w.tb.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.keeper.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	w.tb.Cleanup(stop)
	return stop
}

// await waits until something is so; it is asked often.
func (w *clustered) await(what string, limit time.Duration, ok func() bool) {
	w.tb.Helper()
	for late := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			w.tb.Fatalf("waiting for %s: %v", what, w.keeper.Counts())
		}
	}
}

// made counts the manifests of a dataset that count, by lot, and those of attempts that failed or were removed.
func (w *clustered) made(project, dataset int) (counts map[string]int, others int) {
	counts = map[string]int{}
	at := filepath.Join(w.dir, "manifests/datasets", fmt.Sprintf("name=%s-d%d", w.project(project), dataset), "version=1")
	found, _ := os.ReadDir(at)
	for _, entry := range found {
		states, _ := os.ReadDir(filepath.Join(at, entry.Name()))
		for _, s := range states {
			if state := manifest.State(strings.TrimPrefix(s.Name(), "state=")); state.Counts() {
				counts[strings.TrimPrefix(entry.Name(), "lot=")]++
			} else {
				others++
			}
		}
	}
	return counts, others
}

// eachJob tells of each Job of the first project once, until what it returns is called; that waits until all are told that were there.
func (w *clustered) eachJob(tell func(*batchv1.Job)) (stop func()) {
	w.tb.Helper()
	client := w.cluster.Client(w.tb).BatchV1().Jobs(w.project(0) + "-dev")
	ctx, cancel := context.WithCancel(w.tb.Context())
	told := map[types.UID]bool{}
	take := func(j *batchv1.Job) {
		if !told[j.UID] {
			told[j.UID] = true
			tell(j)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			stream, err := client.Watch(ctx, metav1.ListOptions{}) // it begins with all that there are
			if err != nil {
				continue
			}
			for e := range stream.ResultChan() {
				if j, ok := e.Object.(*batchv1.Job); ok {
					take(j)
				}
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		all, err := client.List(w.tb.Context(), metav1.ListOptions{})
		if err != nil {
			w.tb.Error(err)
			return
		}
		for i := range all.Items {
			take(&all.Items[i])
		}
	}
}

// TestBackfillOnACluster: lots are backfilled through two workloads by Jobs in a real API server, none is lost and none is run twice.
func TestBackfillOnACluster(t *testing.T) {
	lots := *backfillLots / 2
	w := newClustered(t, 1, 2, lots, 200, func(*clustered) {})
	for n := range lots {
		w.arrive(0, n)
	}
	began := time.Now()
	seen := map[string][]string{}
	stop := w.eachJob(func(j *batchv1.Job) {
		of := j.Labels["trunkline.dev/workload"] + " " + j.Labels["trunkline.dev/lot"]
		seen[of] = append(seen[of], j.Labels["trunkline.dev/attempt"])
	})
	w.keep(time.Minute)
	w.await("all lots", 30*time.Minute, func() bool {
		all := w.keeper.Datasets()
		return len(all) == 3 && !slices.ContainsFunc(all, func(d Dataset) bool { return !d.Known || d.There < int64(lots) })
	})
	took := time.Since(began)
	stop()
	for d := 1; d <= 2; d++ {
		counts, others := w.made(0, d)
		if len(counts) < lots || others > 0 {
			t.Errorf("of dataset %d there are %d lots of %d, and %d manifests of attempts that failed", d, len(counts), lots, others)
		}
		for id, n := range counts {
			if n != 1 {
				t.Errorf("%s of dataset %d is there %d times", id, d, n)
			}
		}
	}
	for of, attempts := range seen {
		if len(attempts) != 1 {
			t.Errorf("%s was run %d times: %v", of, len(attempts), attempts)
		}
	}
	if len(seen) < 2*lots {
		t.Errorf("%d runs were seen for %d lots", len(seen), 2*lots)
	}
	t.Logf("%d lots in %.1f s: %.1f a second", 2*lots, took.Seconds(), float64(2*lots)/took.Seconds())
}
