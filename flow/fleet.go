// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/flow/jobs"
)

// fleet is what is known of a cluster's templates and Jobs.
type fleet struct {
	// name is the cluster's.
	name string
	// away is set while what the cluster has cannot be followed; since is when that began, or when it began to be looked what it has.
	away  bool
	since time.Time
	// why says more of that; empty if there is no more to say.
	why string
	// leave ends watching the cluster.
	leave func()
	// lost is the same as its standing, for who works beside the loop.
	lost *atomic.Bool
	// complete is set while all that there is has been seen; told is what was since it began to be told.
	complete bool
	told     map[string]bool
	// templates are by environment, workload and name; jobs by environment, workload and lot, and name.
	templates map[string]map[string]map[string]jobs.Template
	jobs      map[string]map[arcLot]map[string]jobs.Job
	// changed are the environments of which a template changed.
	changed map[string]bool
}

func newFleet(name string) *fleet {
	return &fleet{
		name: name, leave: func() {}, lost: &atomic.Bool{}, told: map[string]bool{}, templates: map[string]map[string]map[string]jobs.Template{},
		jobs: map[string]map[arcLot]map[string]jobs.Job{}, changed: map[string]bool{},
	}
}

// has takes a Job or a template as it is now.
func (f *fleet) has(e jobs.Event) {
	if e.Job != nil {
		j := *e.Job
		j.Cluster = f.name
		f.told["job "+j.Namespace+"/"+j.Name] = true
		put(f.jobs, j.Environment, arcLot{j.Workload, j.Lot}, j.Name, j)
		return
	}
	t := e.Template
	f.told["template "+t.Namespace+"/"+t.Name] = true
	if was, ok := f.templates[t.Environment][t.Workload][t.Name]; !ok || was.Digest != t.Digest || was.UID != t.UID {
		f.changed[t.Environment] = true
	}
	put(f.templates, t.Environment, t.Workload, t.Name, *t)
}

// gone takes that a Job or a template is not there any more.
func (f *fleet) gone(e jobs.Event) {
	if j := e.Job; j != nil {
		remove(f.jobs, j.Environment, arcLot{j.Workload, j.Lot}, j.Name)
		return
	}
	t := e.Template
	if _, ok := f.templates[t.Environment][t.Workload][t.Name]; ok {
		f.changed[t.Environment] = true
		remove(f.templates, t.Environment, t.Workload, t.Name)
	}
}

// left are the Jobs and templates that were there before and that nobody told of again.
func (f *fleet) left() (events []jobs.Event) {
	for _, of := range f.jobs {
		for _, all := range of {
			for _, j := range all {
				if !f.told["job "+j.Namespace+"/"+j.Name] {
					events = append(events, jobs.Event{Kind: jobs.Gone, Job: &j})
				}
			}
		}
	}
	for _, of := range f.templates {
		for _, all := range of {
			for _, t := range all {
				if !f.told["template "+t.Namespace+"/"+t.Name] {
					events = append(events, jobs.Event{Kind: jobs.Gone, Template: &t})
				}
			}
		}
	}
	return events
}

// templateOf is that of an environment's workload where its release is. Of several, which a chart of a project's own may have, the first by
// name counts.
func (f *fleet) templateOf(d *declared, arc string) (jobs.Template, bool) {
	all := f.templates[d.name][arc]
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if t, runs := d.targets[f.name][arc]; runs && all[name].Namespace == t.as.Namespace {
			return all[name], true
		}
	}
	return jobs.Template{}, false
}

func put[K comparable, V any](m map[string]map[K]map[string]V, environment string, key K, name string, v V) {
	if m[environment] == nil {
		m[environment] = map[K]map[string]V{}
	}
	if m[environment][key] == nil {
		m[environment][key] = map[string]V{}
	}
	m[environment][key][name] = v
}

func remove[K comparable, V any](m map[string]map[K]map[string]V, environment string, key K, name string) {
	delete(m[environment][key], name)
	if len(m[environment][key]) == 0 {
		delete(m[environment], key)
	}
}
