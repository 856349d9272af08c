// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"fmt"

	"trunkline.dev/trunkline/reconciler/status"
)

// compare has clusters left as they are that hold what came after a state, as far as the repositories were not fetched yet that say what is
// right; and those that it does not come after, if nothing was accepted before.
func (j *jury) compare(daemon, ctx context.Context, rev *Revision, platform string) {
	f := j.f
	composed := rev.Commit.Hash
	rev.Commit.Hash = platform // whose own history it has to come after
	f.unseen(daemon, rev)
	rev.Commit.Hash = composed
	f.joint.unseen = rev.Compare != nil
	pending := j.pending(ctx)
	if len(pending) == 0 {
		return
	}
	before := rev.Compare
	rev.Compare = func(ctx context.Context, recorded []string) error {
		if before != nil {
			if err := before(ctx, recorded); err != nil {
				return err
			}
		}
		newer, err := f.Sources.Store.NewerIn(ctx, composed, recorded, func(name string) bool { return pending[name] })
		if err != nil {
			return err
		}
		if len(newer) > 0 {
			return fmt.Errorf("a cluster holds commit %s, which is newer or not known here, and not all repositories of the platform could be fetched yet", status.Short(newer[0]))
		}
		return nil
	}
}

// pending are the repositories that were not fetched since the daemon was started.
func (j *jury) pending(ctx context.Context) map[string]bool {
	pending := map[string]bool{}
	platform := j.may
	if platform == "" {
		platform = j.accepted[""]
	}
	if j.platform.Commit == "" {
		pending[""] = true
	}
	for _, one := range j.included(ctx, platform) {
		if !j.heads[LineOf(one)].fetched {
			pending[one.Name] = true
		}
	}
	return pending
}

// confirm has clusters brought to the accepted commit whatever they hold, once all repositories have said what is right.
func (j *jury) confirm() {
	f := j.f
	if len(j.accepted) == 0 || len(j.pending(context.Background())) > 0 {
		return
	}
	accepted, known, err := f.Store.Accepted()
	resumed := err == nil && known && accepted == f.resumed
	if !resumed && (!f.joint.doubtful || f.joint.unseen) {
		return
	}
	f.resumed, f.joint.doubtful = "", false
	f.Reconciler.Confirm()
}
