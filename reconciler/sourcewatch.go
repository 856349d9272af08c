// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/reconciler/git"
)

// SourceWatch fetches the repositories that platforms include, each by itself: one that does not answer holds up no other. All fields are
// required but Jitter.
type SourceWatch struct {
	Store *git.Store
	// Remote returns where a line is read, with the credentials that are good now.
	Remote func(context.Context, SourceLine) (git.Remote, error)
	// Interval and Jitter are those of [git.Watcher].
	Interval time.Duration
	Jitter   func(time.Duration) time.Duration
	// OnHead and OnError are called after each fetch, by the goroutine of the line.
	OnHead  func(SourceLine, git.Head)
	OnError func(SourceLine, error)
	Log     *slog.Logger

	mu       sync.Mutex
	wanted   []SourceLine
	included map[string]bool
	triggers map[SourceLine]chan struct{}
	changed  chan struct{}
}

// Follow says which lines are followed from now on, and which repositories are included by any platform that counts: of others nothing is
// kept. It does not block.
func (w *SourceWatch) Follow(lines []SourceLine, included []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted, w.included = slices.Clone(lines), map[string]bool{}
	for _, name := range included {
		w.included[name] = true
	}
	git.Trigger(w.news())
}

// news is sent to when something else is wanted. The caller holds the lock.
func (w *SourceWatch) news() chan struct{} {
	if w.changed == nil {
		w.changed = git.NewTrigger()
	}
	return w.changed
}

// Trigger has some lines fetched now.
func (w *SourceWatch) Trigger(which func(SourceLine) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line, trigger := range w.triggers {
		if which(line) {
			git.Trigger(trigger)
		}
	}
}

// Known returns the head of a line as it was fetched last, by this process or one before.
func (w *SourceWatch) Known(line SourceLine) (git.Head, bool, error) {
	track, err := w.Store.Track(git.SourceTrack(line.Name))
	if err != nil {
		return git.Head{}, false, err
	}
	return track.Picked(line.Remote(git.Remote{URL: line.URL}))
}

// Keep has the store keep what a source has at a commit.
func (w *SourceWatch) Keep(name, commit string) error {
	track, err := w.Store.Track(git.SourceTrack(name))
	if err != nil {
		return err
	}
	return track.SetAccepted(commit)
}

// Run fetches what is wanted until ctx ends.
func (w *SourceWatch) Run(ctx context.Context) {
	var watchers sync.WaitGroup
	defer watchers.Wait()
	stops := map[SourceLine]context.CancelFunc{}
	for {
		w.mu.Lock()
		wanted, news := slices.Clone(w.wanted), w.news()
		for line, stop := range stops {
			if !slices.Contains(wanted, line) {
				stop()
				delete(stops, line)
				delete(w.triggers, line)
			}
		}
		for _, line := range wanted {
			if stops[line] != nil {
				continue
			}
			watching, stop := context.WithCancel(ctx)
			stops[line] = stop
			if w.triggers == nil {
				w.triggers = map[SourceLine]chan struct{}{}
			}
			trigger := git.NewTrigger()
			w.triggers[line] = trigger
			watchers.Go(func() { w.watcher(line, trigger).Run(watching) })
		}
		w.mu.Unlock()
		w.forget()
		select {
		case <-ctx.Done():
			for _, stop := range stops {
				stop()
			}
			return
		case <-news:
		}
	}
}

func (w *SourceWatch) watcher(line SourceLine, trigger <-chan struct{}) git.Watcher {
	return git.Watcher{
		Fetch:    func(ctx context.Context) (git.Head, error) { return w.fetch(ctx, line) },
		Interval: w.Interval, Jitter: w.Jitter, Trigger: trigger,
		OnHead:  func(h git.Head) { w.OnHead(line, h) },
		OnError: func(err error) { w.OnError(line, err) },
	}
}

func (w *SourceWatch) fetch(ctx context.Context, line SourceLine) (git.Head, error) {
	remote, err := w.Remote(ctx, line)
	if err != nil {
		return git.Head{}, err
	}
	track, err := w.Store.Track(git.SourceTrack(line.Name))
	if err != nil {
		return git.Head{}, err
	}
	head, err := track.Fetch(ctx, remote)
	if err != nil {
		return git.Head{}, fmt.Errorf("source %q: %w", line.Name, err)
	}
	return head, nil
}

// forget removes the tracks of repositories that are not included any more.
func (w *SourceWatch) forget() {
	names, err := w.Store.Tracks()
	if err != nil {
		w.Log.Warn("cannot look for sources that are not included any more", "err", err.Error())
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.included == nil {
		return // nobody has said yet what is
	}
	for _, name := range names {
		if source, ok := git.TrackSource(name); !ok || w.included[source] {
			continue
		}
		track, err := w.Store.Track(name)
		if err == nil {
			err = track.Remove()
		}
		if err != nil {
			w.Log.Warn("cannot forget a source that is not included any more", "track", name, "err", err.Error())
		}
	}
}
