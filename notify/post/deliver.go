// SPDX-License-Identifier: Apache-2.0

package post

import (
	"context"

	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/notify/channel"
	"trunkline.dev/trunkline/notify/outbox"
)

// deliver sends what waits for a channel, the oldest first, until something is in the way.
func (p *Poster) deliver(ctx context.Context, name string) {
	for ctx.Err() == nil {
		box, err := p.open(ctx)
		if err != nil {
			return // whoever looks says so
		}
		l, err := box.Claim(ctx, name, p.opts.Now())
		if err != nil {
			p.say(err)
			return
		}
		if l == nil || !p.send(ctx, box, name, l) {
			return
		}
	}
}

// send sends a message, and reports whether the next one can be sent. What is written of it is written also if the daemon ends meanwhile;
// if it is killed, the message is sent again.
func (p *Poster) send(ctx context.Context, box *outbox.Box, name string, l *outbox.Letter) bool {
	about := channel.Platform{Name: p.opts.Board.Name(), Console: p.opts.Links.Home()}
	answer := p.opts.Channels[name].Send(ctx, p.opts.Client, about, l.Message, p.opts.Now())
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if ctx.Err() != nil && !answer.Done {
		answer = egress.Answer{Failed: "the daemon ended"}
	}
	outcome, why := "delivered", answer.Refused
	var err error
	switch {
	case answer.Done:
		err = box.Delivered(last, l.ID)
	case answer.Refused != "":
		outcome, err = "dead", box.Dead(last, l.ID, answer.Refused, p.opts.Now())
	default:
		var dead bool
		outcome, why = "failed", answer.Failed
		if dead, err = box.Again(last, l, answer.Failed, answer.After, p.opts.Now()); dead {
			outcome = "dead"
		}
	}
	p.opts.Ended(name, outcome)
	if outcome != "delivered" {
		p.opts.Log.Warn("a channel does not take a message", "channel", name, "message", l.ID, "outcome", outcome, "why", why)
	}
	if err != nil {
		p.say(err)
		return false
	}
	return outcome != "failed"
}
