// SPDX-License-Identifier: Apache-2.0

package record

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
)

// Run is a run that is under way, as far as is written down: that it is there, and not what it holds, is what counts.
type Run struct {
	// Cluster is where it is, and Workload is "project/name".
	Cluster, Workload string
	Lot               lot.Lot
	Attempt           string
	// Timeout is after how long the cluster ends it; 0 if it does not.
	Timeout time.Duration
	// Begun is when it began, by the clock of the store. It is read only.
	Begun time.Time
}

const runs = "runs/"

// Removable is a folder from which records go, too.
type Removable interface {
	Folder
	Delete(ctx context.Context, key string) error
}

// Start writes down that a run begins, before it does.
func Start(ctx context.Context, f Removable, r Run) error {
	err := f.Create(ctx, r.key(), []byte("{}\n"))
	if err != nil && bucket.ClassOf(err) != bucket.Exists {
		return fmt.Errorf("writing down that a run of %s for %s begins in the cluster %q: %w", r.Workload, r.Lot, r.Cluster, err)
	}
	return nil
}

// End takes that out, once it is written down what came of the run. One that is not there is none.
func End(ctx context.Context, f Removable, r Run) error {
	if err := f.Delete(ctx, r.key()); err != nil && bucket.ClassOf(err) != bucket.NotFound {
		return fmt.Errorf("writing down that the run of %s for %s has ended in the cluster %q: %w", r.Workload, r.Lot, r.Cluster, err)
	}
	return nil
}

// Runs returns the runs that are written down to be under way. What is there beside them is passed over.
func Runs(ctx context.Context, f Folder) (all []Run, err error) {
	for o, err := range f.List(ctx, runs) {
		if err != nil {
			return nil, fmt.Errorf("listing the runs that are under way: %w", err)
		}
		if r, ok := runAt(o.Key); ok {
			r.Begun = o.Written
			all = append(all, r)
		}
	}
	return all, nil
}

// key is where it is, such as "runs/eu/orders/clean/20260101PT1H005/r1abcdefghijkl-1800.json".
func (r Run) key() string {
	return fmt.Sprintf("%s%s/%s/%s/%s-%d%s", runs, r.Cluster, r.Workload, r.Lot.ID(), r.Attempt, r.Timeout/time.Second, suffix)
}

// runAt is the run of a key; false if there is none.
func runAt(key string) (r Run, ok bool) {
	rest, ok := strings.CutSuffix(strings.TrimPrefix(key, runs), suffix)
	parts := strings.Split(rest, "/")
	const all = 5
	if !ok || len(parts) != all || !fs.ValidPath(rest) {
		return Run{}, false
	}
	l, err := lot.ParseID(parts[3])
	attempt, seconds, cut := strings.Cut(parts[4], "-")
	n, bad := strconv.ParseUint(seconds, 10, 31)
	r = Run{Cluster: parts[0], Workload: parts[1] + "/" + parts[2], Lot: l, Attempt: attempt, Timeout: time.Duration(n) * time.Second}
	return r, err == nil && bad == nil && cut && attempt != "" && r.key() == key
}
