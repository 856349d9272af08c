package main

import (
	"context"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/status"
)

// daemon is the running "trunkline serve".
type daemon struct{ *client.Client }

// wait gives the first state of which done is true. done sees every state that comes by, and ends the waiting
// with an error when what is waited for cannot come any more.
func (d *daemon) wait(ctx context.Context, done func(status.Platform) (bool, error)) (status.Platform, error) {
	for after := int64(-1); ; {
		p, err := d.Status(ctx, after)
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
