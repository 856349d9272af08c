// SPDX-License-Identifier: Apache-2.0

// Package resource decides about what projects have made in the cloud: what a merge does to it, and what has to be done to what is there.
//
// It is pure. Of Trunkline it may import api and catalog.
package resource

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// Action is what a merge does to a resource.
type Action string

// The actions.
const (
	// Make makes one that was not declared, unless it is there already.
	Make Action = "make"
	// Alter changes some of its settings.
	Alter Action = "change"
	// Move has another project own it.
	Move Action = "move"
	// Stay leaves one as it is that is not declared any more, and Remove removes it once nothing is in it.
	Stay   Action = "stay"
	Remove Action = "remove"
)

// Change is what a merge does to a resource.
type Change struct {
	Action Action
	// Environment is where, Project whose it is after the merge, and Before whose it was if that is another one.
	Environment, Project, Before string
	Kind                         catalog.ResourceKind
	// Name is that of the resource; of a table, with that of its database, such as "orders.clean".
	Name string
	// Via is who carries it out.
	Via v1alpha1.ResourcesVia
	// Adopts takes over one that is there.
	Adopts bool
	// Fields are what is changed, such as "versioned".
	Fields []string
}

// Of is what changes of some projects and environments.
func Of(changes []Change, wanted func(environment, project string) bool) (out []Change) {
	for _, c := range changes {
		if wanted(c.Environment, c.Project) {
			out = append(out, c)
		}
	}
	return out
}

// Merge says what merging does to resources, by environment, in the order in which they are made. What is there already it does not say.
// If the head was made by updating the base, that costs what differs between the two.
func Merge(base, head *catalog.Catalog) (out []Change) {
	projects, all := head.Relinked()
	if all || !head.UpdateOf(base) {
		projects = append(base.ProjectNames(), head.ProjectNames()...)
		slices.Sort(projects)
		projects = slices.Compact(projects)
	}
	was, is := declared(base, projects), declared(head, projects)
	for _, key := range sorted(is) {
		r := is[key]
		before, there := was[key]
		c := changeOf(head, r)
		switch {
		case !there:
			c.Action, c.Adopts = Make, r.Adopt
		case before.Project != r.Project:
			c.Action, c.Before, c.Fields = Move, before.Project, fields(&before, &r)
		case before.Equal(&r):
			continue
		default:
			c.Action, c.Fields = Alter, fields(&before, &r)
		}
		out = append(out, c)
	}
	for _, key := range sorted(was) {
		r := was[key]
		if _, there := is[key]; there {
			continue
		}
		c := changeOf(base, r)
		c.Action = Stay
		if env := head.Environments[r.Environment]; r.Remove && env != nil && env.Spec.Resources != nil {
			c.Action = Remove
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), order[a.Kind]-order[b.Kind])
	})
	return out
}

// order is the one in which resources are made.
var order = map[catalog.ResourceKind]int{catalog.BucketResource: 0, catalog.DatabaseResource: 1, catalog.TableResource: 2}

// declared are the resources of some projects, by environment and id.
func declared(c *catalog.Catalog, projects []string) map[[2]string]catalog.Resource {
	out := map[[2]string]catalog.Resource{}
	for _, name := range projects {
		p, ok := c.Project(name)
		if !ok {
			continue
		}
		for env := range p.Spec.Environments {
			for _, r := range c.ResourcesIn(p, env) {
				out[[2]string{env, r.ID()}] = r
			}
		}
	}
	return out
}

func changeOf(c *catalog.Catalog, r catalog.Resource) Change {
	_, name, _ := strings.Cut(r.ID(), " ")
	return Change{Environment: r.Environment, Project: r.Project, Kind: r.Kind, Name: name, Via: c.Environments[r.Environment].Spec.Resources.Via}
}

// fields are the names of what differs.
func fields(a, b *catalog.Resource) (out []string) {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"columns", slices.Equal(a.Columns, b.Columns)},
		{"description", a.Description == b.Description},
		{"format", a.Format == b.Format},
		{"location", a.Location == b.Location},
		{"onRemoval", a.Remove == b.Remove},
		{"partitions", slices.Equal(a.Partitions, b.Partitions)},
		{"tags", maps.Equal(a.Tags, b.Tags)},
		{"versioned", a.Versioned == b.Versioned},
	} {
		if !f.same {
			out = append(out, f.name)
		}
	}
	return out
}

func sorted(m map[[2]string]catalog.Resource) [][2]string {
	return slices.SortedFunc(maps.Keys(m), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
}
