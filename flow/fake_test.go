// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/flow/jobs"
)

// fake is a cluster that is played: the templates of the two workloads, Jobs, and who is told of them. What runs do is for who embeds it.
type fake struct {
	name string

	mu sync.Mutex
	// tells are who watches.
	tells map[int]func(jobs.Event)
	jobs  map[string]jobs.Job
	uid   int
	// templates are those of the two workloads.
	templates []*jobs.Template
	// away is set while nobody can reach it. Its runs go on.
	away bool
	// unseen are the Jobs that went while nobody could.
	unseen []jobs.Job
}

func newFake(name string) *fake {
	return &fake{name: name, tells: map[int]func(jobs.Event){}, jobs: map[string]jobs.Job{}, templates: []*jobs.Template{template("orders", "land"), template("sales", "clean")}}
}

func template(project, workload string) *jobs.Template {
	return &jobs.Template{Namespace: project + "-dev", Name: workload, Environment: "dev", Workload: project + "/" + workload, Digest: "1", Command: []string{"run"}}
}

func (f *fake) Name() string { return f.name }

func (f *fake) Watch(ctx context.Context, tell func(jobs.Event)) {
	f.mu.Lock()
	say := f.to(tell)
	say(jobs.Event{Kind: jobs.Begins})
	if f.away {
		say(jobs.Event{Kind: jobs.Away})
	} else {
		f.all(say)
		say(jobs.Event{Kind: jobs.Complete})
	}
	f.uid++
	who := f.uid
	f.tells[who] = tell
	f.mu.Unlock()
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tells, who)
}

func (f *fake) to(tell func(jobs.Event)) func(jobs.Event) {
	return func(e jobs.Event) { e.Cluster = f.name; tell(e) }
}

// say tells all who watch. The caller holds the lock, as of all that follows but for what takes it.
func (f *fake) say(e jobs.Event) {
	for _, tell := range f.tells {
		f.to(tell)(e)
	}
}

// all tells of all that is there.
func (f *fake) all(say func(jobs.Event)) {
	for _, t := range f.templates {
		say(jobs.Event{Kind: jobs.Has, Template: t})
	}
	for _, j := range f.jobs {
		say(jobs.Event{Kind: jobs.Has, Job: &j})
	}
}

// set has a Job be as it is now, and gone be no more.
func (f *fake) set(j jobs.Job) {
	f.jobs[j.Namespace+"/"+j.Name] = j
	if !f.away {
		f.say(jobs.Event{Kind: jobs.Has, Job: &j})
	}
}

func (f *fake) gone(j jobs.Job) {
	delete(f.jobs, j.Namespace+"/"+j.Name)
	if f.away {
		f.unseen = append(f.unseen, j)
		return
	}
	f.say(jobs.Event{Kind: jobs.Gone, Job: &j})
}

// order is the Job that is ordered, and where it is to write; false if there is one of its name.
func (f *fake) order(as jobs.As, o jobs.Order, now time.Time) (j jobs.Job, out string, ok bool) {
	if _, there := f.jobs[as.Namespace+"/"+o.Name]; there {
		return jobs.Job{}, "", false
	}
	f.uid++
	for _, v := range o.Variables {
		if v.Name == "TRUNKLINE_WRITE_MAIN" {
			out = v.Value.With(nil)
		}
	}
	return jobs.Job{
		Namespace: as.Namespace, Name: o.Name, UID: types.UID(fmt.Sprint(f.name, f.uid)), Environment: "dev", Workload: o.Template.Workload, Lot: o.Lot,
		Attempt: o.Attempt, Inputs: o.Inputs, Replaces: o.Replaces, Tag: o.Tag, Created: now, Timeout: o.Template.Timeout,
	}, out, true
}

// note notes at a Job what came of it.
func (f *fake) note(j jobs.Job, outcome string) {
	if now, there := f.jobs[j.Namespace+"/"+j.Name]; there && now.UID == j.UID {
		now.Outcome = outcome
		f.set(now)
	}
}

// deploy has a template in place of the one that its workload has. It takes the lock.
func (f *fake) deploy(t jobs.Template) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.templates {
		if f.templates[i].Workload == t.Workload {
			f.templates[i] = &t
		}
	}
	f.say(jobs.Event{Kind: jobs.Has, Template: &t})
}

// remove removes Jobs as a person does. It takes the lock.
func (f *fake) remove(which func(jobs.Job) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.jobs {
		if which(j) {
			f.gone(j)
		}
	}
}

// cut has nobody reach it any more, and restore that they do again. They take the lock.
func (f *fake) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = true
	f.say(jobs.Event{Kind: jobs.Away})
}

func (f *fake) restore() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = false
	for _, j := range f.unseen {
		f.say(jobs.Event{Kind: jobs.Gone, Job: &j})
	}
	f.unseen = nil
	f.all(f.say)
	f.say(jobs.Event{Kind: jobs.Back})
	f.say(jobs.Event{Kind: jobs.Complete})
}

// answers is what each request to it comes to at first.
func (f *fake) answers() error {
	if f.away {
		return errors.New("connection refused")
	}
	return nil
}

func path(out string) string { return strings.TrimPrefix(out, "file://") }
