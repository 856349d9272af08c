// SPDX-License-Identifier: Apache-2.0

package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// maxStreams bounds how many follow at once, and maxStreamsEach how many of them are of one name.
	maxStreams, maxStreamsEach = 256, 32
	// maxStream is how long one follows at most; whoever comes back signs on again, and gets what is new since.
	maxStream = 10 * time.Minute
	// maxChunk bounds how many changes are in memory for one stream.
	maxChunk = 256
	// defaultPace and minPace are the time between two batches of a stream, in milliseconds, unless it asks for another, and
	// the least that it can ask for.
	defaultPace, minPace, maxPace = 250, 10, 60_000
	defaultHeartbeat              = 15 * time.Second
	// writeTimeout bounds how long a client takes one chunk; a slower one is cut off, and resumes when it can.
	writeTimeout = 10 * time.Second
)

// The events of a stream.
const (
	EventStatus  = "status"  // of the platform as a whole: data is a status.Overview
	EventCluster = "cluster" // data is a status.Cluster
	EventRelease = "release" // data is a status.Release
	EventRemoved = "removed" // data is a catalog.ReleaseID: there is no such release any more
	// EventForgotten says that a cluster is not kept any more. Data is a status.ClusterName.
	EventForgotten = "forgotten"
	// EventSynced comes after every batch: what was sent is all there is. Data is a [Synced].
	EventSynced = "synced"
	// EventResync means that what changed meanwhile is not known any more: forget everything, what follows is all there is.
	EventResync = "resync"
)

// Synced is the end of a batch.
type Synced struct {
	Revision int64     `json:"revision"`
	Time     time.Time `json:"time"`
}

// changes streams what changes, as server-sent events: first all there is, or what changed since the event that the client
// had last, then whatever changes, each thing once as it is then. Between batches there is a pause, and a client that does
// not keep up is sent less, and costs no more.
func (c *console) changes(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	scope, pace, after, bare := q.scope(), q.number("pace", minPace, maxPace, defaultPace), q.one("after"), q.flag("bare")
	if err := q.done(); err != nil {
		return err
	}
	who := principalOf(r.Context())
	if err := c.streams.begin(who); err != nil {
		w.Header().Set("Retry-After", "5")
		return err
	}
	defer c.streams.end(who)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies that know it do not collect what is sent
	s := &stream{
		c: c, w: w, control: http.NewResponseController(w), scope: scope, sight: func() *sight { return c.sight(r) }, signedOn: func() bool { return c.stillSignedOn(r, who) }, pace: time.Duration(pace) * time.Millisecond, bare: bare != nil && *bare,
	}
	// A browser that comes back says what it had last itself; the first time it cannot.
	ctx, cancel := context.WithTimeout(r.Context(), maxStream)
	defer cancel()
	if err := s.run(ctx, cmp.Or(r.Header.Get("Last-Event-ID"), after)); err != nil && ctx.Err() == nil {
		c.opts.Log.Debug("a client no longer follows", "by", principalOf(r.Context()).String(), "err", err.Error())
	}
	return nil
}

// stream is what is sent to one client.
type stream struct {
	c       *console
	w       http.ResponseWriter
	control *http.ResponseController
	scope   releaseFilter
	// sight returns what the client sees now: a right may be taken away meanwhile.
	sight func() *sight
	// signedOn reports whether the client's sign-on is still good.
	signedOn func() bool
	pace     time.Duration
	// bare sends only that something has changed, and not what.
	bare bool
	// after is the revision up to which everything was sent.
	after int64
}

func (s *stream) run(ctx context.Context, last string) error {
	if err := s.control.SetReadDeadline(time.Time{}); err != nil { // that of the request would end the stream
		s.c.opts.Log.Debug("a stream may end early", "err", err.Error())
	}
	epoch := s.c.opts.Board.Changes(0, 0).Epoch
	lost := false
	if last != "" {
		s.after, lost = resume(last, epoch)
	}
	heartbeat := time.NewTicker(s.c.opts.Heartbeat)
	defer heartbeat.Stop()
	for first := true; ; first = false {
		if err := s.batch(lost, first); err != nil {
			return err
		}
		lost = false
		if err := s.wait(ctx, heartbeat); err != nil {
			return err
		}
	}
}

// resume reads the id of the event that a client had last. It is lost if it is another daemon's.
func resume(id, epoch string) (after int64, lost bool) {
	from, revision, _ := strings.Cut(id, ".")
	after, err := strconv.ParseInt(revision, 10, 64)
	if err != nil || after < 0 || from != epoch {
		return 0, true
	}
	return after, false
}

// batch sends all that has changed, in chunks.
func (s *stream) batch(lost, first bool) error {
	sent := first || lost
	for {
		var chunk bytes.Buffer
		if lost {
			fmt.Fprintf(&chunk, "event: %s\ndata: {}\n\n", EventResync)
			s.after = 0
		}
		changes := s.c.opts.Board.Changes(s.after, maxChunk)
		if lost = changes.Lost; lost {
			continue
		}
		seen := s.sight()
		for _, change := range changes.Changes {
			change, visible := seen.change(change)
			if !visible {
				continue
			}
			event, data := s.event(change)
			if event != "" {
				sent = true
				if s.bare {
					continue
				}
				if err := write(&chunk, event, id(changes.Epoch, change.Revision), data); err != nil {
					return err
				}
			}
		}
		s.after = changes.Revision
		if !changes.More && sent {
			if err := write(&chunk, EventSynced, id(changes.Epoch, s.after), Synced{s.after, changes.Time}); err != nil {
				return err
			}
		}
		if err := s.flush(chunk.Bytes()); err != nil || !changes.More {
			return err
		}
	}
}

// event returns the name and data of a change; none if the client did not ask for it.
func (s *stream) event(c status.Change) (string, any) {
	switch {
	case c.Overview != nil:
		return EventStatus, c.Overview
	case c.Cluster != nil && passes(s.scope.cluster, c.Cluster.Name):
		return EventCluster, c.Cluster
	case c.Release != nil && s.scope.within(c.Release.ReleaseID):
		return EventRelease, c.Release
	case c.Removed != nil && s.scope.within(*c.Removed):
		return EventRemoved, c.Removed
	case c.Forgotten != nil && passes(s.scope.cluster, c.Forgotten.Name):
		return EventForgotten, c.Forgotten
	}
	return "", nil
}

func id(epoch string, revision int64) string { return epoch + "." + strconv.FormatInt(revision, 10) }

// write adds an event to a chunk. JSON has no line breaks of its own.
func write(chunk *bytes.Buffer, event, id string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	fmt.Fprintf(chunk, "event: %s\nid: %s\ndata: %s\n\n", event, id, text)
	return nil
}

func (s *stream) flush(chunk []byte) error {
	if len(chunk) == 0 {
		return nil
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil { //nolint:forbidigo // a deadline of the connection is of the wall clock
		s.c.opts.Log.Debug("a slow client is not cut off", "err", err.Error())
	}
	if _, err := s.w.Write(chunk); err != nil {
		return err
	}
	return s.control.Flush()
}

// wait returns once something has changed and the pause between two batches is over.
func (s *stream) wait(ctx context.Context, heartbeat *time.Ticker) error {
	pause := time.NewTimer(s.pace)
	defer pause.Stop()
	changed, paused := s.c.opts.Board.Changed(s.after), pause.C
	for changed != nil || paused != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			changed = nil
		case <-paused:
			paused = nil
		case <-heartbeat.C:
			if !s.signedOn() {
				return errSignedOff
			}
			if err := s.flush([]byte(": alive\n\n")); err != nil {
				return err
			}
		}
	}
	return nil
}
