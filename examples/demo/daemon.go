// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/status"
)

// daemon is the running "trunkline serve".
type daemon struct{ *client.Client }

// pace is the least time between two states that are looked at.
const pace = 50 * time.Millisecond

// forgePace is the least time between two looks at GitHub, which allows a user 900 a minute.
const forgePace = 200 * time.Millisecond

// wait returns the first state of which done is true. done sees every state that comes by, and ends the waiting
// with an error when what is waited for cannot come any more.
func (d *daemon) wait(ctx context.Context, done func(status.Platform) (bool, error)) (status.Platform, error) {
	return d.Follow(ctx, pace, done)
}
