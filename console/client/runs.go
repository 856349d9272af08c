// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"trunkline.dev/trunkline/console"
)

// startTimeout bounds how long a run takes to be made: the stores of lots are read.
const startTimeout = 3 * time.Minute

// Runs lists the remote runs of an environment; of all, if it is empty.
func (c *Client) Runs(ctx context.Context, environment string) ([]console.RemoteRun, error) {
	query := url.Values{}
	if environment != "" {
		query.Set("environment", environment)
	}
	return allOf[console.RemoteRun](ctx, c, "/api/v1/runs", query)
}

// StartRun starts a run of a project in an environment.
func (c *Client) StartRun(ctx context.Context, environment, project string, run console.RunRequest) (made console.RemoteRun, err error) {
	slow := *c
	slow.timeout = startTimeout
	return made, slow.post(ctx, path("runs", environment, project), run, &made)
}

// RunBase finds what code of a workload would be put on.
func (c *Client) RunBase(ctx context.Context, environment, project string, of console.BaseQuery) (base console.RunBase, err error) {
	q := url.Values{"workload": {of.Workload}}
	if of.Cluster != "" {
		q.Set("cluster", of.Cluster)
	}
	if of.Lot != "" {
		q.Set("lot", of.Lot)
	}
	return base, c.get(ctx, path("runs", environment, project, "base")+"?"+q.Encode(), &base)
}

// CancelRun ends a run and removes it.
func (c *Client) CancelRun(ctx context.Context, of console.RunRef, why string) (done console.Outcome, err error) {
	return done, c.post(ctx, path("runs", of.Environment, of.Project, of.Run, "cancel"), console.Act{Why: why}, &done)
}

// FollowRun tells of a run until it ends. Without an end and an error the stream has
// ended, and the run may not have.
func (c *Client) FollowRun(ctx context.Context, of console.RunRef, how console.Following, tell func(console.RunEvent) error) (*console.RunEnd, error) {
	method, verb := http.MethodGet, "log"
	if how.Waits {
		method, verb = http.MethodPost, "attach"
	}
	at := path("runs", of.Environment, of.Project, of.Run, verb)
	query := url.Values{}
	if !how.After.IsZero() {
		query.Set("after", how.After.UTC().Format(time.RFC3339Nano))
	}
	if how.Once {
		query.Set("once", "true")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := c.do(ctx, method, at+"?"+query.Encode(), nil, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	watchdog := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		watchdog.Reset(silence)
		var e console.RunEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("reading the daemon's answer: %w; is it a Trunkline at %s?", err, c.name)
		}
		if e.End != nil {
			return e.End, nil
		}
		if err := tell(e); err != nil {
			return nil, err
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSilent) {
		return nil, cause
	}
	return nil, nil //nolint:nilnil // the stream has ended without a mistake, and is to be resumed
}
