// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// inEnvironment checks what an environment and its clusters decide.
func (k *checker) inEnvironment(p *Project, env string) {
	spec := &k.c.Environments[env].Spec
	for i := range p.Spec.Datasets {
		store, _, ok := splitPath(p.Spec.Datasets[i].Path)
		if _, has := spec.Stores[store]; ok && !has {
			k.unknown(RuleStore, []any{"spec", "datasets", i, "path"}, fmt.Sprintf("the environment %q has no store %q", env, store), store,
				func() []string { return sortedKeys(spec.Stores) })
			k.findings[len(k.findings)-1].Cause = env + "/" + store
		}
		k.table(p, i, env)
	}
	k.placement(p, env)
	k.lotPlaces(p, env)
	k.resourcesIn(p, env)
	k.secretsIn(p, env)
	k.sparksIn(p, env)
	k.sameSchedule(p, env)
	for _, e := range p.edges {
		if e.Kind != Reads {
			continue
		}
		owner, _, _ := strings.Cut(e.From, "/")
		if owner == p.Name {
			continue
		}
		other, _ := k.c.projects.Get(owner)
		if _, deployed := other.Spec.Environments[env]; !deployed && !p.Excludes(env, e.workload()) && k.knowsEnvironments(other) {
			_, i, _ := p.Workload(e.workload())
			k.at(RuleDeployed, []any{"spec", "workloads", i, "reads", e.Role}, fmt.Sprintf(
				"%s is read in environment %q, but its project %q is not deployed there", e.From, env, owner),
				"add the environment to that project, or remove it from this one")
			k.findings[len(k.findings)-1].Cause = owner + "/" + env
		}
	}
	k.deployedBefore(p, env)
	over := p.Spec.Environments[env]
	if most := cmp.Or(spec.PodSecurity.Allow, spec.PodSecurity.Level); over.PodSecurity.Looser(most) {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "environments", env, "podSecurity"}, fmt.Sprintf("%q is less strict than the environment %q allows, which is %q",
			over.PodSecurity, env, cmp.Or(most, v1alpha1.PodsRestricted)), "to allow it, name it in spec.podSecurity.allow of the environment")
	}
	for ci, cluster := range spec.Clusters {
		if k.c.Clusters[cluster] == nil || slices.Contains(spec.Clusters[:ci], cluster) {
			continue
		}
		k.size(over.Size, cluster, "spec", "environments", env, "size")
		for i := range p.Spec.Workloads {
			w := &p.Spec.Workloads[i]
			switch mine := over.Workloads[w.Name]; {
			case mine.Size != "":
				k.size(mine.Size, cluster, "spec", "environments", env, "workloads", w.Name, "size")
			case over.Size == "":
				k.size(w.Size, cluster, "spec", "workloads", i, "size")
			}
		}
		id := ReleaseID{Project: p.Name, Environment: env, Cluster: cluster}
		k.namespace(p, id)
		k.account(p, id)
	}
}

// table checks a dataset that an environment has as a table of a catalog.
func (k *checker) table(p *Project, i int, env string) {
	store, rest, ok := splitPath(p.Spec.Datasets[i].Path)
	at := under(k.c.Environments[env].Spec.Stores[store], rest)
	if !ok || !location.IsTable(at) {
		return
	}
	if _, err := location.ParseTable(at); err != nil {
		k.at(RulePath, []any{"spec", "datasets", i, "path"}, fmt.Sprintf("in the environment %q, %s", env, err),
			fmt.Sprintf("write database and table, as in %q", store+"://sales/orders"))
	}
}

// knowsEnvironments reports whether all environments of a project are known: one that is not may be this one, misspelt.
func (k *checker) knowsEnvironments(p *Project) bool {
	for env := range p.Spec.Environments {
		if k.c.Environments[env] == nil {
			return false
		}
	}
	return true
}

// namespace checks that of a release, and keeps it for the comparison with all others.
func (k *checker) namespace(p *Project, id ReleaseID) {
	ns := k.c.namespaceOf(id)
	switch {
	case placeholder.MatchString(ns): // reported with the environment
		return
	case len(validation.IsDNS1123Label(ns)) > 0:
		k.at(RuleNamespace, []any{"metadata", "name"}, fmt.Sprintf("the namespace %q of %s is not a valid name: at most %d characters, "+
			"lower-case letters, digits and dashes", ns, id, validation.DNS1123LabelMaxLength),
			fmt.Sprintf("shorten the name, or change spec.namespace in %s", k.c.first(docKey{v1alpha1.KindEnvironment, id.Environment}).File))
	case ns == SystemNamespace || ns == "default" || strings.HasPrefix(ns, "kube-"):
		k.at(RuleNamespace, []any{"metadata", "name"}, fmt.Sprintf("the namespace %q of %s is reserved", ns, id), "")
	}
	p.spaces = append(p.spaces, strings.Join([]string{id.Cluster, ns, id.Project, id.Environment}, sep))
}

// namespaceOf returns the namespace of a release.
func (c *Catalog) namespaceOf(id ReleaseID) string {
	name := id.expand(cmp.Or(c.Environments[id.Environment].Spec.Namespace, defaultNamespace))
	if c.preview != nil {
		return Shorten(name) // nobody has declared the environment, who could choose another name
	}
	return name
}
