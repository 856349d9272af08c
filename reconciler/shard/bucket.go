// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"crypto/sha256"
	"iter"
	"math/bits"

	"trunkline.dev/trunkline/catalog"
)

// buckets is the number of parts that the releases are hashed into; a part is what one replica hands another. A set
// of them is one machine word, so that what a replica holds fits into an annotation and is read without trust. With
// 64 there are several for each of the handful of replicas that an API server can feed, and at 10,000 releases a hand
// over moves about 160 of them. The number is part of the protocol: replicas that disagree on it would disagree on
// who has a release.
const buckets = 64

// bucket is one part, from 0 to buckets-1.
type bucket int

// leading is the bucket whose owner is called the leader: it does what has to be done once for all releases.
const leading bucket = 0

// bucketOf returns the bucket of a release. It depends on nothing but the release's name, so that all replicas and all
// versions agree. Those of previews are the leader's, which alone knows the pull requests.
func bucketOf(id catalog.ReleaseID) bucket {
	if _, preview := catalog.PreviewPull(id.Environment); preview {
		return leading
	}
	sum := sha256.Sum256([]byte(id.Project + "\x00" + id.Environment + "\x00" + id.Cluster))
	return bucket(sum[0] % buckets)
}

// set is a set of buckets.
type set uint64

// every is the set of all buckets.
const every = ^set(0)

func (s set) has(b bucket) bool { return s&(1<<b) != 0 }
func (s set) with(b bucket) set { return s | 1<<b }
func (s set) len() int          { return bits.OnesCount64(uint64(s)) }

// all goes through the buckets of the set in order.
func (s set) all() iter.Seq[bucket] {
	return func(yield func(bucket) bool) {
		for b := range bucket(buckets) {
			if s.has(b) && !yield(b) {
				return
			}
		}
	}
}
