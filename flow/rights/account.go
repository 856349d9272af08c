// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// Principal is someone in a cloud, and all who are it: the rights of one are those of all.
type Principal struct {
	Cloud catalog.Provider
	// Name is the role of AWS, the account or principal of Google Cloud, or the id of Azure.
	Name string
	// Members are the service accounts that are it, by environment, project, name and cluster.
	Members []Member
	// Workloads are those that run as it, as "project/workload in environment", sorted.
	Workloads []string
	Needs
}

// Member is a service account on a cluster.
type Member struct{ Environment, Project, Account, Cluster, Namespace string }

// Subject is what the cluster calls it in tokens.
func (m Member) Subject() string { return "system:serviceaccount:" + m.Namespace + ":" + m.Account }

// Principals finds who accounts are in a cloud. Those for whom nothing says so are left out. The order is that of their names.
func Principals(accounts []catalog.DataAccount, cloud catalog.Provider) []Principal {
	found := map[string]*Principal{}
	uses := map[string][]catalog.DataUse{}
	var names []string
	for _, a := range accounts {
		told := map[string]bool{}
		for _, at := range a.Places {
			name := at.In(cloud)
			if name == "" {
				continue
			}
			p := found[name]
			if p == nil {
				p = &Principal{Cloud: cloud, Name: name}
				found[name], names = p, append(names, name)
			}
			p.Members = append(p.Members, Member{a.Environment, a.Project, a.Name, at.Cluster, at.Namespace})
			if told[name] {
				continue
			}
			told[name] = true
			uses[name] = append(uses[name], a.Uses...)
			for _, w := range a.Workloads {
				p.Workloads = append(p.Workloads, a.Project+"/"+w+" in "+a.Environment)
			}
		}
	}
	slices.Sort(names)
	out := make([]Principal, 0, len(names))
	for _, name := range names {
		p := found[name]
		slices.SortFunc(p.Members, func(a, b Member) int {
			return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(a.Project, b.Project), strings.Compare(a.Account, b.Account),
				strings.Compare(a.Cluster, b.Cluster))
		})
		slices.Sort(p.Workloads)
		p.Needs = Of(uses[name])
		out = append(out, *p)
	}
	return out
}

// Accounts are those of all projects in all environments.
func Accounts(c *catalog.Catalog) (out []catalog.DataAccount) {
	for p := range c.Projects() {
		out = append(out, AccountsOf(c, p)...)
	}
	return out
}

// AccountsOf are those of a project, by environment.
func AccountsOf(c *catalog.Catalog, p *catalog.Project) (out []catalog.DataAccount) {
	environments := make([]string, 0, len(p.Spec.Environments))
	for env := range p.Spec.Environments {
		environments = append(environments, env)
	}
	slices.Sort(environments)
	for _, env := range environments {
		out = append(out, c.DataAccounts(p, env)...)
	}
	return out
}
