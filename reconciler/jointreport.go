// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// report puts on the board, and into the log and the history, which heads are accepted and which are not.
func (j *jury) report(ctx context.Context) {
	f := j.f
	platform := j.why(ctx, "", j.platform)
	commit := status.Commit{Hash: j.platform.Commit, Subject: j.platform.Subject, Author: j.platform.Author, Time: j.platform.When}
	list := j.sources(ctx)
	f.Board.SetSource(func(s *status.Source) {
		s.Sources = list
		switch {
		case platform.Denied():
			s.Head, s.Problems = &commit, platform
		case j.platform.Commit == "" || j.platform.Commit != j.accepted[""]: // it was not fetched yet
		case f.joint.judged:
			s.Head, s.Problems = s.Accepted, f.joint.problems
		case s.Refused(): // it was, by a platform that is not the head any more
			s.Head, s.Problems = s.Accepted, nil
		}
	})
	if j.platform.Commit != "" {
		f.tell("", commit, platform)
	}
	for _, one := range list {
		if one.Head != nil {
			f.tell(one.Name, *one.Head, one.Problems)
		}
	}
}

// sources says how the repositories are doing that the platform includes, as its head or the accepted commit has it.
func (j *jury) sources(ctx context.Context) (list []status.Included) {
	platform := j.accepted[""]
	if platform == "" {
		platform = j.may
	}
	if platform == "" {
		return nil
	}
	for _, s := range j.included(ctx, platform) {
		line := LineOf(s)
		head := j.heads[line]
		one := status.Included{Name: s.Name, URL: git.Redact(s.URL), Follows: line.String(), Notice: head.notice}
		if commit := j.accepted[s.Name]; commit != "" {
			one.Accepted = &status.Commit{Hash: commit}
		}
		newest := head.Head
		if problems := j.barred[s.Name]; problems != nil {
			newest = j.newest(line)
			one.Problems = problems
		} else if newest.Commit != "" {
			one.Problems = j.why(ctx, s.Name, newest)
		}
		if newest.Commit != "" {
			one.Head = &status.Commit{Hash: newest.Commit, Subject: newest.Subject, Author: newest.Author, Time: newest.When}
		}
		if one.Accepted != nil && one.Head != nil && one.Accepted.Hash == one.Head.Hash {
			one.Accepted = one.Head
		}
		switch err := j.f.Sources.Check(line); {
		case err != nil:
			one.Error = err.Error()
		case head.err != nil:
			one.Error = head.err.Error()
		case newest.Commit == "":
			one.Error = "it was not fetched yet"
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b status.Included) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// newest is the head of a line that may not count.
func (j *jury) newest(line SourceLine) git.Head {
	j.f.inbox.mu.Lock()
	defer j.f.inbox.mu.Unlock()
	if head := j.f.inbox.sources[line].Head; head.Commit != "" {
		return head
	}
	head, _, _ := j.f.Sources.Known(line) // what cannot be read is not shown
	return head
}

// why says why the head of a repository is not accepted; nil if it is.
func (j *jury) why(ctx context.Context, name string, head git.Head) v1alpha1.Problems {
	if problems := j.barred[name]; problems != nil {
		return problems
	}
	if head.Commit == "" || j.accepted[name] == head.Commit {
		return nil
	}
	only := maps.Clone(j.accepted)
	if only == nil {
		only = compose.State{}
	}
	only[name] = head.Commit
	if name == "" {
		included := map[string]bool{"": true}
		for _, s := range j.included(ctx, head.Commit) {
			included[s.Name] = true
		}
		for n := range only {
			if !included[n] {
				delete(only, n)
			}
		}
	}
	refused := j.f.joint.refused[only.Key()]
	if refused == nil {
		if name == "" {
			return nil
		}
		return denial(head.Commit, "the commit is not accepted: the platform's own repository has no accepted commit that it could be judged with", "see what is wrong with the platform's head")
	}
	return j.named(name, refused.problems)
}

// named says of problems in other repositories which commits these are at: a head is refused for what it breaks of what is accepted.
func (j *jury) named(name string, problems v1alpha1.Problems) v1alpha1.Problems {
	out := slices.Clone(problems)
	for i, p := range out {
		of := partOf(p.Position.File)
		commit := j.accepted[of]
		if p.Severity != v1alpha1.Deny || of == name || commit == "" {
			continue
		}
		whose := fmt.Sprintf("source %q", of)
		if of == "" {
			whose = "platform's own repository"
		}
		out[i].Message += fmt.Sprintf(" (in the %s at commit %s, which is accepted)", whose, status.Short(commit))
	}
	return out
}

// tell tells once that a head of a repository is refused.
func (f *Follower) tell(name string, head status.Commit, problems v1alpha1.Problems) {
	if !problems.Denied() {
		delete(f.joint.told, name)
		return
	}
	if f.joint.told[name] == head.Hash+problems[0].String() {
		return
	}
	if f.joint.told == nil {
		f.joint.told = map[string]string{}
	}
	f.joint.told[name] = head.Hash + problems[0].String()
	f.Log.Warn("commit refused", "commit", head.Hash, "source", name, "problems", len(problems), "first", problems[0].String())
	if name != "" {
		head.Subject = name + ": " + head.Subject
	}
	f.observe(head, problems)
}
