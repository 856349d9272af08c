// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

const (
	// version of what replicas write for one another. A replica that meets another version waits until that one is
	// gone: it cannot know what the other holds.
	version = 1
	// maxAnnotation bounds what is read of one annotation, in bytes. 256 replicas with names of the greatest length take less than 50 KiB.
	maxAnnotation = 64 << 10
	// maxReplicas bounds those that an assignment names, and the Leases that are read.
	maxReplicas = 256
	// maxWork bounds the work of one bucket, in milliseconds: sums of it cannot overflow, and it is 34 years.
	maxWork = 1 << 40
)

// seen is the version of the assignment that a replica has accepted; zero if none yet.
type seen struct {
	// uid is that of the assignment. One that is made again begins a new count.
	uid   string
	epoch int64
}

// record is what a replica says about itself in its Lease.
type record struct {
	// shards says that the replica was started to share the releases.
	shards bool
	seen   seen
	// holds are the buckets that the replica may have runs of. It does not begin a run of any other bucket before it
	// has published a newer version in seen.
	holds set
	work  load
}

type recordJSON struct {
	Version int     `json:"v"`
	Shards  bool    `json:"shards"`
	UID     string  `json:"uid,omitempty"`
	Epoch   int64   `json:"epoch,omitempty"`
	Holds   string  `json:"holds"`
	Work    []int64 `json:"work,omitempty"`
}

func (r record) encode() (string, error) {
	data, err := json.Marshal(recordJSON{
		Version: version, Shards: r.shards, UID: r.seen.uid, Epoch: r.seen.epoch,
		Holds: strconv.FormatUint(uint64(r.holds), 16), Work: trimmed(r.work),
	})
	return string(data), err
}

func decodeRecord(text string) (record, error) {
	var in recordJSON
	if err := decode(text, &in); err != nil {
		return record{}, err
	}
	if in.Version != version {
		return record{}, fmt.Errorf("version %d of the protocol, where this program speaks %d", in.Version, version)
	}
	if in.Epoch < 0 || (in.UID == "") != (in.Epoch == 0) {
		return record{}, fmt.Errorf("an epoch of %d for the assignment %q", in.Epoch, in.UID)
	}
	holds, err := strconv.ParseUint(in.Holds, 16, 64)
	if err != nil {
		return record{}, fmt.Errorf("a set of buckets that cannot be read: %w", err)
	}
	work, err := loaded(in.Work)
	if err != nil {
		return record{}, err
	}
	return record{shards: in.Shards, seen: seen{uid: in.UID, epoch: in.Epoch}, holds: set(holds), work: work}, nil
}

// assignment says who has which bucket. It is an annotation of a Lease that the replicas share and write with the
// version that they have read, so that of two at once only one gets through.
type assignment struct {
	// id is a random word that came with the first version. It tells an assignment from one that was restored into
	// the same Lease.
	id string
	// epoch counts the versions of the assignment, from 1.
	epoch int64
	// members are the replicas that may have been at work when this was written, sorted.
	members []string
	owners  owners
	// since is the epoch at which a bucket came to its owner.
	since [buckets]int64
	// work is what was measured when this was written.
	work load
}

type assignmentJSON struct {
	Version int      `json:"v"`
	ID      string   `json:"id"`
	Epoch   int64    `json:"epoch"`
	Members []string `json:"members"`
	// Owners are places in Members.
	Owners []int   `json:"owners"`
	Since  []int64 `json:"since"`
	Work   []int64 `json:"work,omitempty"`
}

func (a *assignment) encode() (string, error) {
	out := assignmentJSON{Version: version, ID: a.id, Epoch: a.epoch, Members: a.members, Since: a.since[:], Work: trimmed(a.work)}
	for b := range bucket(buckets) {
		out.Owners = append(out.Owners, slices.Index(a.members, a.owners[b]))
	}
	data, err := json.Marshal(out)
	return string(data), err
}

func decodeAssignment(text string) (*assignment, error) {
	var in assignmentJSON
	if err := decode(text, &in); err != nil {
		return nil, err
	}
	switch {
	case in.Version != version:
		return nil, fmt.Errorf("version %d of the protocol, where this program speaks %d", in.Version, version)
	case in.ID == "" || len(in.ID) > maxIdentity:
		return nil, errors.New("no id of its own")
	case in.Epoch < 1:
		return nil, fmt.Errorf("an epoch of %d", in.Epoch)
	case len(in.Members) > maxReplicas:
		return nil, fmt.Errorf("%d replicas, where %d are the most", len(in.Members), maxReplicas)
	case !slices.IsSorted(in.Members) || len(slices.Compact(slices.Clone(in.Members))) != len(in.Members) || slices.Contains(in.Members, ""):
		return nil, errors.New("replicas that are not sorted, or twice the same")
	case len(in.Owners) != buckets || len(in.Since) != buckets:
		return nil, fmt.Errorf("%d owners of %d buckets", len(in.Owners), buckets)
	}
	a := &assignment{id: in.ID, epoch: in.Epoch, members: in.Members}
	for b, owner := range in.Owners {
		if owner < -1 || owner >= len(in.Members) {
			return nil, fmt.Errorf("a bucket of replica number %d of %d", owner, len(in.Members))
		}
		if owner >= 0 {
			a.owners[b] = in.Members[owner]
		}
	}
	for b, since := range in.Since {
		if since < 1 || since > in.Epoch {
			return nil, fmt.Errorf("a bucket that moved at epoch %d of %d", since, in.Epoch)
		}
		a.since[b] = since
	}
	work, err := loaded(in.Work)
	if err != nil {
		return nil, err
	}
	a.work = work
	return a, nil
}

func decode(text string, into any) error {
	if len(text) > maxAnnotation {
		return fmt.Errorf("an annotation of %d bytes, where %d are the most", len(text), maxAnnotation)
	}
	if text == "" {
		return errors.New("the annotation is missing")
	}
	return json.Unmarshal([]byte(text), into)
}

// trimmed leaves out the zeros at the end.
func trimmed(w load) []int64 {
	n := buckets
	for n > 0 && w[n-1] == 0 {
		n--
	}
	return w[:n]
}

// loaded reads work. A number out of bounds is cut rather than refused: it decides who works, and not what is right.
func loaded(in []int64) (load, error) {
	var w load
	if len(in) > buckets {
		return w, fmt.Errorf("the work of %d buckets, where there are %d", len(in), buckets)
	}
	for b, v := range in {
		w[b] = min(max(v, 0), maxWork)
	}
	return w, nil
}
