// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/asset"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// Dataset is one that tasks may make lots of.
type Dataset struct {
	// ID is "project/name@version", and Name what manifests call it.
	ID   string
	Name manifest.Dataset
	Unit lot.Unit
	// Since is when its first lot begins, and Retention how long lots are kept; 0: for ever.
	Since     time.Time
	Retention time.Duration
	// Location is where its data are, which ends in "/", and Store where its manifests are.
	Location, Store string
	// Workload is the one that makes its lots; empty if none does.
	Workload string
}

// Project is the one that has the dataset.
func (d Dataset) Project() string {
	project, _, _ := strings.Cut(d.ID, "/")
	return project
}

// Claim is what a task says that it has made.
type Claim struct {
	Event    Event
	Dataset  Dataset
	Key      manifest.Key
	Manifest manifest.Manifest
}

const (
	// maxExtra is how large may be what an event says.
	maxExtra = 4 << 20
	// skew is how far clocks may be apart.
	skew = 5 * time.Minute
)

// said is what an event of a task may say: one lot, or several. What it says more is its own.
type said struct {
	one

	Lots []one `json:"lots"`
}

// one is what it says of a lot.
type one struct {
	Lot string `json:"lot"`
	// URIs are addresses, and Files paths in the location of the dataset.
	URIs  *[]string `json:"uris"`
	Files *[]string `json:"files"`
	// State is empty, "complete" or "empty".
	State   string `json:"state"`
	Comment string `json:"comment"`
}

// read returns what a task claims in an event, of each lot. It is nothing without an error for what is no claim: an event that was made by the API,
// or that is of no dataset. If one of the lots is wrong, none counts, as of a run.
func read(e Event, datasets map[string]Dataset, now time.Time) ([]Claim, error) {
	if e.Task == "" {
		return nil, nil
	}
	id, ours, err := asset.Dataset(e.URI)
	switch {
	case !ours:
		return nil, nil
	case err != nil:
		return nil, err
	case len(e.Extra) > maxExtra:
		return nil, fmt.Errorf("it says more than %d MiB: name folders instead of files", maxExtra>>20)
	}
	var s said
	formed := json.Unmarshal(e.Extra, &s) == nil
	d, known := datasets[id]
	switch {
	case !known && formed && s.Lot == "" && len(s.Lots) == 0:
		return nil, nil // it is of a dataset without lots, of which there is nothing to say
	case !known:
		return nil, fmt.Errorf("%s is no dataset of the environment that has lots which tasks make", id)
	case d.Workload != "":
		return nil, fmt.Errorf("the workload %s makes the lots of %s, and a dataset has one writer", d.Workload, id)
	case !formed:
		return nil, errors.New("what it says is not in the form of trunkline_airflow.assets.publish")
	}
	all := s.Lots
	if len(all) == 0 {
		all = []one{s.one}
	}
	var claims []Claim
	seen := map[lot.Lot]bool{}
	for _, l := range all {
		at, err := d.lot(l.Lot, now)
		if err == nil && seen[at] {
			err = fmt.Errorf("it says the lot %s twice", at)
		}
		if err != nil {
			return nil, err
		}
		seen[at] = true
		c := Claim{Event: e, Dataset: d}
		if err := c.fill(at, l); err != nil {
			return nil, err
		}
		claims = append(claims, c)
	}
	return claims, nil
}

// lot is that of the dataset which a text names.
func (d Dataset) lot(id string, now time.Time) (lot.Lot, error) {
	if id == "" {
		return lot.Lot{}, errors.New("it says no lot: the task has to call trunkline_airflow.assets.publish")
	}
	at, err := lot.ParseID(id)
	switch {
	case err != nil:
		return lot.Lot{}, fmt.Errorf("its lot: %w", err)
	case at.Unit != d.Unit:
		return lot.Lot{}, fmt.Errorf("the lot %s is not of the unit of %s, which is %s", at, d.ID, d.Unit)
	case at.Start.Before(d.Since):
		return lot.Lot{}, fmt.Errorf("the lot %s begins before %s, the first of %s", at, d.Since.UTC().Format(time.RFC3339), d.ID)
	case at.End().After(now.Add(skew)):
		return lot.Lot{}, fmt.Errorf("the lot %s has not ended yet", at)
	case d.Retention > 0 && !at.End().After(now.Add(-d.Retention)):
		return lot.Lot{}, fmt.Errorf("the lot %s would not be kept any more", at)
	}
	return at, nil
}

// fill makes the manifest.
func (c *Claim) fill(at lot.Lot, s one) error {
	var uris []string
	switch {
	case s.URIs == nil && s.Files == nil && s.State != string(manifest.Empty):
		return fmt.Errorf("it says no files of the lot %s: a lot without data has an empty list of them", at)
	case s.URIs != nil:
		uris = append(uris, *s.URIs...)
	}
	if s.Files != nil {
		for _, file := range *s.Files {
			if file == "" || strings.HasPrefix(file, "/") {
				return fmt.Errorf("the file %.200q is no path in %s", file, c.Dataset.Location)
			}
			uris = append(uris, manifest.URI(c.Dataset.Location, file))
		}
	}
	state := manifest.Complete
	if len(uris) == 0 {
		state = manifest.Empty
	}
	if s.State != "" && s.State != string(state) {
		return fmt.Errorf("it says that the lot %s is %.40q, and lists %d files", at, s.State, len(uris))
	}
	kind := manifest.Identifier
	if len(uris) > 0 && strings.HasSuffix(uris[0], "/") {
		kind = manifest.Path
	}
	comment := markFor(c.Event, s.Comment)
	c.Key = manifest.Key{Dataset: c.Dataset.Name, Lot: at, State: state}
	c.Manifest = manifest.Manifest{State: state, Comment: &comment, LotID: at.ID(), URIType: kind, URIs: uris}
	if err := errors.Join(c.Key.Check(), c.Manifest.Check()); err != nil {
		return err
	}
	return c.Manifest.Within(c.Key, c.Dataset.Location)
}

// mark begins the comment of a manifest that is written for an event, so that who reads it knows which.
var mark = regexp.MustCompile(`^asset event ([0-9]{1,18}) of ([0-9TZ:.+-]{20,40}) by `)

const maxComment = 1000

func markFor(e Event, comment string) string {
	text := fmt.Sprintf("asset event %d of %s by %s.%s", e.ID, e.At.UTC().Format(time.RFC3339Nano), e.DAG, e.Task)
	if comment = strings.Join(strings.Fields(comment), " "); comment != "" {
		text += ": " + comment
	}
	return strings.ToValidUTF8(text[:min(len(text), maxComment)], "")
}

// markOf is the event for which a manifest was written; false if it was not for one.
func markOf(m manifest.Manifest) (e Event, ok bool) {
	if m.Comment == nil {
		return Event{}, false
	}
	found := mark.FindStringSubmatch(*m.Comment)
	if found == nil {
		return Event{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, found[2])
	if err != nil {
		return Event{}, false
	}
	id, err := strconv.ParseInt(found[1], 10, 64)
	return Event{ID: id, At: at}, err == nil
}
