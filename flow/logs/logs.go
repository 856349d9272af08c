// SPDX-License-Identifier: Apache-2.0

// Package logs keeps the logs of runs in the folder in which it is remembered what there is of an environment's lots: compressed, one object
// for each attempt, for as long as the environment says. What is secret has been taken out of them before.
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
	// MaxText bounds the text of a log that is read, in bytes: more is never written.
	MaxText = 4 << 20
	// maxObject bounds what is read of the store for one.
	maxObject = MaxText
	// atOnce is how many are deleted at a time, and maxSwept how many each time.
	atOnce   = 16
	maxSwept = 10_000
)

func prefixOf(workload string, l lot.Lot) string { return folder + workload + "/lot=" + l.ID() + "/" }

// Key is where the log of a run is in its folder, such as "logs/orders/clean/lot=20260101P1D000/attempt=r1/failed.log.gz".
func (r Run) Key() string {
	if r.Job != "" {
		return folder + r.Workload + "/job=" + r.Job + "/" + r.Outcome + ending
	}
	return prefixOf(r.Workload, r.Lot) + "attempt=" + r.Attempt + "/" + r.Outcome + ending
}

// Keep writes the log of a run. One that is kept already stays as it is.
func Keep(ctx context.Context, f Folder, r Run, text string) error {
	var data bytes.Buffer
	w := gzip.NewWriter(&data)
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("compressing a log: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("compressing a log: %w", err)
	}
	err := f.Create(ctx, r.Key(), data.Bytes())
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

// Read reads a log that is kept. One that someone else has put there is read as far as a log goes.
func Read(ctx context.Context, f Folder, r Run) (string, error) {
	data, err := f.Read(ctx, r.Key(), maxObject)
	if err != nil {
		return "", err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("the log %s is damaged: %w", r.Key(), err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, MaxText))
	if err != nil && len(text) == 0 {
		return "", fmt.Errorf("the log %s is damaged: %w", r.Key(), err)
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
		if !o.Written.Before(before) || !strings.HasSuffix(o.Key, ending) {
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
