// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/stage"
)

// pace is the least time between two looks at the status while much is under way: telling the state of a thousand
// releases is work that would be measured with the rest.
const pace = 250 * time.Millisecond

// daemon is a running "trunkline serve".
type daemon struct {
	*stage.Process

	client *client.Client
	url    string

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every commit
	accepted map[string]time.Time
}

// startDaemon starts one, which writes profiles to a folder if there is one.
func startDaemon(ctx context.Context, spec stage.DaemonSpec, log, profile string) (*daemon, error) {
	spec.Poll = "1h" // it is told of each commit
	if profile != "" {
		spec.Args = append(spec.Args, "--profile-dir", profile)
	}
	d := &daemon{changed: make(chan struct{}), accepted: map[string]time.Time{}}
	process := spec.Process(log)
	process.Line = d.read
	var err error
	if d.Process, err = stage.Start(process); err != nil {
		return nil, err
	}
	if d.client, d.url, err = stage.Connect(ctx, d.Process); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return d, nil
}

// entry is what matters of a line of the log.
type entry struct {
	Time        time.Time
	Msg, Commit string
}

const msgAccepted = "commit accepted"

// parseEntry reads a line, if it is one of those that matter: a roll-out writes thousands.
func parseEntry(line string) (entry, bool) {
	if !strings.Contains(line, `"`+msgAccepted+`"`) {
		return entry{}, false
	}
	var e entry
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		return entry{}, false
	}
	return e, e.Msg == msgAccepted && e.Commit != ""
}

// read notes when the daemon accepted a commit.
func (d *daemon) read(line string) {
	e, ok := parseEntry(line)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted[e.Commit] = e.Time
	close(d.changed)
	d.changed = make(chan struct{})
}

// awaitAccepted returns the moment when the daemon had checked and rendered a commit, as its log says.
func (d *daemon) awaitAccepted(ctx context.Context, commit string, limit time.Duration) (time.Time, error) {
	ctx, cancel := waiting(ctx, limit, "commit "+status.Short(commit)+" to be accepted")
	defer cancel()
	for {
		d.mu.Lock()
		at, ok := d.accepted[commit]
		changed := d.changed
		d.mu.Unlock()
		if ok {
			return at, nil
		}
		select {
		case <-changed:
		case <-d.Done():
			return at, fmt.Errorf("the daemon ended by itself: %s", d.LastLine())
		case <-ctx.Done():
			return at, fmt.Errorf("%w; the daemon's last word: %s", context.Cause(ctx), d.LastLine())
		}
	}
}

// waiting bounds a wait and says what for.
func waiting(ctx context.Context, limit time.Duration, what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("waited %s for %s", limit, what))
}

// await returns the first state of which ok is true, looking no oftener than once each interval.
func (d *daemon) await(ctx context.Context, w wait, ok func(status.Platform) bool) (status.Platform, error) {
	ctx, cancel := waiting(ctx, w.limit, w.what)
	defer cancel()
	p, err := d.client.Follow(ctx, w.interval, func(p status.Platform) (bool, error) { return ok(p), nil })
	switch {
	case ctx.Err() != nil && err != nil:
		return p, fmt.Errorf("%w; %s", context.Cause(ctx), unfinished(p))
	case err != nil:
		return p, fmt.Errorf("%w; the daemon's last word: %s", err, d.LastLine())
	}
	return p, nil
}

// wait is what is waited for, and how.
type wait struct {
	what            string
	limit, interval time.Duration
}

// unfinished names a release that is not fine, for an error.
func unfinished(p status.Platform) string {
	n, first := 0, ""
	for _, r := range p.Releases {
		if !r.Fine() {
			if n++; first == "" {
				first = fmt.Sprintf(", such as %s: %s, %s %s", r, r.Result, r.Health, r.Message)
			}
		}
	}
	if p.Source.Error != "" {
		first += "; the repository: " + p.Source.Error
	}
	for _, problem := range p.Source.Problems {
		first += "; " + problem.String()
		break
	}
	return fmt.Sprintf("%d of %d releases are not fine%s", n, len(p.Releases), first)
}

// sync has the daemon fetch the repository now, and returns the moment just before.
func (d *daemon) sync(ctx context.Context) (time.Time, error) {
	began := time.Now()
	return began, d.client.Sync(ctx)
}
