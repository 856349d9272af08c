// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"encoding/json"
	"time"
)

// Runs has the runs of lots of the cluster, for the daemon. What is said about them is not this package's.
type Runs interface {
	// Follow has all that there is be told from now on, and then what changes; or nothing any more. It must not block.
	Follow(follow bool)
	// Next returns what is to be told next, at most so much, and reports whether there is more. It must not block.
	Next(most int) (said []json.RawMessage, more bool)
	// Answer does what the daemon asks for, which takes time, and ends when ctx does.
	Answer(ctx context.Context, what json.RawMessage) []byte
}

const (
	// runsAtOnce bounds what is said of runs in one go, and runsSize what one message has of that, in bytes, unless it is about a single object.
	runsAtOnce, runsSize = 200, 256 << 10
	// asksAtOnce bounds what is done at a time of what the daemon asks for.
	asksAtOnce = 64
	// answerPart bounds a part of an answer, in bytes: on a slow line others have to get through in between.
	answerPart = 128 << 10
)

// clock is what the daemon says by until when it waits for an answer. A machine that sleeps counts the time by its wall clock only.
func (l *Link) clock() int64 {
	now := l.opts.Now()
	return int64(max(now.Sub(l.began), now.Round(0).Sub(l.began.Round(0))))
}

// runsNow returns what is to be told of runs now. The caller holds the lock.
func (l *Link) runsNow() (out []frame) {
	if l.opts.Runs == nil {
		return nil
	}
	said, more := l.opts.Runs.Next(runsAtOnce)
	l.moreRuns = more
	for size := runsSize; len(said) > 0; said = said[1:] {
		if size += len(said[0]); size > runsSize {
			out, size = append(out, frame{}), len(said[0])
		}
		last := &out[len(out)-1]
		last.Runs = append(last.Runs, said[0])
	}
	return out
}

// serve does what the daemon asks for, unless it does not wait for it any more.
func (l *Link) serve(ctx context.Context, a ask) {
	if err := l.room.Acquire(ctx, 1); err != nil {
		return // the connection has ended
	}
	defer l.room.Release(1)
	left := time.Duration(a.By - l.clock())
	if left <= 0 {
		l.opts.Log.Debug("something came later than the daemon waits for it, and is not done", "by", (-left).String())
		return
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	data := l.opts.Runs.Answer(ctx, a.What)
	for {
		part := data[:min(len(data), answerPart)]
		data = data[len(part):]
		l.post(frame{Answer: &answer{Ticket: a.Ticket, Part: part, More: len(data) > 0}})
		if len(data) == 0 {
			return
		}
	}
}

// Wake has it looked at again whether there is something to tell of runs.
func (l *Link) Wake() { l.wakeUp() }
