// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/ledger"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// Scope is what is read for.
type Scope struct {
	Environment string
	// Records is the folder of what is to be remembered of the environment.
	Records string
	// Datasets are those that tasks may make lots of, by id.
	Datasets map[string]Dataset
}

// Look is what came of reading.
type Look struct {
	// Lots are those whose manifests were written or looked at, as they are now.
	Lots map[survey.At]survey.Lot
	// Written are the claims of which a manifest was written.
	Written []Claim
	// Refused are the events that are kept since nothing came of them, all that there are at the Airflows that answered; New are those of them that were not before.
	Refused, New []Refusal
	// TooLarge counts the events that cannot be read.
	TooLarge int
}

// maxEvents is how many events are taken at a time; more follow at the next look.
const maxEvents = 1000

// Reader reads the events of the assets of one environment, once at a time.
type Reader struct {
	airflow Airflow
	stores  bucket.Options
	ledger  *ledger.Ledger

	// records are what is kept of the Airflow of each cluster.
	records map[string]*records
}

// NewReader makes a reader.
func NewReader(airflow Airflow, stores bucket.Options) *Reader {
	return &Reader{airflow: airflow, stores: stores, ledger: ledger.New(stores), records: map[string]*records{}}
}

// Look reads what happened since, writes the manifests that tasks claim, and keeps what is refused. Doing it again after a crash comes to the
// same end. What was done is returned with an error, too.
func (k *Reader) Look(ctx context.Context, s Scope, now time.Time) (out Look, err error) {
	out.Lots = map[survey.At]survey.Lot{}
	var errs []error
	for _, cluster := range k.airflow.Clusters(s.Environment) {
		if err := bucket.With(ctx, s.Records, k.stores, func(f bucket.Folder) error { return k.at(ctx, s, cluster, f, now, &out) }); err != nil {
			delete(k.records, cluster) // they are read again
			errs = append(errs, fmt.Errorf("cluster %s: %w", cluster, err))
		}
	}
	return out, errors.Join(errs...)
}

// at reads what happened at the Airflow of a cluster.
func (k *Reader) at(ctx context.Context, s Scope, cluster string, f bucket.Folder, now time.Time, out *Look) error {
	r := k.records[cluster]
	if r == nil {
		var err error
		if r, err = recall(ctx, f, cluster, now); err != nil {
			return err
		}
		k.records[cluster] = r
	}
	err := k.read(ctx, s, r, f, now, out)
	out.Refused = append(out.Refused, r.list()...)
	return err
}

func (k *Reader) read(ctx context.Context, s Scope, kept *records, folder bucket.Folder, now time.Time, out *Look) error {
	var events []Event
	from := kept.from()
	query := url.Values{"order_by": {"timestamp"}, "timestamp_gte": {from.Format(time.RFC3339Nano)}}
	passed, err := api{k.airflow, s.Environment, kept.cluster}.pages(ctx, query, func(page []Event) bool {
		for _, e := range page {
			if !kept.seen(e) {
				events = append(events, e)
			}
		}
		return len(events) < maxEvents
	})
	if err != nil {
		return err
	}
	out.TooLarge += passed.tooLarge
	for _, e := range events {
		if err := k.take(ctx, s, kept, folder, e, now, out); err != nil {
			return err
		}
		kept.took(e)
	}
	if passed.hidden {
		if passed.after.After(from) {
			from = passed.after
		}
		kept.hold(from)
	}
	return kept.save(ctx, folder)
}

// take does what follows from an event. An error says that it is to be taken again.
func (k *Reader) take(ctx context.Context, s Scope, kept *records, folder bucket.Folder, e Event, now time.Time, out *Look) error {
	claims, why := read(e, s.Datasets, now)
	if len(claims) > 0 {
		var err error
		if why, err = k.untrue(ctx, api{k.airflow, s.Environment, kept.cluster}, claims); err != nil {
			return err
		}
	}
	if why != nil {
		r := refusalOf(kept.cluster, e, why, now)
		if isNew, err := kept.refuse(ctx, folder, r); err != nil || !isNew {
			return err
		}
		out.New = append(out.New, r)
		return nil
	}
	for _, c := range claims {
		is, done, err := k.write(ctx, c)
		if err != nil {
			return fmt.Errorf("writing the manifest of %s %s: %w", c.Dataset.ID, c.Key.Lot, err)
		}
		out.Lots[survey.At{Series: c.Dataset.ID, Lot: c.Key.Lot}] = is
		if done {
			out.Written = append(out.Written, c)
		}
		if err := kept.settle(ctx, folder, c); err != nil {
			return err
		}
	}
	return nil
}

// untrue returns why the claims of an event are not: who makes them may not, or something that they list is not there.
func (k *Reader) untrue(ctx context.Context, at api, claims []Claim) (why, err error) {
	e, d := claims[0].Event, claims[0].Dataset
	bundle, err := at.bundle(ctx, e.DAG)
	switch {
	case err != nil:
		return nil, err
	case bundle != d.Project():
		return fmt.Errorf("the DAG %.250q is of the project %.100q, and only the DAGs and workloads of %q write %s", e.DAG, bundle, d.Project(), d.ID), nil
	}
	for _, c := range claims {
		if why, err := k.missing(ctx, c); why != nil || err != nil {
			return why, err
		}
	}
	return nil, nil
}

// write writes the manifest of a claim, unless what is there came of the same event or of a later one. Now is what there is of the lot.
func (k *Reader) write(ctx context.Context, c Claim) (now survey.Lot, done bool, err error) {
	err = store.With(ctx, c.Dataset.Store, k.stores, func(s *store.Store) error {
		there, err := entries(ctx, s, c.Key)
		if err != nil {
			return err
		}
		now = survey.Fold(there)
		var before []store.Entry
		for _, e := range there {
			newer, err := k.newer(ctx, s, c, e)
			switch {
			case err != nil:
				return err
			case newer:
				return nil
			case e.Stray == nil && e.Key.State.Counts():
				before = append(before, e)
			}
		}
		sink := run.Sink{Role: "main", Place: run.Place{ID: c.Dataset.ID, Name: c.Dataset.Name, Store: c.Dataset.Store, Location: c.Dataset.Location}}
		outcome := run.Outcome{State: run.Complete, Sinks: []run.Made{{Sink: sink, Key: c.Key, Manifest: &c.Manifest}}}
		all, err := k.ledger.Publish(ctx, outcome, map[string][]store.Entry{sink.Role: before}, replaced+*c.Manifest.Comment)
		if is := all[sink.Role]; is != nil {
			now = survey.Fold(is)
		}
		if _, taken := errors.AsType[*store.ConflictError](err); taken {
			return nil // someone else has made it meanwhile, which counts
		}
		done = err == nil
		return err
	})
	return now, done, err
}

// replaced begins what is said of a manifest in whose place another one is written for an event.
const replaced = "replaced for "

// newer reports whether what there is of a lot is as new as what an event says: a manifest of the same event, or what was written later.
func (k *Reader) newer(ctx context.Context, s *store.Store, c Claim, e store.Entry) (bool, error) {
	switch {
	case e.Stray != nil || e.Key.State == manifest.Partial:
		return false, nil //nolint:nilerr // what lies there and counts for nothing is as old as nothing
	case e.Key.State == manifest.Removed && !e.Written.After(c.Event.At):
		return false, nil
	}
	m, err := s.Read(ctx, e.Key, c.Dataset.Location)
	if _, damaged := errors.AsType[*store.DamagedError](err); damaged || err != nil {
		if damaged {
			err = nil // it does not count
		}
		return false, err
	}
	if e.Key.State == manifest.Removed {
		// Who has removed a lot since wanted it gone. What was replaced for an event says so, and this one may be it, after a crash.
		return m.Comment == nil || !strings.HasPrefix(*m.Comment, replaced), nil
	}
	if from, ok := markOf(m); ok {
		return !from.before(c.Event), nil
	}
	return !e.Written.Before(c.Event.At), nil
}

const (
	// maxFolders bounds how many folders are listed for a claim, and few is up to how many objects of one are looked for one by one.
	maxFolders = 1000
	few        = 20
)

// missing returns why a claim is not true: something that it lists is not there.
func (k *Reader) missing(ctx context.Context, c Claim) (why, err error) {
	folders := map[string]map[string]string{} // what is listed, and in it the keys that are claimed
	for _, uri := range c.Manifest.URIs {
		key, ok := within(uri, c.Dataset.Location)
		if !ok {
			return fmt.Errorf("%.200q is not in %s", uri, c.Dataset.Location), nil
		}
		folder := key[:strings.LastIndexByte(key, '/')+1]
		if folders[folder] == nil {
			folders[folder] = map[string]string{}
		}
		folders[folder][key] = uri
	}
	if len(folders) > maxFolders {
		return fmt.Errorf("what it lists is in more than %d folders: name the folder around them", maxFolders), nil
	}
	err = bucket.With(ctx, c.Dataset.Location, k.stores, func(f bucket.Folder) error {
		for _, folder := range slices.Sorted(maps.Keys(folders)) {
			uri, err := lacks(ctx, f, folder, folders[folder])
			if err != nil {
				return err
			}
			if uri != "" {
				why = fmt.Errorf("%.200q is not there", uri)
				return nil
			}
		}
		return nil
	})
	return why, err
}

// lacks is one of the objects of a folder, by their keys, that is not there; empty if all are. The folder itself is there if anything in it is.
func lacks(ctx context.Context, f bucket.Folder, folder string, claimed map[string]string) (string, error) {
	prefixes := []string{folder}
	if len(claimed) <= few {
		prefixes = slices.Sorted(maps.Keys(claimed))
	}
	for _, prefix := range prefixes {
		for o, err := range f.List(ctx, prefix) {
			if err != nil {
				return "", err
			}
			delete(claimed, o.Key)
			delete(claimed, folder)
			if _, wanted := claimed[prefix]; !wanted && prefix != folder || len(claimed) == 0 {
				break
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(claimed)) {
		return claimed[key], nil
	}
	return "", nil
}

// within is the key of a URI in a location.
func within(uri, location string) (key string, ok bool) {
	_, uri, _ = strings.Cut(uri, ":/")
	_, location, _ = strings.Cut(location, ":/")
	uri, location = strings.TrimLeft(uri, "/"), strings.TrimLeft(location, "/")
	if decoded, err := url.PathUnescape(uri); err == nil {
		if rest, in := strings.CutPrefix(decoded, location); in {
			return rest, true
		}
	}
	return strings.CutPrefix(uri, location)
}

// entries are all manifests of a lot.
func entries(ctx context.Context, s *store.Store, key manifest.Key) (all []store.Entry, err error) {
	for e, err := range s.List(ctx, store.Of{Dataset: key.Dataset, Lot: key.Lot}) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
