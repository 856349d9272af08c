// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

// Ending is how an object ended that removes itself once it has, such as a Job with ttlSecondsAfterFinished.
type Ending string

// The endings.
const (
	// Running is an object that has not ended, or that stays when it has.
	Running Ending = ""
	// Started is one that removes itself once it has ended, and has not ended yet.
	Started Ending = "started"
	// Completed is one that did what it is for.
	Completed Ending = "completed"
	// FailedForGood is one that did not, and is not tried again by its controller.
	FailedForGood Ending = "failed"
)

// maxFinished bounds how many endings are remembered of a release: those of its newest state and of some before it, for who
// rolls back.
const maxFinished = 64

// Finished are the objects that ended and remove themselves, the newest first: what is done stays done, until it is declared
// differently. An object is named by its digest, which holds its kind and name as well.
type Finished []End

// End is how one of them ended.
type End struct {
	// Digest is the beginning of that of the declared object.
	Digest string `json:"digest"`
	// Failed is true if it ended badly.
	Failed bool `json:"failed,omitempty"`
	// Pruned is true if it was deleted since a newer commit did not declare it: it counts for who goes back to an older state,
	// and not for a commit that declares it again.
	Pruned bool `json:"pruned,omitempty"`
	// Started is true if nobody has seen how it ended: it was there, and removes itself once it has.
	Started bool `json:"started,omitempty"`
}

// digestPrefix is how much of a digest is remembered, in characters: 64 bits, of a few dozen objects.
const digestPrefix = 16

// With returns the same with one more object that has ended; the receiver is not changed.
func (f Finished) With(digest string, how Ending) Finished {
	if how == Running || len(digest) < digestPrefix {
		return f
	}
	return f.with(End{Digest: digest[:digestPrefix], Failed: how == FailedForGood, Started: how == Started})
}

// WithPruned returns the same with one more object that had ended or begun when it was deleted; the receiver is not changed.
func (f Finished) WithPruned(digest string, how Ending) Finished {
	if how == Running || len(digest) < digestPrefix {
		return f
	}
	return f.with(End{Digest: digest[:digestPrefix], Failed: how == FailedForGood, Started: how == Started, Pruned: true})
}

// Merge returns the same with what others remember; the receiver is not changed.
func (f Finished) Merge(o Finished) Finished {
	for _, end := range slices.Backward(o) {
		f = f.with(end)
	}
	return f
}

// ByThemselves returns those that removed themselves.
func (f Finished) ByThemselves() Finished {
	return slices.DeleteFunc(slices.Clone(f), func(e End) bool { return e.Pruned })
}

func (f Finished) with(end End) Finished {
	i := slices.IndexFunc(f, func(e End) bool { return e.Digest == end.Digest })
	switch {
	case i < 0 && end.Started && len(f) >= maxFinished:
		return f // what is sure takes precedence over what may be
	case i < 0:
	case f[i] == end, end.Started && !end.Pruned && !f[i].Pruned:
		return f // more is known already
	case end.Started && end.Pruned && !f[i].Started:
		end.Started, end.Failed = false, f[i].Failed
	}
	out := Finished{end}
	for _, e := range f {
		if e.Digest != end.Digest && len(out) < maxFinished {
			out = append(out, e)
		}
	}
	return out
}

// of returns how the object with the digest ended.
func (f Finished) of(digest string) Ending {
	for _, e := range f {
		switch {
		case len(digest) < digestPrefix || e.Digest != digest[:digestPrefix]:
		case e.Started && e.Pruned:
			return Running // it was deleted before it had ended
		case e.Started:
			return Started
		case e.Failed:
			return FailedForGood
		default:
			return Completed
		}
	}
	return Running
}

// Done is a declared object that has ended and is gone, or on its way out: it is not made again.
type Done struct {
	Ref    Ref
	Ending Ending
}
