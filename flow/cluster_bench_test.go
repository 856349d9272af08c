// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/flow/manifest"
)

// spare is how many of the last lots of a dataset are not there from the beginning.
const spare = 100

// withMany has the first lots of both datasets be there already, in an S3.
func withMany(b *testing.B, lots int) *clustered {
	b.Helper()
	return newClustered(b, 1, 1, lots, 100, func(w *clustered) {
		var old []string
		for d := range 2 {
			for n := range lots - spare {
				old = append(old, "manifests/"+w.key(0, d, n, manifest.Empty))
			}
		}
		content := manifest.Manifest{State: manifest.Empty, LotID: w.lot(0).ID(), URIType: manifest.Identifier}.Encode()
		w.opts.Endpoint = newMany(b, old, content).url
		w.manifests, w.lake = "s3://manifests/", "s3://lake/"
	})
}

// jobsOf tells of each Job that is created in the namespace of the first project, when it is seen.
func (w *clustered) jobsOf() (created chan time.Time, stop func()) {
	w.tb.Helper()
	created = make(chan time.Time, 100_000)
	return created, w.eachJob(func(*batchv1.Job) { created <- time.Now() })
}

func (w *clustered) next(created chan time.Time) time.Time {
	w.tb.Helper()
	select {
	case at := <-created:
		return at
	case <-time.After(5 * time.Minute):
		w.tb.Fatalf("no Job was created: %v", w.keeper.Counts())
		return time.Time{}
	}
}

// BenchmarkManifestToJob is from a manifest that is written, and a notification that says so, to the Job of the workload that reads it, in a
// real API server; with so many lots known. It is the median that counts.
func BenchmarkManifestToJob(b *testing.B) {
	for _, lots := range sizes {
		b.Run(fmt.Sprint(lots), func(b *testing.B) {
			w := withMany(b, lots/2)
			created, stop := w.jobsOf()
			defer stop()
			w.keep(time.Hour)
			w.await("all to be known", 5*time.Minute, func() bool {
				all := w.keeper.Datasets()
				return len(all) == 2 && all[0].Known && all[1].Known && all[0].There == int64(lots/2-spare)
			})
			var took []time.Duration
			for n := range 21 {
				began := time.Now()
				w.arrive(0, lots/2-spare+n)
				w.keeper.Hint([]string{w.manifests + w.key(0, 0, lots/2-spare+n, manifest.Empty)})
				took = append(took, w.next(created).Sub(began))
				time.Sleep(pauseAtLeast + pauseAtLeast/2) // what is told within a second of the last look waits for the next
			}
			for b.Loop() { // once
			}
			slices.Sort(took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(took[len(took)*9/10].Microseconds())/1000, "ms-p90")
		})
	}
}

// BenchmarkStart is from the start of a keeper to the first Job, with a million lots in an S3: by a listing, and by a snapshot.
func BenchmarkStart(b *testing.B) {
	const lots = 1_000_000
	for _, by := range []string{"listing", "snapshot"} {
		b.Run(by, func(b *testing.B) {
			w := withMany(b, lots/2)
			w.arrive(0, lots/2-spare)
			if by == "snapshot" {
				w.snapshot(w.known(func(_, d, n int) bool { return n > lots/2-spare || n == lots/2-spare && d == 1 }))
			}
			created, stop := w.jobsOf()
			defer stop()
			began := time.Now()
			w.keep(time.Hour)
			took := w.next(created).Sub(began)
			for b.Loop() { // once
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took.Seconds(), "s")
		})
	}
}

// BenchmarkStarts has a keeper start runs as fast as it can, beside the bare creation of the same Jobs, as many at a time.
func BenchmarkStarts(b *testing.B) {
	const runs = 300
	w := newClustered(b, 1, 1, runs, runs, func(*clustered) {})
	for n := range runs {
		w.arrive(0, n)
	}
	created, stop := w.jobsOf()
	stopped := w.keep(time.Hour)
	first := w.next(created)
	last := first
	for range runs - 1 {
		last = w.next(created)
	}
	stop()
	w.await("all lots", 5*time.Minute, func() bool { made, _ := w.made(0, 1); return len(made) >= runs })
	stopped()
	ours := last.Sub(first)

	client := w.cluster.Client(b)
	all, err := client.BatchV1().Jobs(w.project(0)+"-dev").List(b.Context(), metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	bare := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.project(0) + "-bare"}}
	if _, err := client.CoreV1().Namespaces().Create(b.Context(), bare, metav1.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = client.CoreV1().Namespaces().Delete(context.Background(), bare.Name, metav1.DeleteOptions{})
	})
	todo := make(chan *batchv1.Job, runs)
	for i := range all.Items[:runs] {
		j := &all.Items[i]
		j.ObjectMeta = metav1.ObjectMeta{Name: j.Name, Namespace: bare.Name, Labels: own(j.Labels), Annotations: j.Annotations}
		j.Spec.Selector, j.Spec.Template.Labels, j.Status = nil, own(j.Spec.Template.Labels), batchv1.JobStatus{}
		todo <- j
	}
	close(todo)
	began := time.Now()
	var group sync.WaitGroup
	for range atWork {
		group.Go(func() {
			for j := range todo {
				if _, err := client.BatchV1().Jobs(bare.Name).Create(b.Context(), j, metav1.CreateOptions{}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	theirs := time.Since(began)
	for b.Loop() { // once
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(runs)/ours.Seconds(), "jobs/s")
	b.ReportMetric(float64(runs)/theirs.Seconds(), "bare-jobs/s")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "×-bare")
}

// own are the labels that are not those of the controller.
func own(labels map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range labels {
		if !strings.Contains(name, "controller-uid") && !strings.Contains(name, "job-name") {
			out[name] = value
		}
	}
	return out
}
