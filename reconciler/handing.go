// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"maps"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
)

// handing is how far an accepted commit has been handed out. From its acceptance until all releases have it, it is not known
// what each of them declares: an object that one does not declare any more may turn out to be another's. Its zero value
// says that all have what was accepted. Its lock is taken last.
type handing struct {
	mu    sync.Mutex
	under bool
	// ahead are the releases that were handed a commit before all were, of this commit or of one whose handing out was ended by
	// a newer head: the next one to be accepted is handed to them also if it does not change them.
	ahead map[catalog.ReleaseID]bool
	// asked are the releases that have left something as it is meanwhile, or for another release that a commit moves it to.
	asked map[catalog.ReleaseID]bool
}

func (h *handing) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.under = true; h.ahead == nil {
		h.ahead = map[catalog.ReleaseID]bool{}
	}
}

func (h *handing) add(id catalog.ReleaseID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ahead[id] = true
}

// early returns the releases that were handed a commit before all were.
func (h *handing) early() map[catalog.ReleaseID]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.ahead)
}

func (h *handing) underWay() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.under
}

// settledFor reports whether all releases have what was accepted. If not, the one that asks is told when they do.
func (h *handing) settledFor(id catalog.ReleaseID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.under {
		h.wait(id)
	}
	return !h.under
}

// leaves records that a release leaves an object for another one: the next commit may not move it there any more.
func (h *handing) leaves(id catalog.ReleaseID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wait(id)
}

func (h *handing) wait(id catalog.ReleaseID) {
	if h.asked == nil {
		h.asked = map[catalog.ReleaseID]bool{}
	}
	h.asked[id] = true
}

// end records that all releases have the commit, and returns those that asked.
func (h *handing) end() map[catalog.ReleaseID]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked := h.asked
	h.under, h.ahead, h.asked = false, nil, nil
	return asked
}

// settle records that all releases have the commit, and has those run that waited for that: what they left may be deleted or
// taken over now, and a kind that they lacked may have been defined.
func (r *Reconciler) settle(early map[catalog.ReleaseID]bool) {
	asked := r.handing.end()
	r.progress.settle()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, a := range r.actors {
		if asked[id] || early[id] && a.copied.Load().failing {
			a.box.put(release.Nudged{})
		}
	}
	// A release may be in a cluster that no actor knows of, from before the daemon was started.
	for _, c := range r.clusters.all() {
		if c.desk != nil {
			c.desk.Settle(true)
		}
		c.wake()
	}
}
