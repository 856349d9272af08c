// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// do carries out an effect. What takes time is done beside the actor, and answered by mail.
func (a *actor) do(ctx context.Context, e release.Effect) {
	switch e := e.(type) {
	case release.Look:
		a.operate(ctx, func(running context.Context) release.Event {
			out := a.executor.Look(ctx, running, e.Fresh)
			out.Epoch = e.Epoch
			return out
		})
	case release.Run:
		a.operate(ctx, func(running context.Context) release.Event { return a.runOnce(ctx, running, e) })
	case release.Restore:
		a.operate(ctx, func(running context.Context) release.Event {
			t, err := a.restore(running, e.Commit, e.Digest)
			return release.Restored{Epoch: e.Epoch, Target: t, Err: err}
		})
	case release.Save:
		a.operate(ctx, func(running context.Context) release.Event {
			err := a.executor.Save(ctx, running, e)
			return release.Saved{Epoch: e.Epoch, Memory: e.Memory, Err: err}
		})
	case release.Ask:
		a.operate(ctx, func(running context.Context) release.Event {
			return release.Answered{Epoch: e.Epoch, Again: a.r.askOthers(ctx, running, a.id, e.Releases)}
		})
	case release.Cancel:
		a.cancel()
	case release.Diagnose:
		a.diagnose(ctx, e)
	case release.Publish:
		a.r.publish(a.id, e.View, a.state.Settings.Repository)
		a.stands.Shown = described(e.View, a.state.Settings.Repository)
	case release.Report:
		a.stands.Progress = e.Progress
		a.r.progress.set(a.id, e.Progress.Current, e.Progress.HealthySince)
	case release.Record:
		a.r.opts.Tell(history.Event{
			Release: a.id, Kind: history.Kind(e.Kind), Commit: e.Commit, Message: e.Message, By: e.By, SignOn: e.SignOn, Why: e.Why, Object: e.Object, Fields: e.Fields,
		})
	case release.Warn:
		a.r.opts.Log.Warn(e.Message, "release", a.id.String(), "err", e.Err)
	case release.Reply:
		a.reply(e.ID, e.Err)
	case release.Wake:
		a.wakeAt = e.At
	case release.Retire:
		if a.retired = a.r.retire(a); a.retired && a.r.opts.Principal != nil {
			a.r.opts.Principal.Retired(a.id)
		}
	}
}

// operate does something beside the actor, for as long as the release is this replica's, and puts what came of it into the
// mailbox.
func (a *actor) operate(ctx context.Context, f func(running context.Context) release.Event) {
	mine, done, ok := a.r.opts.Sharing.Begin(ctx, a.id)
	if !ok {
		a.lost()
		a.box.put(release.Dropped{})
		return
	}
	running, cancel := context.WithCancel(mine)
	a.cancel = cancel
	a.operations.Go(func() {
		answer := f(running)
		if mine.Err() != nil && ctx.Err() == nil {
			a.lost()
		}
		cancel()
		done()
		a.box.put(answer)
	})
}

// lost reports that the release is not this replica's, or was not in between.
func (a *actor) lost() {
	a.box.put(release.Lost{Owner: a.r.opts.Sharing.Owner(a.id)})
	if e, ok := a.ownership().(release.Gained); ok {
		a.box.put(e)
	}
}

// ownership says whose the release is.
func (a *actor) ownership() release.Event {
	if a.r.opts.Sharing.Owned(a.id) {
		return release.Gained{}
	}
	return release.Lost{Owner: a.r.opts.Sharing.Owner(a.id)}
}

// runOnce does one run, and tells those who count runs.
func (a *actor) runOnce(daemon, running context.Context, in release.Run) release.Ended {
	began := a.r.opts.Now()
	out := a.executor.Run(daemon, running, in)
	if out.Canceled {
		return out // not a word about this one: something newer has come, or the daemon ends
	}
	run := Run{
		Release: a.id, Commit: in.Target.Commit, Applied: out.Applied, Pruned: out.Pruned, Took: a.r.opts.Now().Sub(began), Err: out.Err,
	}
	a.r.opts.Observe(run)
	if run.Applied+run.Pruned == 0 && !out.Finished && run.Err == nil {
		return out
	}
	log := a.r.opts.Log.With("release", a.id.String(), "commit", status.Short(run.Commit), "applied", run.Applied, "pruned", run.Pruned, "took", run.Took)
	if run.Err != nil {
		log.Warn("run failed", "err", run.Err.Error())
	} else {
		log.Info("run finished", "removed", out.Finished)
	}
	return out
}

// errNoReader reports that no run has found out yet as whom to look.
var errNoReader = errors.New("nobody can look into it yet")

// diagnose looks into why an object is not healthy, beside whatever else is done.
func (a *actor) diagnose(ctx context.Context, e release.Diagnose) {
	reader := a.executor.Reader(e.Ref)
	a.operations.Go(func() {
		var reason health.Reason
		objects, err := e.Objects.Unpack()
		if err == nil {
			err = errNoReader
			if reader != nil {
				reason, err = reader.Diagnose(ctx, e.Ref, objects)
			}
		}
		a.box.put(release.Diagnosed{Epoch: e.Epoch, Ref: e.Ref, Reason: reason, Err: err})
	})
}

// publish puts what people are told of a release on the board.
func (r *Reconciler) publish(id catalog.ReleaseID, v release.View, repository string) {
	r.show(id, described(v, repository))
}

// show puts what is said of a release on the board. What others say of it stays.
func (r *Reconciler) show(id catalog.ReleaseID, next status.Release) {
	next.Parts = r.opts.Parts(next.Commit)
	if next.Held != nil {
		held := *next.Held
		held.Parts, next.Held = r.opts.Parts(held.Commit), &held
	}
	r.opts.Board.SetRelease(id, func(s *status.Release) {
		next.ReleaseID, next.Since, next.Preview = s.ReleaseID, s.Since, s.Preview
		*s = next
	})
}

// described puts what people are told of a release into the words of the status.
func described(v release.View, repository string) status.Release {
	if repository == catalog.OwnSource {
		repository = ""
	}
	next := status.Release{
		Source:    repository,
		Namespace: v.Namespace, Owner: v.Owner, Placed: v.Placed, Commit: v.Commit, Objects: v.Objects,
		Result: status.Result(v.Result), Message: v.Message, Health: healthOf(v), Kept: v.Kept,
	}
	if h := v.Held; h != nil {
		next.Held = &status.Held{Rule: h.Rule, Digest: h.Digest, Reason: h.Reason, Commit: h.Commit, Until: h.Until, Person: h.Person}
	}
	if c := v.Cause; c != nil {
		next.Cause = &status.Cause{Object: c.Object, Code: c.Code, Log: c.Log, Notes: c.Notes}
	}
	for _, d := range v.Drifts {
		next.Drifts = append(next.Drifts, status.Drift{
			Object: d.Object, Fields: d.Fields, What: d.What, Manager: d.Manager, Time: d.Time, Corrected: d.Corrected, Rounds: d.Rounds,
		})
	}
	for _, a := range v.Additions {
		next.Additions = append(next.Additions, status.Addition{Object: a.Object, Fields: a.Fields, Manager: a.Manager})
	}
	for _, d := range v.Instead {
		next.Instead = append(next.Instead, status.Difference(d))
	}
	return next
}

// healthOf returns the health in the words of the status.
func healthOf(v release.View) status.Health {
	switch {
	case v.Result == release.Applied && v.Objects == 0 && !v.Known:
		return status.Healthy // nothing is declared any more, and nothing is there but what must stay
	case !v.Known:
		return status.Unknown
	}
	return told(v.Health)
}

// told is how a release or an object is doing, as it is told.
func told(s health.State) status.Health {
	return map[health.State]status.Health{
		health.Healthy: status.Healthy, health.Progressing: status.Progressing, health.Stalled: status.Stalled, health.Failed: status.Unhealthy,
	}[s]
}
