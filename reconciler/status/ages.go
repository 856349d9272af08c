// SPDX-License-Identifier: Apache-2.0

package status

import (
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Age is since when a release has been healthy at a commit, as it was recorded before the daemon was started again.
type Age struct {
	Commit string
	Since  time.Time
}

// Recall has each release that is found healthy at the commit of its age be as old as that, and not as young as the daemon. A
// release that is found otherwise has its age from when it was found.
func (b *Board) Recall(ages map[catalog.ReleaseID]Age) {
	b.update(func() []subject {
		b.ages = ages
		var changed []subject
		for id, r := range b.releases {
			if since := b.recall(r, r.Since); !since.Equal(r.Since) {
				r.Since = since
				b.releases[id] = r
				changed = append(changed, subject{kind: ofRelease, release: id})
			}
		}
		return changed
	})
}

// recall returns since when a release is as it is, for which otherwise is the answer if nothing older is known. The caller
// holds the lock.
func (b *Board) recall(r Release, otherwise time.Time) time.Time {
	age, known := b.ages[r.ReleaseID]
	switch {
	case !known || r.Result != Applied || r.Health == Unknown || r.Health == Progressing:
		return otherwise // it is not known yet how it is found
	case r.Health == Healthy && r.Commit == age.Commit && age.Since.Before(otherwise):
		otherwise = age.Since
	}
	delete(b.ages, r.ReleaseID)
	return otherwise
}
