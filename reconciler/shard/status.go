// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Status says how the replicas stand, as this one sees it.
type Status struct {
	// Self is the Lease of this replica; empty while it has none.
	Self string
	// Leader is the Lease of the replica that does what is done once; empty if there is none.
	Leader string
	// Sharing is set if the releases are spread over all replicas; otherwise the leader has all.
	Sharing bool
	// Replicas are those that may be at work, by name.
	Replicas []Replica
	// Message says what is wrong, or who is waited for; empty if all is well.
	Message string
}

// Replica is one of them.
type Replica struct {
	// Lease is the name of its Lease.
	Lease string
	// Gone says, of one that does not renew its Lease or whose Lease cannot be read, what is known.
	Gone string
	// Given is the share of the releases that is its own, and Held what it has, in parts of 64.
	Given, Held int
	// Work is the time that its runs took, what is ten minutes old counting half.
	Work time.Duration
}

// Status returns it as of the last look at the others.
func (c *Coordinator) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.status
	out.Replicas = slices.Clone(out.Replicas)
	return out
}

// Owner returns the Lease of the replica that a release belongs to; empty if that is not known.
func (c *Coordinator) Owner(id catalog.ReleaseID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[bucketOf(id)]
}

// standingText is what people read of a replica that is not well.
var standingText = map[standing]string{
	unknown: "its Lease is gone or cannot be read",
	expired: "its Lease was not renewed",
}

// report puts together the status.
func (c *Coordinator) report(s *snapshot, d decision, asked time.Time) {
	out := Status{Self: c.name, Sharing: true}
	var given owners
	if s.assignment != nil {
		given = s.assignment.owners
		out.Leader = given[leading]
	}
	stand := standings(s, &c.memory, asked)
	for _, name := range slices.Sorted(maps.Keys(stand)) {
		if stand[name] == over {
			continue
		}
		x := s.members[name]
		r := Replica{Lease: name, Gone: standingText[stand[name]], Given: given.of(name).len(), Held: x.holds.len()}
		for _, w := range x.work {
			r.Work += time.Duration(w) * time.Millisecond
		}
		out.Replicas = append(out.Replicas, r)
		out.Sharing = out.Sharing && (stand[name] != alive || x.shards)
	}
	var words []string
	if len(d.wait) > 0 {
		words = append(words, "waiting for "+strings.Join(d.wait, ", ")+" to let go")
	}
	if d.missing {
		words = append(words, "there is no assignment, as at the very first start or when someone deleted it: one is made once no replica from before can be at work")
	}
	for _, err := range d.problems {
		words = append(words, err.Error())
	}
	out.Message = strings.Join(words, "; ")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = out
}

// problem puts an error on the status, and into the log when it is a new one.
func (c *Coordinator) problem(ctx context.Context, err error) {
	text := ""
	if err != nil && ctx.Err() == nil {
		text = err.Error()
		c.mu.Lock()
		c.status.Self, c.status.Message = c.name, text
		c.mu.Unlock()
	}
	if text != c.logged && text != "" {
		c.opts.Log.Warn("the replicas cannot agree", "err", text)
	} else if text == "" && c.logged != "" {
		c.opts.Log.LogAttrs(ctx, slog.LevelInfo, "the replicas agree again")
	}
	c.logged = text
}

func (c *Coordinator) holds() set {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.allowed | c.runs.busy()
}
