// SPDX-License-Identifier: Apache-2.0

package git

import (
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// refusals are commits that were fetched in vain because of what they are, with the reason, so that the same one is not
// downloaded again each time. They are known for as long as the process runs, and up to a number.
type refusals struct {
	mu   sync.Mutex
	errs map[plumbing.Hash]error
}

const maxRefusals = 1000

func (r *refusals) put(commit plumbing.Hash, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.errs == nil || len(r.errs) >= maxRefusals {
		r.errs = map[plumbing.Hash]error{}
	}
	r.errs[commit] = err
}

// get returns the reason why a commit was refused; nil when it was not.
func (r *refusals) get(commit plumbing.Hash) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.errs[commit]
}
