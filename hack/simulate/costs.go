// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// costs are what things take. Where nothing else is said, docs/performance.md has the measurement.
type costs struct {
	// Of a replica's processor. Receive is a fetch, reading what changed and the rest of a commit's evaluation; Untouched is what each
	// release of the track adds that the commit does not touch. Render is for one release, Cached if it was rendered before.
	Receive, Untouched, Render, Cached time.Duration
	// Plan is for a run, and Encode for each request of it with its response; Seen is what a replica does for an object that is
	// listed, or that an event of a watch tells of.
	Plan, Encode, Seen time.Duration
	// Cores are those of a replica.
	Cores int

	// Of an API server: the time for a write and for a read, on how many cores, and how many requests it takes at once before it
	// answers 429. Latency is there and back.
	Write, Read time.Duration
	ServerCores int
	Accepts     int
	Latency     time.Duration
	// RetryAfter is what it asks for with 429.
	RetryAfter time.Duration

	// Memory of a replica: what is there at first, and for each release that it knows, at least and at most; a watch is a guess.
	Base, ReleaseLeast, ReleaseMost, Watch int64
	// Kinds are those that are watched on each cluster.
	Kinds int
}

// The bounds that the daemon sets itself: package reconciler and reconciler/cluster.
const (
	// maxWriting is how many runs on a cluster write at once, and maxRequests how many requests are under way there.
	maxWriting  = 48
	maxRequests = 32
	// slowRun is when a run does not count any more among those.
	slowRun = 5 * time.Second
	// clientRetries is how often client-go tries again what is answered with 429.
	clientRetries = 10
	// buckets are the parts that releases are shared by, and handover is how long a replica is missed.
	buckets  = 64
	handover = 54 * time.Second
)

// measured are the costs on the machine of docs/performance.md: 2 cores. From 54 ms of processor time for an app that is rolled out in
// seven requests, of which four fifths are the API server's.
func measured() costs {
	return costs{
		Receive: 10 * time.Millisecond, Untouched: 13 * time.Microsecond, Render: 1800 * time.Microsecond, Cached: 40 * time.Microsecond,
		Plan: 1500 * time.Microsecond, Encode: 900 * time.Microsecond, Seen: 220 * time.Microsecond, Cores: 2,
		Write: 7 * time.Millisecond, Read: time.Millisecond, ServerCores: 2, Accepts: 600, Latency: 30 * time.Millisecond, RetryAfter: time.Second,
		Base: 25 << 20, ReleaseLeast: 30 << 10, ReleaseMost: 50 << 10, Watch: 100 << 10, Kinds: 5,
	}
}

// verb is a kind of request.
type verb string

const (
	apply verb = "APPLY"
	get   verb = "GET"
	list  verb = "LIST"
	watch verb = "WATCH"
)
