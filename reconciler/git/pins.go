// SPDX-License-Identifier: Apache-2.0

package git

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
)

// pins count the trees that are open by commit. A tree has no Close: it is open as long as it is referenced.
type pins struct {
	mu    sync.Mutex
	count map[plumbing.Hash]int
	// version grows with every commit that was not pinned before.
	version int
}

// pin is what all trees of one [Store.Tree] hold on to.
type pin struct {
	// damage is the first object that could not be read.
	damage atomic.Pointer[ObjectError]
}

func (p *pins) hold(commit plumbing.Hash) *pin {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == nil {
		p.count = map[plumbing.Hash]int{}
	}
	if p.count[commit]++; p.count[commit] == 1 {
		p.version++
	}
	held := &pin{}
	runtime.AddCleanup(held, p.release, commit)
	return held
}

func (p *pins) release(commit plumbing.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count[commit]--; p.count[commit] <= 0 {
		delete(p.count, commit)
	}
}

// held lists the pinned commits, and which version of the set that is.
func (p *pins) held() ([]plumbing.Hash, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.count)), p.version
}

// unless calls a function while no tree can be opened, unless one was since the given version.
func (p *pins) unless(version int, do func() error) (done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.version != version {
		return false, nil
	}
	return true, do()
}

// lost is a set of commits that grows to a bound.
type lost struct {
	mu  sync.Mutex
	set map[plumbing.Hash]bool
}

const maxLost = 1000

// add reports whether a commit is new to the set.
func (l *lost) add(commit plumbing.Hash) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.set == nil {
		l.set = map[plumbing.Hash]bool{}
	}
	if l.set[commit] || len(l.set) >= maxLost {
		return false
	}
	l.set[commit] = true
	return true
}
