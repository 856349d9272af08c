// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/notify"
	"trunkline.dev/trunkline/reconciler/status"
)

// Sight is how much of the platform is seen.
type Sight struct {
	// Leads reports whether this replica tells of what is no release's: the repository, clusters and commits.
	Leads bool
	// Settling reports that the daemon was started a moment ago, so that more may be so than the board has yet.
	Settling bool
	Links    Links
	// Budgets are those that do not last, and Counted reports whether that is known.
	Budgets []Budget
	Counted bool
	// Previews are those of pull requests, and Known reports whether that is known.
	Previews []Preview
	Known    bool
	// Now is what previews are about to end from.
	Now time.Time
	// Why returns why a lot of a workload failed last; empty: it is not known.
	Why func(project, environment, workload string) string
}

// Observe returns what is so, as the status board has it.
func Observe(p status.Platform, sight Sight) notify.Observation {
	w := watcher{sight: sight}
	if p.Source.Accepted == nil || sight.Settling {
		w.out.Partial = true
	}
	if sight.Leads {
		w.repository(p.Source)
		for _, c := range p.Clusters {
			w.cluster(c)
		}
	} else {
		w.blind(notify.CommitRefused, notify.RepositoryUnreachable, notify.ClusterUnreachable)
	}
	w.budgets()
	w.previews()
	for _, r := range p.Releases {
		if r.Preview == nil { // how previews are doing is told where their pull requests are
			w.release(r)
		}
	}
	return w.out
}

type watcher struct {
	sight Sight
	out   notify.Observation
}

func (w *watcher) add(c notify.Condition) { w.out.Conditions = append(w.out.Conditions, c) }

// blind says that nothing is known of topics.
func (w *watcher) blind(topics ...notify.Topic) {
	for _, t := range topics {
		w.out.Blind = append(w.out.Blind, notify.Blind{Topic: t})
	}
}

func (w *watcher) repository(s status.Source) {
	if s.Error != "" {
		w.add(notify.Condition{Topic: notify.RepositoryUnreachable, Reason: s.Error, Link: w.sight.Links.Home()})
	}
	w.refused("", s.Head, s.Problems)
	for _, i := range s.Sources {
		if i.Error != "" {
			w.add(notify.Condition{Topic: notify.RepositoryUnreachable, Subject: notify.Subject{Name: i.Name}, Reason: i.Error, Link: w.sight.Links.Home()})
		}
		w.refused(i.Name, i.Head, i.Problems)
	}
}

// refused tells of a commit that is not accepted: the platform, and each project that a problem is about.
func (w *watcher) refused(source string, head *status.Commit, problems v1alpha1.Problems) {
	if head == nil || !problems.Denied() {
		return
	}
	count, first := map[string]int{}, map[string]v1alpha1.Problem{}
	var projects []string
	for _, p := range problems {
		if p.Severity != v1alpha1.Deny {
			continue
		}
		for _, project := range unique("", p.About.Project) {
			if count[project]++; count[project] == 1 {
				first[project], projects = p, append(projects, project)
			}
		}
	}
	for _, project := range projects {
		p := first[project]
		reason := fmt.Sprintf("%s: %s", p.Position, p.Message)
		if p.Confidential {
			reason = fmt.Sprintf("%s: rule %s", p.Position, p.Rule)
		}
		if p.Hint != "" && !p.Confidential {
			reason += "; " + p.Hint
		}
		if more := count[project] - 1; more > 0 {
			reason += fmt.Sprintf(" (and %d more)", more)
		}
		c := notify.Condition{
			Topic: notify.CommitRefused, Subject: notify.Subject{Project: project, Name: source}, Mark: head.Hash, Commit: head.Of(source), Owner: head.Author,
			Reason: reason, Link: w.sight.Links.Commit(head.Of(source)),
		}
		if source != "" {
			c.Link = w.sight.Links.Home() // it is of another repository
		}
		w.add(c)
	}
}

func unique(a, b string) []string {
	if a == b {
		return []string{a}
	}
	return []string{a, b}
}

func (w *watcher) cluster(c status.Cluster) {
	subject := notify.Subject{Cluster: c.Name}
	switch {
	case !c.Reachable && c.Message == "":
		w.out.Blind = append(w.out.Blind, notify.Blind{Topic: notify.ClusterUnreachable, Subject: subject}) // it was not asked yet
	case !c.Reachable:
		w.add(notify.Condition{Topic: notify.ClusterUnreachable, Subject: subject, Reason: c.Message, Since: c.Since, Link: w.sight.Links.Home()})
	}
}

func (w *watcher) release(r status.Release) {
	id := r.ReleaseID
	subject := notify.Subject{Project: id.Project, Environment: id.Environment, Cluster: id.Cluster}
	blind := func(t notify.Topic) { w.out.Blind = append(w.out.Blind, notify.Blind{Topic: t, Subject: subject}) }
	add := func(t notify.Topic, reason string, since time.Time) {
		w.add(notify.Condition{
			Topic: t, Subject: subject, Owner: r.Owner, Commit: r.Own(), Reason: reason, Since: since, Link: w.sight.Links.Release(id.Project, id.Environment, id.Cluster),
		})
	}
	if r.Result == status.Elsewhere {
		blind("")
		return
	}
	switch {
	case r.Result == status.Failed || r.Health == status.Unhealthy || r.Health == status.Stalled && r.Result == status.Applied:
		add(notify.ReleaseFailed, because(r), r.Since)
	case r.Health == status.Unknown, r.Result == status.Pending, r.Result == status.Applying, r.Result == status.Retrying, r.Health == status.Progressing:
		blind(notify.ReleaseFailed) // it is not over before it is well
	}
	if r.Held != nil && r.Result != status.Suspended {
		add(notify.Held, held(*r.Held), time.Time{})
	}
	if reason := drifts(r.Drifts); reason != "" {
		add(notify.Drift, reason, time.Time{})
	} else if r.Health == status.Unknown {
		blind(notify.Drift)
	}
	if r.Resources != nil && r.Resources.Failed > 0 {
		add(notify.ResourceFailed, r.Resources.String(), time.Time{})
	}
	w.lots(r, subject)
}

// lots tells of each workload whose lots failed, and each dataset that is late.
func (w *watcher) lots(r status.Release, subject notify.Subject) {
	if r.Lots == nil {
		for _, t := range []notify.Topic{notify.LotFailed, notify.LotLate} {
			w.out.Blind = append(w.out.Blind, notify.Blind{Topic: t, Subject: subject})
		}
		return
	}
	add := func(t notify.Topic, name, reason string) {
		s := subject
		s.Name = name
		w.add(notify.Condition{Topic: t, Subject: s, Owner: r.Owner, Reason: reason, Link: w.sight.Links.Release(s.Project, s.Environment, s.Cluster)})
	}
	for workload := range strings.FieldsSeq(r.Lots.FailedOf) {
		reason := "a run for a lot failed"
		if w.sight.Why != nil {
			if why := w.sight.Why(subject.Project, subject.Environment, workload); why != "" {
				reason = why
			}
		}
		add(notify.LotFailed, workload, reason)
	}
	for dataset := range strings.FieldsSeq(r.Lots.LateOf) {
		add(notify.LotLate, dataset, "its newest lot is not there, and had to be by the freshness that the dataset declares")
	}
}

func because(r status.Release) string {
	reason := r.Message
	if reason == "" {
		reason = "it is not healthy"
	}
	if r.Cause != nil && r.Cause.Object != "" && !strings.Contains(reason, r.Cause.Object) {
		reason = r.Cause.Object + ": " + reason
	}
	return reason
}

func held(h status.Held) string {
	out := h.Reason
	if h.Rule != "" {
		out = h.Rule + ": " + out
	}
	switch {
	case h.Person:
		out += "; it goes on when a person says so"
	case !h.Until.IsZero():
		out += "; it goes on at " + h.Until.UTC().Format(time.RFC3339)
	}
	return out
}

// drifts says what others have changed that was left, or that they change again and again.
func drifts(all []status.Drift) string {
	const most = 3
	var parts []string
	n := 0
	for _, d := range all {
		if d.Corrected && d.Rounds < 2 {
			continue
		}
		if n++; n > most {
			continue
		}
		what := d.What
		if what == "" {
			what = strings.Join(d.Fields[:min(len(d.Fields), most)], ", ")
		}
		text := d.Object + ": " + what
		if d.Manager != "" {
			text += " by " + d.Manager
		}
		if d.Rounds > 1 {
			text += fmt.Sprintf(", put back %d times", d.Rounds)
		} else {
			text += ", left as it is"
		}
		parts = append(parts, text)
	}
	if n > most {
		parts = append(parts, fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(parts, "; ")
}
