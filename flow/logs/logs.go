// SPDX-License-Identifier: Apache-2.0

// Package logs keeps the logs of runs in the folder in which it is remembered what there is of an environment's lots: compressed, one object
// for each attempt, for as long as the environment says, and beside it the manifest of its Job. What is secret has been taken out of them before.
//
// Of Trunkline it imports api/lot and flow/bucket. Errors have a class, by [bucket.ClassOf].
package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
)

// Folder is where they are kept.
type Folder interface {
	List(ctx context.Context, prefix string) iter.Seq2[bucket.Object, error]
	Read(ctx context.Context, key string, max int64) ([]byte, error)
	Create(ctx context.Context, key string, data []byte) error
	Delete(ctx context.Context, key string) error
}

// Run is a run that has ended.
type Run struct {
	// Workload is the id, "project/name".
	Workload string
	Lot      lot.Lot
	Attempt  string
	// Job is the name of a run that was not made for a lot; then it has no lot and no attempt.
	Job string
	// Outcome is what came of it, in a word, such as "made" or "failed".
	Outcome string
}

// Kept is a log that is kept.
type Kept struct {
	Run
	// Written is when it was, by the clock of the store, and Size how many bytes it takes there.
	Written time.Time
	Size    int64
}

const (
	folder, ending = "logs/", ".log.gz"
	// manifestEnding is that of the manifest of a Job, which is kept beside its log.
	manifestEnding = ".job.yaml.gz"
	// MaxText bounds the text of a log that is read, in bytes: more is never written.
	MaxText = 4 << 20
	// maxObject bounds what is read of the store for one.
	maxObject = MaxText
	// atOnce is how many are deleted at a time, and maxSwept how many each time.
	atOnce   = 16
	maxSwept = 10_000
)

func prefixOf(workload string, l lot.Lot) string { return folder + workload + "/lot=" + l.ID() + "/" }

// place is the folder of a run.
func (r Run) place() string {
	if r.Job != "" {
		return folder + r.Workload + "/job=" + r.Job + "/"
	}
	return prefixOf(r.Workload, r.Lot) + "attempt=" + r.Attempt + "/"
}

// Key is where the log of a run is in its folder, such as "logs/orders/clean/lot=20260101P1D000/attempt=r1/failed.log.gz".
func (r Run) Key() string { return r.place() + r.Outcome + ending }

// Keep writes the log of a run. One that is kept already stays as it is.
func Keep(ctx context.Context, f Folder, r Run, text string) error {
	return keep(ctx, f, r.Key(), text)
}

// KeepManifest writes the manifest of the Job of a run, to which the same applies.
func KeepManifest(ctx context.Context, f Folder, r Run, text string) error {
	return keep(ctx, f, r.place()+r.Outcome+manifestEnding, text)
}

func keep(ctx context.Context, f Folder, key, text string) error {
	var data bytes.Buffer
	w := gzip.NewWriter(&data)
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("compressing a log: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("compressing a log: %w", err)
	}
	err := f.Create(ctx, key, data.Bytes())
	if bucket.ClassOf(err) == bucket.Exists {
		return nil
	}
	return err
}

// Has reports whether the log of a run is kept.
func Has(ctx context.Context, f Folder, r Run) (bool, error) {
	for o, err := range f.List(ctx, r.Key()) {
		if bucket.ClassOf(err) == bucket.NoStore {
			return false, nil
		}
		return err == nil && o.Key == r.Key(), err
	}
	return false, nil
}

// List lists the logs that are kept of a workload's lot, the oldest first.
func List(ctx context.Context, f Folder, workload string, l lot.Lot) (all []Kept, err error) {
	prefix := prefixOf(workload, l)
	for o, err := range f.List(ctx, prefix) {
		if bucket.ClassOf(err) == bucket.NoStore {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing the logs of %s %s: %w", workload, l, err)
		}
		attempt, rest, ok := strings.Cut(strings.TrimPrefix(o.Key, prefix+"attempt="), "/")
		outcome, named := strings.CutSuffix(rest, ending)
		k := Kept{Run{Workload: workload, Lot: l, Attempt: attempt, Outcome: outcome}, o.Written.UTC(), o.Size}
		if ok && named && k.Key() == o.Key {
			all = append(all, k)
		}
	}
	slices.SortStableFunc(all, func(a, b Kept) int { return a.Written.Compare(b.Written) })
	return all, nil
}

// Of lists the logs that are kept of one run, the oldest first: of a Job that was not made for a lot, or of an attempt.
func Of(ctx context.Context, f Folder, r Run) (all []Kept, err error) {
	prefix := r.place()
	for o, err := range f.List(ctx, prefix) {
		if bucket.ClassOf(err) == bucket.NoStore {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing the logs of a run of %s: %w", r.Workload, err)
		}
		outcome, named := strings.CutSuffix(strings.TrimPrefix(o.Key, prefix), ending)
		if r.Outcome = outcome; named && r.Key() == o.Key && !strings.Contains(outcome, "/") {
			all = append(all, Kept{r, o.Written.UTC(), o.Size})
		}
	}
	slices.SortStableFunc(all, func(a, b Kept) int { return a.Written.Compare(b.Written) })
	return all, nil
}

// Read reads a log that is kept. One that someone else has put there is read as far as a log goes.
func Read(ctx context.Context, f Folder, r Run) (string, error) {
	return read(ctx, f, r.Key())
}

// ReadManifest reads the manifest of the Job of a run, if it is kept; empty if it is not.
func ReadManifest(ctx context.Context, f Folder, r Run) (string, error) {
	text, err := read(ctx, f, r.place()+r.Outcome+manifestEnding)
	if bucket.ClassOf(err) == bucket.NotFound {
		return "", nil
	}
	return text, err
}

func read(ctx context.Context, f Folder, key string) (string, error) {
	data, err := f.Read(ctx, key, maxObject)
	if err != nil {
		return "", err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("what is kept of a run at %s is damaged: %w", key, err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, MaxText))
	if err != nil && len(text) == 0 {
		return "", fmt.Errorf("what is kept of a run at %s is damaged: %w", key, err)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), nil
}

// Sweep deletes the logs that were written before a time, a bounded number of them, and returns how many it has deleted, also with an error.
func Sweep(ctx context.Context, f Folder, before time.Time) (n int, err error) {
	group, deleting := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for o, failed := range f.List(ctx, folder) {
		if bucket.ClassOf(failed) == bucket.NoStore {
			break
		}
		if failed != nil {
			err = fmt.Errorf("listing the logs of runs: %w", failed)
			break
		}
		if !o.Written.Before(before) || !strings.HasSuffix(o.Key, ending) && !strings.HasSuffix(o.Key, manifestEnding) {
			continue
		}
		n++
		group.Go(func() error { return f.Delete(deleting, o.Key) })
		if n == maxSwept {
			break
		}
	}
	return n, errors.Join(err, group.Wait())
}
