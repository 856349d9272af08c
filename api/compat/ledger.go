// SPDX-License-Identifier: Apache-2.0

package compat

const (
	// maxSteps bounds a comparison; a step is about a microsecond.
	maxSteps = 300_000
	// maxNested bounds how deep one claim leads to another.
	maxNested = 2000
)

// ledger keeps the claims of a comparison: "whatever these schemas take, that one takes". A claim that is met again
// while it is being proved is taken as proved, which is what lets recursive schemas end. That is sound because each
// way round leads to a smaller part of the record; schemas that lead back to the same part are refused beforehand.
type ledger[K comparable] struct {
	steps, depth int
	gaveUp       bool
	changes      []Change
	// proved has the claims that hold or are being proved, and order has them in the order in which they came.
	proved map[K]bool
	order  []K
	// refuted has the claims that do not hold. They were refuted with everything in doubt taken as proved, so it is for good.
	refuted map[K]bool
	// trying counts the attempts that are under way; since is how many changes there were when the last one began.
	trying, since int
}

func newLedger[K comparable]() ledger[K] {
	return ledger[K]{proved: map[K]bool{}, refuted: map[K]bool{}}
}

// step counts work, and reports whether there may be more.
func (l *ledger[K]) step(n int) bool {
	l.steps += n
	if l.steps > maxSteps {
		l.gaveUp = true
	}
	return !l.gaveUp
}

// failed reports whether the attempt that is under way has failed already.
func (l *ledger[K]) failed() bool { return l.gaveUp || (l.trying > 0 && len(l.changes) > l.since) }

// claim proves a claim, unless it is proved or refuted already.
func (l *ledger[K]) claim(key K, prove func()) {
	if l.failed() {
		return
	}
	if l.trying > 0 && l.refuted[key] {
		l.changes = append(l.changes, Change{Kind: refutedInsideOf})
		return
	}
	if l.proved[key] {
		return
	}
	if l.depth++; l.depth > maxNested {
		l.gaveUp = true
	}
	l.proved[key] = true
	l.order = append(l.order, key)
	before := len(l.changes)
	prove()
	if len(l.changes) > before && !l.gaveUp {
		l.refuted[key] = true
	}
	l.depth--
}

// try reports whether what it is given can be proved, and leaves nothing behind if it cannot.
func (l *ledger[K]) try(prove func()) bool {
	if l.failed() {
		return false
	}
	since, order := l.since, len(l.order)
	l.trying++
	l.since = len(l.changes)
	prove()
	ok := !l.failed()
	l.changes = l.changes[:l.since]
	l.trying--
	l.since = since
	if !ok {
		// What was proved in the meantime may rest on what has failed.
		for _, key := range l.order[order:] {
			delete(l.proved, key)
		}
		l.order = l.order[:order]
	}
	return ok
}

// report adds a change.
func (l *ledger[K]) report(c Change) {
	if len(l.changes) < 10*MaxChanges {
		l.changes = append(l.changes, c)
	}
}

// result returns the changes, and says so if the comparison was given up.
func (l *ledger[K]) result() []Change {
	if l.gaveUp {
		l.changes = append(l.changes, Change{
			Kind: TooMuch, Undecided: true,
			Message: "whether this breaks readers cannot be decided: comparing the schemas takes too many steps, or they are nested too deeply",
		})
	}
	return l.changes
}
