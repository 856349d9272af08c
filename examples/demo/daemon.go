package main

import (
	"context"
	"encoding/json"
	"time"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/status"
)

// daemon is the running "trunkline serve".
type daemon struct{ *client.Client }

// serving finds in a line of the daemon's log the address that it listens on.
func serving(line string) (string, bool) {
	var entry struct{ Msg, Listen string }
	if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Msg != "serving" {
		return "", false
	}
	return "http://" + entry.Listen, true
}

// pace is the least time between two states that are looked at.
const pace = 50 * time.Millisecond

// wait returns the first state of which done is true. done sees every state that comes by, and ends the waiting
// with an error when what is waited for cannot come any more.
func (d *daemon) wait(ctx context.Context, done func(status.Platform) (bool, error)) (status.Platform, error) {
	return d.Follow(ctx, pace, done)
}
