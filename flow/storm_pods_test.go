// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
)

// program is what the program of a run does.
type program string

const (
	// sane writes one object when it begins and one when it ends.
	sane program = "sane"
	// fails ends with an error when it has written half.
	fails program = "fails"
	// mute writes nothing, and ends well.
	mute program = "mute"
	// stray writes beside its own folder, too: where its dataset is, and where others are.
	stray program = "stray"
	// liar writes a manifest that lists what is not there.
	liar program = "liar"
	// endless does not end before its time is over, and goes on writing until then.
	endless program = "endless"
)

// deadline is how long a run may take.
const deadline = 60 * time.Millisecond

// draw is what a program does; the caller holds no lock.
func (w *storm) draw() program {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.quiet {
		return sane
	}
	switch n := w.random.IntN(100); {
	case n < 8:
		return fails
	case n < 15:
		return mute
	case n < 25:
		return stray
	case n < 31:
		return liar
	case n < 35:
		return endless
	}
	return sane
}

// pods is a cluster whose runs take a while.
type pods struct {
	*fake

	storm *storm
	// well are how many objects each run has written that ended well, and did how many there were of each program.
	well map[string]int
	did  map[program]int
}

func (p *pods) describe() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	running, unsettled := 0, 0
	for _, j := range p.jobs {
		if j.Ended.IsZero() {
			running++
		} else if j.Outcome == "" {
			unsettled++
		}
	}
	return fmt.Sprintf("%d Jobs run, and of %d it is not written down what came of them; programs were %v", running, unsettled, p.did)
}

// of lists the Jobs of a lot.
func (p *pods) of(l lot.Lot) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out strings.Builder
	for _, j := range p.jobs {
		if j.Lot == l {
			fmt.Fprintf(&out, "; Job %s %s ended %s, failed %t, %q", j.Workload, j.Attempt, j.Ended.Format(time.TimeOnly), j.Failed, j.Outcome)
		}
	}
	return out.String()
}

// busy reports whether a Job runs, or has ended and nobody has written it down.
func (p *pods) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range p.jobs {
		if j.Outcome == "" {
			return true
		}
	}
	return false
}

func (p *pods) create(as jobs.As, o jobs.Order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j, out, ok := p.order(as, o, p.storm.now())
	if !ok {
		return
	}
	for _, j := range p.jobs {
		if j.Workload == o.Template.Workload && j.Lot == o.Lot && j.Ended.IsZero() {
			p.storm.wrong("%s of %s is run twice at once: %s and %s", j.Workload, j.Lot, j.Attempt, o.Attempt)
		}
	}
	if !p.storm.due(o.Lot) || o.Lot.Start.Before(p.storm.first()) {
		p.storm.wrong("%s of %s begins, which is not due", o.Template.Workload, o.Lot)
	}
	if o.Template.Workload == "sales/clean" {
		if wrong := p.storm.unsound("raw", o.Lot, p.well); wrong != "" {
			p.storm.wrong("%s of %s begins, and of what it reads %s", o.Template.Workload, o.Lot, wrong)
		}
	}
	out = strings.TrimPrefix(out, "s3://lake/")
	returns := ""
	for _, v := range o.Variables {
		if v.Name != "CLS_ARC_PROPS_JSON" {
			continue
		}
		var props struct{ SinkManifestTemplates map[string]string }
		if err := json.Unmarshal([]byte(v.Value.With(nil)), &props); err != nil {
			p.storm.wrong("%s of %s: %v", o.Template.Workload, o.Lot, err)
		}
		returns = strings.TrimPrefix(props.SinkManifestTemplates["main"], "s3://lake/")
	}
	p.set(j)
	does := p.storm.draw()
	p.did[does]++
	if does != mute {
		p.storm.write("lake", out+"half", o.Attempt)
	}
	go p.run(j, does, out, returns)
}

// run is what is left of a run once it has begun. It ends with the Job.
func (p *pods) run(j jobs.Job, does program, out, returns string) {
	time.Sleep(time.Duration(p.storm.dice(15)) * time.Millisecond) // it computes
	if does == endless {
		for range 4 {
			time.Sleep(deadline / 4)
			if !p.while(j, func() { p.storm.write("lake", out+fmt.Sprint("more-", p.storm.dice(100)), j.Attempt) }) {
				return
			}
		}
	}
	p.while(j, func() {
		switch does {
		case fails, endless:
			j.Failed = true
		case mute:
			p.well[j.Workload+" "+j.Lot.ID()+" "+j.Attempt+"-"+j.Tag] = 0
		case liar:
			p.storm.write("lake", out+"rest", j.Attempt)
			lie := manifest.Manifest{State: manifest.Complete, LotID: j.Lot.ID(), URIType: manifest.Identifier, URIs: []string{
				"s3://lake/" + out + "half", "s3://lake/" + out + "rest", "s3://lake/" + out + "ghost",
			}}
			p.storm.write("lake", strings.NewReplacer("{lot}", j.Lot.ID(), "{state}", "complete", "{/attempt*}", "").Replace(returns), string(lie.Encode()))
		case stray:
			for _, dataset := range []string{"raw", "clean"} {
				p.storm.write("lake", dataset+"/stray-"+j.Attempt, "it is of no lot")
				p.storm.write("lake", dataset+"/lot="+j.Lot.ID()+"/stray", "it is of no run")
			}
			fallthrough
		case sane:
			p.storm.write("lake", out+"rest", j.Attempt)
			p.well[j.Workload+" "+j.Lot.ID()+" "+j.Attempt+"-"+j.Tag] = 2
		}
		j.Ended = p.storm.now()
		p.set(j)
	})
}

// while does something that a run does, unless its Job is not there any more.
func (p *pods) while(j jobs.Job, do func()) (there bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now, is := p.jobs[j.Namespace+"/"+j.Name]; !is || now.UID != j.UID {
		return false
	}
	do()
	return true
}

// deleteOne deletes a Job by hand, if one runs.
func (p *pods) deleteOne() {
	time.Sleep(5 * time.Millisecond) // some have begun by then, or none
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(p.jobs)) {
		if j := p.jobs[name]; j.Ended.IsZero() {
			p.gone(j)
			return
		}
	}
}

// front is the cluster as a keeper of some life sees it.
type front struct {
	*pods

	life *life
}

func (f *front) Create(_ context.Context, as jobs.As, o jobs.Order) error {
	return f.life.spend(func() { f.create(as, o) })
}

func (f *front) Settle(_ context.Context, _ jobs.As, j jobs.Job, outcome string) error {
	return f.life.spend(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.note(j, outcome)
	})
}

func (f *front) Delete(_ context.Context, _ jobs.As, j jobs.Job) error {
	return f.life.spend(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if now, there := f.jobs[j.Namespace+"/"+j.Name]; there && now.UID == j.UID {
			f.gone(now)
		}
	})
}

func (f *front) Why(context.Context, jobs.As, jobs.Job) (string, error) {
	return "it ended with exit code 3", nil
}

func (f *front) Log(_ context.Context, _ jobs.As, j jobs.Job) (text string, err error) {
	err = f.life.spend(func() { text = "the log of " + j.Name + "\n" })
	return text, err
}

func (f *front) Look(_ context.Context, as jobs.As, name string) (out jobs.Looked, err error) {
	err = f.life.spend(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		out.Job = f.jobs[as.Namespace+"/"+name]
	})
	return out, err
}

func (f *front) Lingering(context.Context, jobs.As) (map[string]bool, error) {
	return nil, f.life.spend(func() {}) // a run ends with its Job
}

func (f *front) Await(_ context.Context, as jobs.As, name string) (there bool, err error) {
	err = f.life.spend(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		_, there = f.jobs[as.Namespace+"/"+name]
	})
	return there, err
}
