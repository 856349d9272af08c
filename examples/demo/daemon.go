package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// requestLimit bounds one request; the daemon holds one for 25 s at most.
const requestLimit = 40 * time.Second

// daemon is the running "trunkline serve".
type daemon struct {
	url string // without a slash at the end
}

// serving finds in a line of the daemon's log the address that it listens on.
func serving(line string) (string, bool) {
	var entry struct{ Msg, Listen string }
	if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Msg != "serving" {
		return "", false
	}
	return "http://" + entry.Listen, true
}

// status gives the state once its revision is higher than the given one, or after a while as it is.
func (d *daemon) status(ctx context.Context, after int64) (status.Platform, error) {
	var p status.Platform
	body, err := d.do(ctx, http.MethodGet, "/api/v1/status?after="+strconv.FormatInt(after, 10))
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("reading the daemon's status: %w", err)
	}
	return p, nil
}

// sync has the daemon look at the repository now, as a forge's webhook does.
func (d *daemon) sync(ctx context.Context) error {
	_, err := d.do(ctx, http.MethodPost, "/hooks/sync")
	return err
}

func (d *daemon) do(ctx context.Context, method, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, d.url+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("asking the daemon: %s %s: %s", method, path, resp.Status)
	}
	return body, nil
}

// wait gives the first state of which done is true. done sees every state that comes by, and ends the waiting
// with an error when what is waited for cannot come any more.
func (d *daemon) wait(ctx context.Context, done func(status.Platform) (bool, error)) (status.Platform, error) {
	for after := int64(-1); ; {
		p, err := d.status(ctx, after)
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return p, err
		}
		ok, err := done(p)
		if ok || err != nil {
			return p, err
		}
		after = p.Revision
	}
}
