// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/asset"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
)

const (
	folder        = "assets/"
	cursorFolder  = "/cursor/"
	refusedFolder = "/refused/"
	suffix        = ".json"
	maxRecord     = 16 << 20
	// overlap is how far back is read again: an event has the time at which its transaction began, and is seen once that has ended.
	overlap = 15 * time.Minute
	// maxKept is how many refused events are kept; of more, those that came first go.
	maxKept = 1000
	// maxShown bounds what is kept of what a refused event says.
	maxShown = 64 << 10
)

// Refusal is an event of which nothing comes.
type Refusal struct {
	Event Event  `json:"event"`
	Why   string `json:"why"`
	// At is when it was refused, by the clock of who did.
	At time.Time `json:"at"`
	// Dataset and Lot are what it is about, as far as that is known: of several lots, the first.
	Dataset string `json:"dataset,omitempty"`
	Lot     string `json:"lot,omitempty"`
	// Cluster is that of the Airflow, which the place where it is kept says.
	Cluster string `json:"-"`
}

// maxNamed bounds how many lots are read of what a refused event says.
const maxNamed = 1000

// Lots are those that it is about, as far as that is known.
func (r Refusal) Lots() (ids []string) {
	var s said
	if json.Unmarshal(r.Event.Extra, &s) == nil {
		for _, one := range s.Lots[:min(len(s.Lots), maxNamed)] {
			if _, err := lot.ParseID(one.Lot); err == nil {
				ids = append(ids, one.Lot)
			}
		}
	}
	if len(ids) == 0 && r.Lot != "" {
		ids = []string{r.Lot}
	}
	return ids
}

func refusalOf(cluster string, e Event, why error, now time.Time) Refusal {
	r := Refusal{Event: e, Why: why.Error(), At: now.UTC(), Cluster: cluster}
	r.Dataset, _, _ = asset.Dataset(e.URI)
	var s said
	if len(e.Extra) <= maxExtra && json.Unmarshal(e.Extra, &s) == nil {
		if len(s.Lots) > 0 {
			s.one = s.Lots[0]
		}
		if _, err := lot.ParseID(s.Lot); err == nil {
			r.Lot = s.Lot
		}
	}
	if len(e.Extra) > maxShown || !json.Valid(e.Extra) {
		r.Event.Extra = nil
	}
	return r
}

// key is where it is kept.
func (r *records) key(one Refusal) string {
	return fmt.Sprintf("%s%s%s%s-%d%s", folder, r.cluster, refusedFolder, one.Event.At.UTC().Format("20060102T150405.000000000"), one.Event.ID, suffix)
}

// cursor says which events need not be read any more.
type cursor struct {
	// Until is the time of the newest that was, and Seen are those that were since a while before it.
	Until time.Time            `json:"until"`
	Seen  map[string]time.Time `json:"seen,omitempty"`
}

// records are what is kept of the Airflow of an environment on a cluster: the cursor, which is an object that is created once, and the events that were refused.
type records struct {
	cursor
	cluster string
	number  uint64
	changed bool
	refused map[string]Refusal
}

// recall reads what is kept. Where nothing is, what happens from now on is read.
func recall(ctx context.Context, f bucket.Folder, cluster string, now time.Time) (*records, error) {
	r := &records{cluster: cluster, cursor: cursor{Until: now.UTC(), Seen: map[string]time.Time{}}, refused: map[string]Refusal{}}
	cursors := map[uint64]string{}
	for o, err := range f.List(ctx, folder+cluster+cursorFolder) {
		if err != nil {
			return nil, fmt.Errorf("listing which events of assets were read: %w", err)
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(o.Key, folder+cluster+cursorFolder), suffix), 10, 64)
		if err == nil && n > 0 {
			cursors[n] = o.Key
		}
	}
	if len(cursors) == 0 {
		r.changed = true
		return r, r.save(ctx, f)
	}
	if err := r.goOn(ctx, f, cursors); err != nil {
		return nil, err
	}
	for o, err := range f.List(ctx, folder+cluster+refusedFolder) {
		if err != nil {
			return nil, fmt.Errorf("listing refused events of assets: %w", err)
		}
		var one Refusal
		switch err := readRecord(ctx, f, o.Key, &one); {
		case bucket.ClassOf(err) == bucket.NotFound:
			continue // it was settled just now
		case errors.Is(err, errDamaged):
			one = Refusal{Why: fmt.Sprintf("what was refused is not known: %s; delete it once that is clear", err)} // no reason to read nothing at all
		case err != nil:
			return nil, err
		}
		one.Cluster = cluster
		r.refused[o.Key] = one
	}
	return r, nil
}

// goOn reads the newest cursor. One that is damaged is passed over for the one before it: what is read twice changes nothing.
func (r *records) goOn(ctx context.Context, f bucket.Folder, cursors map[uint64]string) error {
	numbers := slices.Sorted(maps.Keys(cursors))
	slices.Reverse(numbers)
	r.number = numbers[0]
	var damaged error
	for _, n := range numbers {
		var c cursor
		err := readRecord(ctx, f, cursors[n], &c)
		switch {
		case errors.Is(err, errDamaged):
			damaged = errors.Join(damaged, err)
			continue
		case err != nil:
			return err
		}
		if c.Seen == nil {
			c.Seen = map[string]time.Time{}
		}
		r.cursor, r.changed = c, damaged != nil
		return nil
	}
	return fmt.Errorf("%w: delete it, and what happens from then on is read", damaged)
}

// errDamaged is why a record is not read that is none, or not any more.
var errDamaged = errors.New("it is no record of events of assets")

func readRecord(ctx context.Context, f bucket.Folder, key string, into any) error {
	data, err := f.Read(ctx, key, maxRecord)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading %s: %w: %w", key, errDamaged, err)
	}
	return nil
}

// name tells events apart, also those of a database that was made once more.
func name(e Event) string {
	return strconv.FormatInt(e.ID, 10) + " " + e.At.UTC().Format(time.RFC3339Nano)
}

func (r *records) from() time.Time { return r.Until.Add(-overlap).UTC() }

// seen reports whether an event was taken, or happened before anything was read.
func (r *records) seen(e Event) bool {
	_, is := r.Seen[name(e)]
	return is || e.At.Before(r.from())
}

// took notes that an event was.
func (r *records) took(e Event) {
	r.Seen[name(e)] = e.At.UTC()
	if e.At.After(r.Until) {
		r.Until = e.At.UTC()
	}
	r.changed = true
}

// hold has what is hidden be read later: nothing that happened since counts as read by its time.
func (r *records) hold(since time.Time) {
	if most := since.Add(overlap).UTC(); r.Until.After(most) {
		r.Until, r.changed = most, true
	}
}

// save writes the cursor down, if it has changed.
func (r *records) save(ctx context.Context, f bucket.Folder) error {
	if !r.changed {
		return nil
	}
	maps.DeleteFunc(r.Seen, func(_ string, at time.Time) bool { return at.Before(r.from()) })
	data, err := json.Marshal(r.cursor)
	if err != nil {
		return fmt.Errorf("writing which events of assets were read: %w", err)
	}
	key := func(n uint64) string { return fmt.Sprintf("%s%s%s%020d%s", folder, r.cluster, cursorFolder, n, suffix) }
	if err := f.Create(ctx, key(r.number+1), data); err != nil {
		return fmt.Errorf("writing which events of assets were read: %w", err) // of two that read, one begins again
	}
	r.number, r.changed = r.number+1, false
	if r.number > 2 {
		_ = f.Delete(ctx, key(r.number-2)) // the newest counts, whatever lies beside it, and the one before it is for when that is damaged
	}
	return nil
}

// refuse keeps an event of which nothing comes; false if it is kept already.
func (r *records) refuse(ctx context.Context, f bucket.Folder, one Refusal) (kept bool, err error) {
	if _, is := r.refused[r.key(one)]; is {
		return false, nil
	}
	if len(r.refused) >= maxKept {
		oldest := slices.Min(slices.Collect(maps.Keys(r.refused)))
		if err := f.Delete(ctx, oldest); err != nil {
			return false, err
		}
		delete(r.refused, oldest)
	}
	data, err := json.Marshal(one)
	if err != nil {
		return false, fmt.Errorf("writing down an event that is refused: %w", err)
	}
	if err := f.Create(ctx, r.key(one), data); err != nil && bucket.ClassOf(err) != bucket.Exists {
		return false, fmt.Errorf("writing down an event that is refused: %w", err)
	}
	r.refused[r.key(one)] = one
	return true, nil
}

// settle forgets what was refused of a lot that was made by a later event.
func (r *records) settle(ctx context.Context, f bucket.Folder, c Claim) error {
	for key, one := range r.refused {
		if one.Dataset == c.Dataset.ID && one.Lot == c.Key.Lot.ID() && one.Event.before(c.Event) {
			if err := f.Delete(ctx, key); err != nil {
				return err
			}
			delete(r.refused, key)
		}
	}
	return nil
}

// list are the events that are kept, the oldest first.
func (r *records) list() []Refusal { return slices.SortedFunc(maps.Values(r.refused), byTime) }

func byTime(a, b Refusal) int {
	return cmp.Or(a.Event.At.Compare(b.Event.At), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Event.ID, b.Event.ID))
}

// readAtOnce bounds how many records are read at a time.
const readAtOnce = 16

// Refused reads the refused events that are kept, of the Airflows on all clusters, in the folder of the records of an environment, the oldest first. Those that cannot be
// read are in the error.
func Refused(ctx context.Context, f bucket.Folder) (all []Refusal, err error) {
	var mu sync.Mutex
	var errs []error
	var reading errgroup.Group
	reading.SetLimit(readAtOnce)
	for o, err := range f.List(ctx, folder) {
		if err != nil {
			errs = append(errs, fmt.Errorf("listing refused events of assets: %w", err))
			break
		}
		cluster, _, is := strings.Cut(strings.TrimPrefix(o.Key, folder), refusedFolder)
		if !is {
			continue // a cursor
		}
		reading.Go(func() error {
			var one Refusal
			err := readRecord(ctx, f, o.Key, &one)
			one.Cluster = cluster
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				all = append(all, one)
			case bucket.ClassOf(err) != bucket.NotFound: // else the lot was made meanwhile
				errs = append(errs, err)
			}
			return nil
		})
	}
	_ = reading.Wait() // what goes wrong is in errs
	slices.SortFunc(all, byTime)
	return all, errors.Join(errs...)
}
