// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// sourceGrace is how long the platform waits for repositories that were never tried: without them it may be refused for what it uses of
// them.
const sourceGrace = 30 * time.Second

// jury judges heads of several repositories, as they are at one moment.
type jury struct {
	f *Follower
	// platform is the head of the platform's own repository; empty if it was not fetched since the start.
	platform git.Head
	// may is it, or empty if it may not count; barred is why, and of sources by name.
	may    string
	barred map[string]v1alpha1.Problems
	heads  map[SourceLine]sourceHead
	// accepted is the state that is kept, and parts the composition.
	accepted compose.State
	parts    git.Composition
	// failed is the first error because of which something could not be asked.
	failed error
	// asked are the keys of the states that were asked for.
	asked map[string]bool
}

// judgeSeveral judges the heads of all repositories, if the platform has several. Of a head that may not count nothing is read.
func (f *Follower) judgeSeveral(daemon, ctx context.Context, head git.Head, barred v1alpha1.Problems) (several bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.Log.Error("judging commits of several repositories panicked", "commit", head.Commit, "panic", p, "stack", string(debug.Stack()))
			several, err = true, errInternal
			f.fail(err)
		}
	}()
	readable := head.Commit
	if barred != nil {
		readable = ""
	}
	if several, err = f.several(ctx, readable); err != nil {
		if ctx.Err() == nil {
			f.fail(err)
		}
		return several, err
	}
	if several {
		err = f.judgeAll(daemon, ctx, head, barred)
	}
	return several, err
}

// judgeAll takes the heads of all repositories of the platform to the reconciler: those that can be kept together.
func (f *Follower) judgeAll(daemon, ctx context.Context, head git.Head, barred v1alpha1.Problems) error {
	j, err := f.jury(daemon, ctx, head, barred)
	if err == nil && j == nil {
		return nil // it is asked again
	}
	if err == nil {
		err = j.judge(daemon, ctx)
	}
	switch {
	case errors.Is(context.Cause(ctx), errNewerHead):
		f.Log.Info("a newer head ends the judging of others")
		return nil
	case ctx.Err() != nil:
		return err
	case err != nil && !isUnrendered(err):
		f.fail(err)
		return err
	}
	f.source.judged(f.Board, nil)
	return err
}

// jury looks at what there is to judge; nil if a source has not been tried yet.
func (f *Follower) jury(daemon, ctx context.Context, head git.Head, barred v1alpha1.Problems) (*jury, error) {
	j := &jury{f: f, platform: head, may: head.Commit, barred: map[string]v1alpha1.Problems{}, asked: map[string]bool{}}
	if barred != nil {
		j.may, j.barred[""] = "", barred
	} else if f.barred != nil && f.barred.commit != head.Commit {
		f.barred = nil
	}
	if err := j.read(); err != nil {
		return nil, err
	}
	var newest, kept *catalog.Catalog
	var err error
	if j.may != "" {
		if newest, err = f.platform(ctx, j.may); err != nil {
			return nil, err
		}
	}
	if j.parts.Platform != "" {
		if kept, err = f.platform(ctx, j.parts.Platform); err != nil {
			return nil, err
		}
	}
	j.heads = f.follow(newest, kept)
	if j.waits(newest) {
		return nil, nil
	}
	for _, c := range []*catalog.Catalog{newest, kept} {
		if c != nil && c.Platform != nil {
			f.Reconciler.prepare(c.Name())
		}
	}
	return j, j.admit(daemon, ctx, newest, kept)
}

// read finds out what is accepted.
func (j *jury) read() error {
	parts, known, err := j.f.acceptedParts()
	if err != nil || !known {
		return err
	}
	j.parts, j.accepted = parts, compose.State{"": parts.Platform}
	for _, p := range parts.Sources {
		j.accepted[p.Name] = p.Commit
	}
	return nil
}

// waits reports whether a source is to be tried first, which has that looked at again: it is waited for once, and not for long.
func (j *jury) waits(newest *catalog.Catalog) (waiting bool) {
	if newest == nil || newest.Platform == nil {
		return false
	}
	f := j.f
	for _, s := range newest.Sources() {
		line := LineOf(s)
		if head := j.heads[line]; head.tried || head.Commit != "" || j.accepted[s.Name] != "" || f.Sources.Check(line) != nil {
			continue
		}
		if waiting = true; f.joint.graced[line] {
			continue
		}
		if f.joint.graced == nil {
			f.joint.graced = map[SourceLine]bool{}
		}
		f.joint.graced[line] = true
		time.AfterFunc(f.grace(), func() {
			f.inbox.source(line, func(s *sourceHead) { s.tried = true })
		})
	}
	return waiting
}

func (f *Follower) grace() time.Duration {
	if f.Grace > 0 {
		return f.Grace
	}
	return sourceGrace
}

// admit finds out which heads of sources may count at all.
func (j *jury) admit(daemon, ctx context.Context, platforms ...*catalog.Catalog) error {
	f := j.f
	seen := map[SourceLine]bool{}
	for _, c := range platforms {
		if c == nil {
			continue
		}
		for _, s := range c.Sources() {
			line := LineOf(s)
			head := j.heads[line]
			if seen[line] || head.Commit == "" || head.Commit == j.accepted[s.Name] {
				continue
			}
			seen[line] = true
			problems, err := f.admitPart(daemon, ctx, s.Name, head.Head, f.Sources.Admission(s.Name), j.accepted[s.Name])
			if err != nil {
				return err
			}
			if problems != nil {
				j.barred[s.Name] = problems
				head.Head = git.Head{}
				j.heads[line] = head
			}
		}
	}
	return nil
}

// input is what the next state is chosen by.
func (j *jury) input(ctx context.Context) compose.Input {
	return compose.Input{
		Accepted: j.accepted, Platform: j.may,
		Heads: func(platform string) compose.State {
			s := compose.State{}
			for _, one := range j.included(ctx, platform) {
				s[one.Name] = j.heads[LineOf(one)].Commit
			}
			return s
		},
		Refused: func(s compose.State) ([]string, bool) {
			key := s.Key()
			j.asked[key] = true
			r, refused := j.f.joint.refused[key]
			if !refused {
				return nil, false
			}
			return r.blamed, true
		},
	}
}

// included are the repositories that a commit of the platform's includes.
func (j *jury) included(ctx context.Context, platform string) []v1alpha1.IncludedRepository {
	c, err := j.f.platform(ctx, platform)
	if err != nil {
		j.failed = errors.Join(j.failed, err)
		return nil
	}
	if c.Platform == nil {
		return nil
	}
	return c.Sources()
}

// judge tries states until there is none left.
func (j *jury) judge(daemon, ctx context.Context) error {
	f := j.f
	var unrendered error
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, more := j.input(ctx).Next()
		if j.failed != nil {
			return j.failed
		}
		if !more {
			break
		}
		err := j.try(daemon, ctx, next)
		if isUnrendered(err) {
			unrendered, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	maps.DeleteFunc(f.joint.refused, func(key string, _ *refusal) bool { return !j.asked[key] })
	if err := j.again(ctx, &unrendered); err != nil {
		return err
	}
	j.confirm()
	j.report(ctx)
	return unrendered
}

// again takes the accepted commit once more, if not all releases have it, or some of them were not rendered.
func (j *jury) again(ctx context.Context, unrendered *error) error {
	f := j.f
	accepted, known, err := f.Store.Accepted()
	if err == nil && !known && j.parts.Platform != "" {
		accepted, err = j.restore(ctx)
	}
	if err != nil {
		return err
	}
	if accepted == "" {
		return nil
	}
	unfinished := f.unfinished != nil && f.unfinished.Hash == accepted
	tried := *unrendered != nil
	if !unfinished && (tried || f.unrendered.commit != accepted) {
		return nil //nolint:nilerr // that something was not rendered is said by who judges
	}
	rev := Revision{Commit: status.Commit{Hash: accepted}, Again: !unfinished, Judged: func(p v1alpha1.Problems) { f.joint.problems, f.joint.judged = p, true }}
	if unfinished {
		rev.Commit = *f.unfinished
	}
	rev.Persist = func(context.Context) error { return f.Store.SetAccepted(accepted) }
	err = f.take(ctx, rev)
	f.noteRendered(accepted, err)
	if isUnrendered(err) {
		*unrendered, err = err, nil
	}
	return err
}

// restore makes the accepted commit again that a store which was repaired has lost, and records it.
func (j *jury) restore(ctx context.Context) (string, error) {
	f := j.f
	commit := j.parts.Platform
	if len(j.parts.Sources) > 0 {
		var err error
		if commit, err = f.Sources.Store.Compose(ctx, j.parts); err != nil {
			return "", err
		}
	}
	f.Log.Info("the accepted commit was lost and is recorded again", "commit", commit)
	return commit, f.Store.SetAccepted(commit)
}

// try judges a state.
func (j *jury) try(daemon, ctx context.Context, next compose.State) error {
	f := j.f
	parts, commit, refused, err := j.compose(ctx, next)
	if err != nil {
		return err
	}
	if refused != nil {
		j.refuse(next, refused.problems, refused.blamed)
		return nil
	}
	moved := next.Moved(j.accepted)
	f.inbox.judges(j.lines(ctx, next, moved))
	rev := Revision{Commit: j.describe(ctx, parts, commit, next, moved), Base: f.base, Persist: func(context.Context) error {
		for _, p := range parts.Sources {
			if err := f.Sources.Keep(p.Name, p.Commit); err != nil {
				return err
			}
		}
		return f.Store.SetAccepted(commit)
	}}
	var told v1alpha1.Problems
	rev.Judged = func(p v1alpha1.Problems) { told = p }
	j.compare(daemon, ctx, &rev, next[""])
	doubtful, unseen := rev.Compare != nil, f.joint.unseen
	err = f.take(ctx, rev)
	if rewritten, ok := errors.AsType[*rewrittenError](err); ok {
		// It is looked at again after every fetch, as [Follower.bar] has it.
		problems := rewrite(next[""], rewritten)
		f.barred, j.barred[""], j.may = &barred{next[""], problems}, problems, ""
		return nil
	}
	switch {
	case err == nil && told.Denied():
		j.refuse(next, told, j.blame(told))
		return nil
	case err == nil, isUnrendered(err):
		f.noteRendered(commit, err)
		f.joint.problems, f.joint.judged, f.joint.doubtful, f.joint.unseen = told, true, doubtful, unseen
		j.accepted, j.parts = next, parts
		f.observe(rev.Commit, told)
		return err
	}
	if unfinished, ok := errors.AsType[*UnfinishedError](err); ok { // it is accepted, and taken once more
		f.observe(rev.Commit, unfinished.Problems)
	}
	return err
}

func (f *Follower) observe(commit status.Commit, problems v1alpha1.Problems) {
	if f.Observe != nil {
		f.Observe(Judged{Commit: commit, Problems: problems})
	}
}

// lines are the heads of sources that are judged by a state.
func (j *jury) lines(ctx context.Context, s compose.State, moved []string) map[SourceLine]string {
	out := map[SourceLine]string{}
	for _, one := range j.included(ctx, s[""]) {
		if slices.Contains(moved, one.Name) {
			out[LineOf(one)] = s[one.Name]
		}
	}
	return out
}

// describe says of a joint commit what people are told: the newest of what it brings.
func (j *jury) describe(ctx context.Context, parts git.Composition, commit string, s compose.State, moved []string) status.Commit {
	out := status.Commit{Hash: commit}
	if len(parts.Sources) > 0 {
		out.Parts = parts.String()
	}
	take := func(name string, head git.Head) {
		if head.Commit != s[name] || !slices.Contains(moved, name) || out.Subject != "" && !head.When.After(out.Time) {
			return
		}
		out.Subject, out.Author, out.Time = head.Subject, head.Author, head.When
		if name != "" {
			out.Subject = name + ": " + head.Subject
		}
	}
	take("", j.platform)
	for _, one := range j.included(ctx, s[""]) {
		take(one.Name, j.heads[LineOf(one)].Head)
	}
	return out
}
