// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"fmt"
	"maps"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// LabelGroup is on the Leases of replicas that belong together.
const LabelGroup = "trunkline.dev/replicas" // The replicas of one daemon that share releases, on their Leases.

const (
	labelManagedBy       = "app.kubernetes.io/managed-by"
	annotationReplica    = "trunkline.dev/replica"    // The replica that a Lease is of.
	annotationAssignment = "trunkline.dev/assignment" // Which replica keeps which releases, on the Lease of the leader.
)

// manager is what objects of ours say who made them.
const manager = "trunkline"

// maxDuration bounds what a Lease may ask for: one that says it lasts a year would keep its buckets for a year.
const maxDuration = 10 * time.Minute

// member is what a Lease says of a replica.
type member struct {
	lease *coordinationv1.Lease
	record
	// ended says that the replica has stopped, or was told to have.
	ended bool
	// err says why the record cannot be read. Nothing is known of such a replica, so that it may hold everything.
	err error
}

// snapshot is what the API server held at one moment. It is read with one request: what replicas say, and which
// buckets they are given, belong together.
type snapshot struct {
	members map[string]member
	// holder is the Lease with the assignment, nil if there is none.
	holder *coordinationv1.Lease
	// assignment is nil if there is none, or none that can be read.
	assignment *assignment
	// err says why the assignment cannot be read.
	err error
}

func assignmentName(group string) string { return group + ".assignment" }

// read makes a snapshot from Leases, for a replica that has seen a version of the assignment.
func read(group string, mine seen, leases []coordinationv1.Lease) snapshot {
	s := snapshot{members: make(map[string]member, len(leases))}
	for i := range leases {
		l := &leases[i]
		if l.Name == assignmentName(group) {
			s.holder = l
			if s.assignment, s.err = decodeAssignment(l.Annotations[annotationAssignment]); s.err != nil {
				s.err = fmt.Errorf("the Lease %s is damaged and is made again: %w", l.Name, s.err)
			}
			continue
		}
		m := member{lease: l, ended: l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == ""}
		if m.record, m.err = decodeRecord(l.Annotations[annotationReplica]); m.err != nil {
			m.err = fmt.Errorf("the Lease %s cannot be read, and what it may hold waits until it is not renewed any more, or deleted: %w", l.Name, m.err)
		}
		s.members[l.Name] = m
	}
	if newest := s.newest(mine); s.assignment != nil && newest > s.assignment.epoch {
		// Someone has restored an old one. Others may have acted on the newer ones, so it cannot be gone on with.
		s.err = fmt.Errorf("the Lease %s went back from epoch %d to %d and is made again", s.holder.Name, newest, s.assignment.epoch)
		s.assignment = nil
	}
	return s
}

// newest returns the newest epoch of the assignment that anybody has seen.
func (s *snapshot) newest(mine seen) int64 {
	newest := int64(0)
	if uid := s.version().uid; mine.uid == uid {
		newest = mine.epoch
	}
	for _, x := range s.members {
		if x.err == nil && !x.ended && x.seen.uid == s.version().uid {
			newest = max(newest, x.seen.epoch)
		}
	}
	return newest
}

// version returns the assignment's.
func (s *snapshot) version() seen {
	if s.assignment == nil {
		return seen{}
	}
	return seen{uid: string(s.holder.UID) + "/" + s.assignment.id, epoch: s.assignment.epoch}
}

// memory is what a replica has seen of the others, and when: by its own clock, since those of others are not to be
// trusted.
type memory struct {
	// replicas by the names of their Leases.
	replicas map[string]sighting
	// assignment is the Lease that holds it.
	assignment sighting
	// missing is since when there is no assignment that can be read; zero if there is one.
	missing time.Time
}

type sighting struct {
	// version is that of the Lease; empty if there is none.
	version string
	// since is when this version was first there, at the latest.
	since time.Time
	// lasts is for how long the Lease holds without being renewed.
	lasts time.Duration
}

// observe records a snapshot that was received at a time, and asked for at another. Those whose Lease is gone stay
// until they cannot be at work any more. A Lease that says nothing of it lasts as long as our own.
func (m *memory) observe(s *snapshot, asked, received time.Time, lasts time.Duration) {
	if m.replicas == nil {
		m.replicas = map[string]sighting{}
	}
	note := func(name, version string, lasts time.Duration) {
		if old, known := m.replicas[name]; !known || old.version != version {
			m.replicas[name] = sighting{version: version, since: received, lasts: max(lasts, old.lasts)}
		}
	}
	for name, x := range s.members {
		asks := lasts
		if d := x.lease.Spec.LeaseDurationSeconds; d != nil {
			// Whoever renews more rarely than we do is not gone sooner for that.
			asks = min(max(lasts, time.Duration(*d)*time.Second), maxDuration)
		}
		note(name, x.lease.ResourceVersion, asks)
	}
	named := map[string]bool{}
	if s.assignment != nil {
		for _, name := range s.assignment.members {
			named[name] = true
			if _, there := s.members[name]; !there {
				note(name, "", lasts)
			}
		}
	}
	for _, name := range slices.Collect(maps.Keys(m.replicas)) {
		if _, there := s.members[name]; there {
			continue
		}
		note(name, "", lasts)
		if m.quiet(name, asked) && !named[name] {
			delete(m.replicas, name)
		}
	}
	if s.assignment != nil {
		m.missing = time.Time{}
	} else if m.missing.IsZero() {
		m.missing = received
	}
	if s.holder != nil && m.assignment.version != s.holder.ResourceVersion {
		m.assignment = sighting{version: s.holder.ResourceVersion, since: received}
	}
}

// quiet reports whether nothing was heard of a replica for as long as its Lease lasts. The time is that from before
// the snapshot was asked for.
func (m *memory) quiet(name string, asked time.Time) bool {
	x, known := m.replicas[name]
	return known && asked.Sub(x.since) >= x.lasts
}
