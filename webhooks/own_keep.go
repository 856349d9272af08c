// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/previews"
	"trunkline.dev/trunkline/webhooks/report"
)

// goingEvery is how often it is looked at whether a preview is gone that is being removed.
const goingEvery = 2 * time.Second

// preview keeps the own environment of an open pull request as it should be.
func (e *Engine) preview(ctx context.Context, p Pull, s *pullState) (time.Duration, error) {
	if e.opts.Previews == nil || len(e.rules()) == 0 && !e.exists(p.Number) {
		return 0, nil
	}
	f, again, err := e.foresee(ctx, p, s)
	if err != nil {
		return 0, fmt.Errorf("finding out about the preview of #%d: %w", p.Number, err)
	}
	wait, err := e.carryOut(ctx, p, s, f)
	if err != nil {
		return 0, fmt.Errorf("keeping the preview of #%d: %w", p.Number, err)
	}
	if f.want != nil && s.own.put != s.own.subject { // it was refused
		facts := s.own.facts(p)
		f, _ = e.decide(p.Number, &facts)
	}
	if err := e.tellOwn(ctx, p, s, f); err != nil {
		return 0, fmt.Errorf("writing of the preview of #%d: %w", p.Number, err)
	}
	return soonest(again, wait), nil
}

// soonest returns the shorter of two waits; zero is none.
func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// foresee finds out what should become of the preview of an open pull request.
func (e *Engine) foresee(ctx context.Context, p Pull, s *pullState) (fate, time.Duration, error) {
	if err := e.recallOwn(ctx, p, s); err != nil {
		return fate{}, 0, err
	}
	var again time.Duration
	if !e.surveyed() {
		if err := e.survey(ctx); err != nil { // no new one is made, and it is looked at again
			e.opts.Log.Warn("not all previews are known; no new ones are made", "err", err.Error())
			again = soonAgain
		}
	}
	elsewhere := p.Base.Ref != e.opts.Trunk.Branch()
	for range 2 {
		if !elsewhere && s.own.looked.subject != s.own.subject {
			wait, err := e.lookOnly(ctx, p, s)
			if err != nil {
				return fate{}, 0, err
			}
			again = soonest(again, wait)
		}
		facts := s.own.facts(p)
		if elsewhere {
			facts.Chosen, facts.Environment = true, ""
		}
		f, at := e.decide(p.Number, &facts)
		if wait := at.Sub(e.opts.Now()); !at.IsZero() {
			again = soonest(again, max(wait, time.Second))
		}
		if f.want == nil || s.own.looked.made != nil || s.own.put == s.own.subject {
			return f, again, nil
		}
		s.own.looked.subject = "" // what was made is not kept once it was put, and has to be put again
	}
	return fate{}, soonAgain, nil
}

// facts are what is known of a pull request, as decisions are made of it.
func (o *own) facts(p Pull) previews.Pull {
	facts := previews.Pull{Number: p.Number, State: previews.Open, Head: p.Head.SHA, Fork: p.Fork, Commands: o.commands}
	for _, d := range o.deployments {
		facts.Began = append(facts.Began, previews.Begin{Head: d.SHA, At: d.Created})
	}
	if w := o.looked; w.subject == o.subject && w.subject != "" {
		facts.Chosen, facts.Environment, facts.Verdict, facts.Monthly = true, w.environment, w.verdict, w.monthly
		if w.approved {
			facts.Approved = p.Head.SHA
		}
	}
	return facts
}

// recallOwn asks the forge for what an earlier process told it.
func (e *Engine) recallOwn(ctx context.Context, p Pull, s *pullState) error {
	if s.own.recalled {
		return nil
	}
	deployments, err := e.opts.Forge.DeploymentsIn(ctx, e.id(p.Number).Preview())
	if err != nil {
		return err
	}
	comments, err := e.opts.Forge.CommentsOf(ctx, p.Number)
	if err != nil {
		return err
	}
	s.own.recallActs(comments)
	s.own.deployments, s.own.recalled = deployments, true
	if len(deployments) > 0 {
		e.isAt(p.Number, deployments[0].SHA)
	}
	return nil
}

// lookOnly evaluates a head for its preview alone: its check is concluded already.
func (e *Engine) lookOnly(ctx context.Context, p Pull, s *pullState) (time.Duration, error) {
	var w wish
	r, again, err := e.examine(ctx, p, func(ctx context.Context) (r report.Review, err error) {
		r, w, err = e.look(ctx, p, e.opts.Trunk.Tip(), s.own.logins, s.own.askedFor(e.rules()))
		return r, err
	})
	if err != nil {
		return 0, err
	}
	s.own.saw(w, r)
	return again, nil
}

// saw remembers what was found out about a head. What could not be is not known.
func (o *own) saw(w wish, r report.Review) {
	w.subject = o.subject
	if r.Outcome == report.Unknown {
		w = wish{}
	}
	r.Preview = nil
	o.looked, o.review = w, &r
}

// askedFor is the environment that a preview is made after that someone asked for; empty if nobody did.
func (o *own) askedFor(rules []previews.Rules) string {
	if len(rules) == 0 || previews.Asked(o.commands) != previews.Up {
		return ""
	}
	return rules[0].Environment
}

// carryOut does what was decided.
func (e *Engine) carryOut(ctx context.Context, p Pull, s *pullState, f fate) (time.Duration, error) {
	if f.remove != nil {
		done, err := e.endOf(ctx, p.Number, s, string(f.remove.Reason))
		if err != nil || !done {
			return goingEvery, err
		}
		e.gone(p.Number, true)
		return time.Second, nil // there may be one in its place
	}
	if f.want == nil {
		return 0, nil
	}
	if s.own.put != s.own.subject {
		return 0, e.put(ctx, p, s, f.want)
	}
	if s.own.asleep == f.want.Asleep {
		return 0, nil
	}
	do := e.opts.Previews.Wake
	if f.want.Asleep {
		do = e.opts.Previews.Sleep
	}
	if err := do(ctx, e.id(p.Number).Preview()); err != nil {
		return 0, err
	}
	s.own.asleep = f.want.Asleep
	return 0, nil
}

// put puts what was made.
func (e *Engine) put(ctx context.Context, p Pull, s *pullState, want *previews.Preview) error {
	err := e.opts.Previews.Put(ctx, s.own.looked.made, want.Head, want.Asleep)
	if refusal, ok := errors.AsType[*RefusalError](err); ok {
		s.own.looked.verdict, s.own.looked.refused, s.own.looked.made = previews.Refused, refusal.Error(), nil
		states, err := e.opts.Previews.States(ctx)
		if err == nil && !listed(states, e.id(p.Number).Preview()) {
			e.gone(p.Number, true) // it has no place
		}
		return err
	}
	if err != nil {
		return err
	}
	o := &s.own
	o.put, o.asleep, o.runs, o.looked.made = o.subject, want.Asleep, o.looked.runs, nil
	releases := map[catalog.ReleaseID]bool{}
	for _, id := range o.runs.releases {
		releases[id] = true
	}
	e.mu.Lock()
	e.following[p.Number] = releases
	e.mu.Unlock()
	e.opts.Log.Info("preview put", "pull", p.Number, "head", want.Head, "like", want.Environment, "asleep", want.Asleep)
	return nil
}

// endOf removes the preview of a pull request of the repository. It reports whether nothing of it is left.
func (e *Engine) endOf(ctx context.Context, number int, s *pullState, why string) (bool, error) {
	s.own.put = ""
	done, err := e.end(ctx, e.id(number), why)
	if done {
		e.mu.Lock()
		delete(e.following, number)
		e.mu.Unlock()
	}
	return done, err
}

// end removes a preview from the clusters, and then the data that it wrote. It reports whether nothing of it is left.
func (e *Engine) end(ctx context.Context, of catalog.Pull, why string) (bool, error) {
	name := of.Preview()
	if err := e.opts.Previews.Remove(ctx, name, why); err != nil {
		return false, fmt.Errorf("removing it: %w", err)
	}
	states, err := e.opts.Previews.States(ctx)
	if err != nil {
		return false, fmt.Errorf("asking the clusters whether it is gone: %w", err)
	}
	if listed(states, name) {
		e.removing(of)
		return false, nil
	}
	locations, err := e.locations(of)
	if err != nil {
		return false, fmt.Errorf("looking for the data that it wrote: %w", err)
	}
	for _, location := range locations {
		if err := e.opts.Data.Check(location); err != nil {
			e.opts.Log.Error("data of a preview stay where they are", "pull", of.Number, "preview", name, "err", err.Error())
			continue
		}
		n, err := e.opts.Data.Remove(ctx, location)
		if err != nil {
			return false, err
		}
		if n > 0 {
			e.opts.Log.Info("data of a preview removed", "pull", of.Number, "preview", name, "location", location, "objects", n)
		}
	}
	e.opts.Log.Info("preview removed", "pull", of.Number, "preview", name, "why", why)
	return true, nil
}

func listed(states []PreviewState, name string) bool {
	return slices.ContainsFunc(states, func(p PreviewState) bool { return p.Name == name })
}

// removing remembers that a preview is being removed.
func (e *Engine) removing(of catalog.Pull) {
	e.previewing.mu.Lock()
	defer e.previewing.mu.Unlock()
	if there, ok := e.previewing.exists[of]; ok {
		there.Removing = true
		e.previewing.exists[of] = there
	}
}

// locations are where a preview may have written, whichever environment it was made after. Before a commit was accepted that is
// not known, and not nowhere.
func (e *Engine) locations(of catalog.Pull) (out []string, err error) {
	_, runs := e.opts.Trunk.Accepted()
	if runs == nil {
		return nil, errNotReady
	}
	base := runs.Catalog()
	for _, env := range environments(base) {
		for _, location := range catalog.PreviewData(base, env.Name, of) {
			if !slices.Contains(out, location) {
				out = append(out, location)
			}
		}
	}
	return out, nil
}

// endOwn removes the preview of a pull request that is not open any more, with everything at the forge. It returns when to look
// again; zero: nothing is left.
func (e *Engine) endOwn(ctx context.Context, p Pull, s *pullState) (time.Duration, error) {
	if e.opts.Previews == nil || s.own.over || len(e.rules()) == 0 && !e.exists(p.Number) {
		return 0, nil
	}
	name := e.id(p.Number).Preview()
	deployments, err := e.opts.Forge.DeploymentsIn(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("looking for the preview of #%d: %w", p.Number, err)
	}
	if len(deployments) == 0 && !e.exists(p.Number) {
		e.gone(p.Number, false) // it waits for no place any more
		s.own.over = true
		return 0, nil
	}
	facts := previews.Pull{Number: p.Number, State: previews.State(p.State)}
	e.decide(p.Number, &facts) // it has its place until it is gone
	done, err := e.endOf(ctx, p.Number, s, "the pull request is "+string(p.State))
	if err != nil {
		return 0, fmt.Errorf("removing the preview of #%d: %w", p.Number, err)
	}
	if !done {
		return goingEvery, nil
	}
	if err := e.opts.Forge.RemoveEnvironment(ctx, name); err != nil {
		return 0, err
	}
	e.gone(p.Number, false)
	s.own = own{over: true}
	return 0, nil
}
