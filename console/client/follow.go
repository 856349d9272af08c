// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// silence bounds how long a stream may say nothing: the daemon says that it is alive more often.
	silence = time.Minute
	// maxEvent bounds one event, in bytes: a release with all that can be said of it is far smaller.
	maxEvent = 16 << 20
)

// errSilent ends a stream of which nothing comes any more.
var errSilent = errors.New("it has sent nothing for a minute")

// Follow keeps a copy of the state, and calls a function whenever it has changed, no more often than once in a pace, until
// that is done or fails; it returns the last state. A stream that ends is resumed where it was; a daemon that does not answer
// is an error.
func (c *Client) Follow(ctx context.Context, pace time.Duration, changed func(status.Platform) (done bool, err error)) (status.Platform, error) {
	f := newFollowed()
	for {
		done, err := c.stream(ctx, pace, f, changed)
		if ctx.Err() != nil && !done {
			err = context.Cause(ctx)
		}
		if done || err != nil {
			return f.platform(), err
		}
		select {
		case <-time.After(pace):
		case <-ctx.Done():
		}
	}
}

// stream follows until the function is done, or the stream ends. Without an error it can then be resumed.
func (c *Client) stream(ctx context.Context, pace time.Duration, f *followed, changed func(status.Platform) (bool, error)) (done bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := map[string]string{}
	if f.last != "" {
		header["Last-Event-ID"] = f.last
	}
	resp, err := c.do(ctx, http.MethodGet, "/api/v1/changes?pace="+strconv.FormatInt(max(pace.Milliseconds(), 10), 10), nil, header)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	watchdog := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for whole := false; ; {
		e, err := next(lines, func() { watchdog.Reset(silence) })
		if err != nil && whole {
			return false, nil // it is resumed
		}
		if err == nil {
			err = f.apply(e)
		}
		if err != nil {
			return false, fmt.Errorf("reading the daemon's answer: %w; is it a Trunkline at %s?", err, c.name)
		}
		if e.name != console.EventSynced {
			continue
		}
		whole = true
		if done, err := changed(f.platform()); done || err != nil {
			return true, err
		}
	}
}

// event is one of a stream.
type event struct{ name, id, data string }

// next reads an event, and reports every line.
func next(lines *bufio.Scanner, alive func()) (event, error) {
	var e event
	for lines.Scan() {
		alive()
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data += value
		case "":
			if e.name != "" {
				return e, nil
			}
		}
	}
	if err := lines.Err(); err != nil {
		return e, err
	}
	return e, errors.New("the stream of changes has ended")
}

// followed is the copy of the state.
type followed struct {
	// last is the id of the last event.
	last     string
	overview status.Overview
	clusters map[string]status.Cluster
	releases map[catalog.ReleaseID]status.Release
	synced   console.Synced
}

func newFollowed() *followed {
	return &followed{clusters: map[string]status.Cluster{}, releases: map[catalog.ReleaseID]status.Release{}}
}

// apply changes the copy. An event of a kind that is not known is a newer daemon's.
func (f *followed) apply(e event) error {
	var err error
	switch e.name {
	case console.EventResync:
		*f = *newFollowed()
	case console.EventStatus:
		var o status.Overview
		err = json.Unmarshal([]byte(e.data), &o)
		f.overview = o
	case console.EventCluster:
		var c status.Cluster
		err = json.Unmarshal([]byte(e.data), &c)
		f.clusters[c.Name] = c
	case console.EventRelease:
		var r status.Release
		err = json.Unmarshal([]byte(e.data), &r)
		f.releases[r.ReleaseID] = r
	case console.EventRemoved:
		var id catalog.ReleaseID
		err = json.Unmarshal([]byte(e.data), &id)
		delete(f.releases, id)
	case console.EventForgotten:
		var c status.ClusterName
		err = json.Unmarshal([]byte(e.data), &c)
		delete(f.clusters, c.Name)
	case console.EventSynced:
		err = json.Unmarshal([]byte(e.data), &f.synced)
	}
	if e.id != "" {
		f.last = e.id
	}
	return err
}

// platform returns the state, which nobody else changes.
func (f *followed) platform() status.Platform {
	p := status.Platform{
		Name: f.overview.Name, Revision: f.synced.Revision, Time: f.synced.Time, Source: f.overview.Source, Replica: f.overview.Replica,
		Clusters: make([]status.Cluster, 0, len(f.clusters)), Releases: make([]status.Release, 0, len(f.releases)),
	}
	for _, c := range f.clusters {
		p.Clusters = append(p.Clusters, c)
	}
	for _, r := range f.releases {
		p.Releases = append(p.Releases, r)
	}
	p.Sort()
	return p
}
