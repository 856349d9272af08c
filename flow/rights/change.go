// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// Change is what a merge gives an account, or takes from it, for one dataset that a workload reads or writes.
type Change struct {
	Environment, Project, Account string
	// Workload, Role and Kind are of the declaration that it follows from, which is gone if something is taken.
	Workload, Role string
	Kind           catalog.EdgeKind
	Dataset        string
	// Foreign says that the dataset is another project's.
	Foreign bool
	// Taken says that the account may do it no more; else it may from now on.
	Taken bool
	// Grants and Tables are what differs.
	Grants []Grant
	Tables []Table
}

// Whole reports whether a change is about all of a bucket.
func (c Change) Whole() bool {
	return slices.ContainsFunc(c.Grants, func(g Grant) bool { return g.Place.Folder == "" && g.Part == Whole })
}

// ChangesOf are those of some projects and environments.
func ChangesOf(changes []Change, wanted func(environment, project string) bool) (out []Change) {
	for _, c := range changes {
		if wanted(c.Environment, c.Project) {
			out = append(out, c)
		}
	}
	return out
}

// Merge says what merging does to the rights that accounts need, in environments that are of a cloud before and after it: by environment, project and
// account. That an environment is new, or its accounts are others, is said elsewhere. If the head was made by updating the base, that costs what
// differs between the two.
func Merge(base, head *catalog.Catalog) (out []Change) {
	for _, name := range touched(base, head) {
		was, is := accounts(base, name), accounts(head, name)
		for _, key := range keysOf(was, is) {
			if !inCloud(base, key[0]) || !inCloud(head, key[0]) {
				continue
			}
			before, after := was[key], is[key]
			out = append(out, differences(after, before, false)...)
			out = append(out, differences(before, after, true)...)
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int {
		return slices.Compare([]string{a.Environment, a.Project, a.Account}, []string{b.Environment, b.Project, b.Account})
	})
	return out
}

// inCloud reports whether the accounts of an environment are someone in a cloud.
func inCloud(c *catalog.Catalog, env string) bool {
	e := c.Environments[env]
	return e != nil && len(catalog.CloudOf(&e.Spec)) > 0
}

// touched are the names of the projects that may differ.
func touched(base, head *catalog.Catalog) []string {
	names, all := head.Relinked()
	if all || !head.UpdateOf(base) {
		names = append(base.ProjectNames(), head.ProjectNames()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// accounts are those of a project, by environment and name.
func accounts(c *catalog.Catalog, project string) map[[2]string]catalog.DataAccount {
	out := map[[2]string]catalog.DataAccount{}
	if p, ok := c.Project(project); ok {
		for _, a := range AccountsOf(c, p) {
			out[[2]string{a.Environment, a.Name}] = a
		}
	}
	return out
}

func keysOf(was, is map[[2]string]catalog.DataAccount) (keys [][2]string) {
	for key := range was {
		keys = append(keys, key)
	}
	for key := range is {
		if _, both := was[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return keys
}

// differences are what the uses of an account need beyond what another state of it has.
func differences(of, than catalog.DataAccount, taken bool) (out []Change) {
	have := Of(than.Uses)
	for _, u := range of.Uses {
		c := Change{
			Environment: of.Environment, Project: of.Project, Account: of.Name, Workload: u.Workload, Role: u.Role, Kind: u.Kind, Dataset: u.Dataset,
			Foreign: !strings.HasPrefix(u.Dataset, of.Project+"/"), Taken: taken,
		}
		need := Of([]catalog.DataUse{u})
		for _, g := range need.Grants {
			if g.Rights &^= have.covering(g); g.Rights != 0 {
				c.Grants = append(c.Grants, g)
			}
		}
		for _, t := range need.Tables {
			if !slices.ContainsFunc(have.Tables, func(o Table) bool { return same(o.Table, t.Table) && (o.Change || !t.Change) }) {
				c.Tables = append(c.Tables, t)
			}
		}
		if len(c.Grants)+len(c.Tables) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// covering are the rights that are there on all of a grant's objects.
func (n *Needs) covering(g Grant) (have Right) {
	for _, o := range n.Grants {
		switch {
		case o.Place.Scheme != g.Place.Scheme || o.Place.Bucket != g.Place.Bucket:
		case o.Place == g.Place && o.Part <= g.Part, o.Part == Whole && strings.HasPrefix(g.Place.Folder, o.Place.Folder):
			have |= o.Rights | implied(o.Rights)
		}
	}
	return have
}

// What says what a change is about, such as "list, read s3://lake/orders/".
func (c Change) What() string {
	var parts []string
	for _, g := range c.Grants {
		parts = append(parts, g.Rights.String()+" "+g.Where())
	}
	for _, t := range c.Tables {
		parts = append(parts, t.Right()+" "+t.Where())
	}
	return strings.Join(parts, "; ")
}
