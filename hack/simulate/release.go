// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"time"

	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
)

// epoch is when the clock of the engine begins, for the state machine.
var epoch = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// kept is a release as the replica keeps it that has it: the daemon's own state machine, in a cluster that is played.
type kept struct {
	*world

	state   release.State
	track   int
	cluster int
	bucket  int
	by      *replica
	wakes   int
	// life counts the owners: what was begun for one is nothing to the next.
	life     int
	canceled bool

	// What the cluster holds.
	commit, digest string
	memory         gate.Memory
	// wanted is the digest that is rolled out since, and done when the cluster had it.
	wanted      string
	since, done time.Duration
}

func (k *kept) step(e release.Event) {
	var effects []release.Effect
	k.state, effects = release.Step(k.state, e, epoch.Add(k.now))
	for _, f := range effects {
		k.do(f)
	}
}

// later takes a step once something has taken its time, unless the release is another replica's by then.
func (k *kept) later(e release.Event) func() {
	life := k.life
	return func() {
		if k.life == life {
			k.step(e)
		}
	}
}

func (k *kept) do(f release.Effect) {
	switch f := f.(type) {
	case release.Look: // from what the watches have seen
		k.after(0, k.later(release.Looked{Epoch: f.Epoch, Commit: k.commit, Digest: k.digest, Memory: k.memory}))
	case release.Run:
		k.canceled = false
		k.run(f)
	case release.Save:
		k.request(apply, func(bool) {
			k.memory = f.Memory
			k.later(release.Saved{Epoch: f.Epoch, Memory: f.Memory})()
		})
	case release.Ask:
		k.after(0, k.later(release.Answered{Epoch: f.Epoch}))
	case release.Restore:
		k.after(0, k.later(release.Restored{Epoch: f.Epoch, Err: errors.New("there is no older state here")}))
	case release.Cancel:
		k.canceled = true
	case release.Wake:
		k.wakes++
		if wake := k.wakes; !f.At.IsZero() {
			life := k.life
			k.after(max(0, f.At.Sub(epoch)-k.now), func() {
				if k.wakes == wake && k.life == life {
					k.step(release.Timer{})
				}
			})
		}
	case release.Diagnose, release.Publish, release.Report, release.Record, release.Warn, release.Reply, release.Retire:
	}
}

// errBusy is what a run fails with whose requests were refused too often.
var errBusy = errors.New("the server asks for fewer requests (HTTP 429)")

// run plans, records the intent, and applies: the namespace of a new release first, then all else at once.
func (k *kept) run(in release.Run) {
	by, life := k.by, k.life
	by.cpu.work(k.engine, k.Plan, func() {
		if k.life != life {
			return
		}
		if k.digest == in.Target.Digest && !in.Unsaved {
			k.ended(in, nil)
			return
		}
		by.writing(k.cluster).slow(k.engine, func(done func()) {
			stages := [][]verb{{apply}, {apply}} // the inventory, and one object
			if k.digest == "" {
				stages = [][]verb{{apply}, {get}, {apply}, {apply, apply, apply, apply}}
			}
			if k.digest == in.Target.Digest {
				stages = stages[:1]
			}
			k.stages(life, stages, func(err error) {
				done()
				if k.life == life {
					k.ended(in, err)
				}
			})
		})
	})
}

// stages asks for one after the other, for as long as the release is the same replica's.
func (k *kept) stages(life int, stages [][]verb, done func(error)) {
	if len(stages) == 0 || k.canceled || k.life != life {
		done(nil)
		return
	}
	left, failed := len(stages[0]), error(nil)
	for _, v := range stages[0] {
		k.request(v, func(ok bool) {
			if !ok {
				failed = errBusy
			}
			if left--; left > 0 {
				return
			}
			if failed != nil {
				done(failed)
				return
			}
			k.stages(life, stages[1:], done)
		})
	}
}

func (k *kept) ended(in release.Run, err error) {
	out := release.Ended{Epoch: in.Epoch, Canceled: k.canceled, Err: err}
	if err == nil && !k.canceled {
		if k.digest != in.Target.Digest {
			k.commit, out.Applied = in.Target.Commit, in.Target.Objects.Len()
		}
		k.digest, k.memory = in.Target.Digest, in.Memory
		if k.digest == k.wanted && k.done < k.since {
			k.done = k.now
			k.arrived()
		}
		out.Planned = true
		out.Recorded = &release.Recorded{Commit: k.commit, Digest: k.digest, Memory: k.memory}
		out.Observation = &release.Observation{Health: health.Healthy}
	}
	k.later(out)()
}

// request asks the cluster as client-go does: what is refused is tried again after a while, and holds its place meanwhile.
func (k *kept) request(v verb, done func(ok bool)) {
	by := k.by
	by.requests(k.cluster).take(func() {
		var try func(left int)
		try = func(left int) {
			by.cpu.work(k.engine, k.Encode, func() {
				k.servers[k.cluster].call(v, func(ok bool) {
					if !ok && left > 0 {
						k.after(k.RetryAfter, func() { try(left - 1) })
						return
					}
					by.requests(k.cluster).give()
					if ok && v == apply {
						k.watched(k.cluster)
					}
					done(ok)
				})
			})
		}
		try(clientRetries)
	})
}
