// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// Summary counts releases.
type Summary struct {
	Total int `json:"total"`
	// Fine are those that need nobody to look at them.
	Fine    int                   `json:"fine"`
	Held    int                   `json:"held"`
	Drifted int                   `json:"drifted"`
	Results map[status.Result]int `json:"results"`
	Healths map[status.Health]int `json:"healths"`
}

func newSummary() Summary {
	return Summary{Results: map[status.Result]int{}, Healths: map[status.Health]int{}}
}

func (s *Summary) add(r status.Release) {
	s.Total++
	s.Results[r.Result]++
	s.Healths[r.Health]++
	for counter, counts := range map[*int]bool{&s.Fine: r.Fine(), &s.Held: r.Held != nil, &s.Drifted: r.Drifted()} {
		if counts {
			*counter++
		}
	}
}

// Status is how the platform is doing as a whole.
type Status struct {
	status.Overview

	// Fine reports whether there is nothing to look at.
	Fine     bool    `json:"fine"`
	Releases Summary `json:"releases"`
	// Daemon is the one that answers; nil if it does not say.
	Daemon *Daemon `json:"daemon,omitempty"`
}

// Daemon is what there is to say of a daemon itself.
type Daemon struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Fetched is when the repository was read last, and Poll how often it is to be, in seconds.
	Fetched time.Time `json:"fetched,omitzero"`
	Poll    float64   `json:"poll"`
}

func (c *console) status(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	p := c.snapshot(c.sight(r))
	s := Status{
		Overview: status.Overview{Name: p.Name, Revision: p.Revision, Time: p.Time, Source: p.Source, Replica: p.Replica}, Fine: p.Fine(), Releases: newSummary(),
	}
	for _, release := range p.Releases {
		s.Releases.add(release)
	}
	if c.opts.Daemon != nil {
		d := c.opts.Daemon()
		s.Daemon = &d
	}
	c.answer(w, http.StatusOK, s)
	return nil
}

// Project is a project that is declared, or that releases are left of.
type Project struct {
	Name         string   `json:"name"`
	Owner        string   `json:"owner,omitempty"`
	Environments []string `json:"environments"`
	Datasets     int      `json:"datasets"`
	Workloads    int      `json:"workloads"`
	Releases     Summary  `json:"releases"`
}

// Environment is an environment that is declared, or that releases are left of.
type Environment struct {
	Name     string   `json:"name"`
	Clusters []string `json:"clusters"`
	Releases Summary  `json:"releases"`
}

// Cluster is a cluster that the daemon was told of.
type Cluster struct {
	status.Cluster

	Releases Summary `json:"releases"`
}

// list answers with the page of things that a query asks for.
func list[T any](c *console, w http.ResponseWriter, q *query, things []T, name func(T) string, match func(T) bool) error {
	part := q.window()
	if err := q.done(); err != nil {
		return err
	}
	things = slices.DeleteFunc(things, func(t T) bool { return !match(t) })
	slices.SortFunc(things, func(a, b T) int { return cmp.Compare(name(a), name(b)) })
	c.answer(w, http.StatusOK, pageOf(things, name, part))
	return nil
}

// single answers with the thing of a name.
func single[T any](c *console, w http.ResponseWriter, r *http.Request, things []T, name func(T) string, what string) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	var names []string
	for _, t := range things {
		if name(t) == r.PathValue(what) {
			c.answer(w, http.StatusOK, t)
			return nil
		}
		names = append(names, name(t))
	}
	return unknown(what, r.PathValue(what), names)
}

func projectName(p Project) string { return p.Name }

func (c *console) projects(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	owners, environments := q.many("owner"), q.many("environment")
	return list(c, w, q, c.allProjects(c.sight(r)), projectName, func(p Project) bool {
		in := len(environments) == 0 || slices.ContainsFunc(p.Environments, func(e string) bool { return slices.Contains(environments, e) })
		return in && passes(owners, p.Owner)
	})
}

func (c *console) project(w http.ResponseWriter, r *http.Request) error {
	return single(c, w, r, c.allProjects(c.sight(r)), projectName, "project")
}

func (c *console) allProjects(s *sight) []Project {
	all := map[string]*Project{}
	get := func(name string) *Project {
		if all[name] == nil {
			all[name] = &Project{Name: name, Environments: []string{}, Releases: newSummary()}
		}
		return all[name]
	}
	if cat := c.opts.Catalog(); cat != nil {
		for declared := range cat.Projects() {
			if !s.sees(declared.Name, "") {
				continue
			}
			p := get(declared.Name)
			p.Owner, p.Datasets, p.Workloads = declared.Spec.Owner, len(declared.Spec.Datasets), len(declared.Spec.Workloads)
			for _, id := range cat.ReleasesOf(declared) {
				p.Environments = append(p.Environments, id.Environment)
			}
		}
	}
	for _, release := range c.snapshot(s).Releases {
		p := get(release.Project)
		p.Owner = cmp.Or(p.Owner, release.Owner)
		p.Environments = append(p.Environments, release.Environment)
		p.Releases.add(release)
	}
	return values(all, func(p *Project) { p.Environments = distinct(p.Environments) })
}

func environmentName(e Environment) string { return e.Name }

func (c *console) environments(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	clusters := q.many("cluster")
	return list(c, w, q, c.allEnvironments(c.sight(r)), environmentName, func(e Environment) bool {
		return len(clusters) == 0 || slices.ContainsFunc(e.Clusters, func(name string) bool { return slices.Contains(clusters, name) })
	})
}

func (c *console) environment(w http.ResponseWriter, r *http.Request) error {
	return single(c, w, r, c.allEnvironments(c.sight(r)), environmentName, "environment")
}

func (c *console) allEnvironments(s *sight) []Environment {
	all := map[string]*Environment{}
	get := func(name string) *Environment {
		if all[name] == nil {
			all[name] = &Environment{Name: name, Clusters: []string{}, Releases: newSummary()}
		}
		return all[name]
	}
	if cat := c.opts.Catalog(); cat != nil {
		for name, declared := range cat.Environments {
			if !s.sees("", name) {
				continue
			}
			get(name).Clusters = append(get(name).Clusters, declared.Spec.Clusters...)
		}
	}
	for _, release := range c.snapshot(s).Releases {
		e := get(release.Environment)
		e.Clusters = append(e.Clusters, release.Cluster)
		e.Releases.add(release)
	}
	return values(all, func(e *Environment) { e.Clusters = distinct(e.Clusters) })
}

func clusterName(cl Cluster) string { return cl.Name }

func (c *console) clusters(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	reachable := q.flag("reachable")
	return list(c, w, q, c.allClusters(c.sight(r)), clusterName, func(cl Cluster) bool { return reachable == nil || *reachable == cl.Reachable })
}

func (c *console) cluster(w http.ResponseWriter, r *http.Request) error {
	return single(c, w, r, c.allClusters(c.sight(r)), clusterName, "cluster")
}

func (c *console) allClusters(s *sight) []Cluster {
	p := c.snapshot(s)
	all := map[string]*Cluster{}
	for _, known := range p.Clusters {
		all[known.Name] = &Cluster{Cluster: known, Releases: newSummary()}
	}
	for _, release := range p.Releases {
		if cl := all[release.Cluster]; cl != nil {
			cl.Releases.add(release)
		}
	}
	return values(all, func(*Cluster) {})
}

// values returns the values of a map by their keys, each finished.
func values[T any](all map[string]*T, finish func(*T)) []T {
	out := make([]T, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		finish(all[name])
		out = append(out, *all[name])
	}
	return out
}

func distinct(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
