// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"sync"

	"trunkline.dev/trunkline/evaluate"
)

// accepted is the commit that all releases were handed, and what it means, for others to compare with.
type accepted struct {
	mu         sync.Mutex
	commit     string
	evaluation *evaluate.Evaluation
}

func (a *accepted) set(commit string, e *evaluate.Evaluation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.commit, a.evaluation = commit, e
}

// Accepted returns the commit that all releases were handed last, and what it means; nil before there is one.
func (r *Reconciler) Accepted() (string, *evaluate.Evaluation) {
	r.current.mu.Lock()
	defer r.current.mu.Unlock()
	return r.current.commit, r.current.evaluation
}
