// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/btree"
	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// DataFolder is the folder of each store below which previews write, as in "<store>/trunkline-previews/<platform>/pr-7/". No
// dataset has its path there.
const DataFolder = "trunkline-previews"

const previewPrefix = "pr-"

// previewName is reserved for previews.
var previewName = regexp.MustCompile(`^pr-([a-z0-9-]+-)?[0-9]+$`)

// Pull is a pull request: of the platform's own repository, or of a source.
type Pull struct {
	// Source names the repository; empty for the platform's own.
	Source string
	Number int
}

// Preview is the name of its preview, such as "pr-7", or "pr-orders-7" of a source. No two pull requests have the same: what is behind the
// last dash is the number, and what is between it and the prefix the source.
func (p Pull) Preview() string {
	if p.Source == "" {
		return previewPrefix + strconv.Itoa(p.Number)
	}
	return previewPrefix + p.Source + "-" + strconv.Itoa(p.Number)
}

// String says which it is, such as "#7" or "orders#7".
func (p Pull) String() string { return p.Source + "#" + strconv.Itoa(p.Number) }

// PreviewPull returns the pull request whose preview an environment is; false if its name is not that of one.
func PreviewPull(environment string) (Pull, bool) {
	rest, ok := strings.CutPrefix(environment, previewPrefix)
	var p Pull
	if i := strings.LastIndexByte(rest, '-'); i >= 0 {
		p.Source, rest = rest[:i], rest[i+1:]
	}
	var err error
	p.Number, err = strconv.Atoi(rest)
	return p, ok && err == nil && p.Number > 0 && previewName.MatchString(environment) && p.Preview() == environment
}

// PreviewOf says what a preview is made of.
type PreviewOf struct {
	// Trunk declares the environment that the preview is derived from, and what the preview may be: no pull request says that of
	// itself. The catalog of the pull request says what is deployed.
	Trunk *Catalog
	// Environment is the name of that environment, and Pull the pull request.
	Environment string
	Pull        Pull
	// Changed are the projects that the pull request changes.
	Changed []string
}

// Preview is an environment that is derived from another one for a pull request.
type Preview struct {
	// Name is that of the preview, and Of of the environment that it is derived from.
	Name, Of string
	// Projects are those that the pull request changes, and those downstream, sorted.
	Projects []string
	// Releases are in the order of their ids.
	Releases []Release
	// Catalog declares the preview in place of all other environments, so that what can be asked of an environment and its
	// releases can be asked of the preview's.
	Catalog *Catalog
	// Data are the folders, with the address of their store, below which the preview writes and nobody else does. Each ends
	// in "/".
	Data []string
}

// Bounds are those of the namespace of a release.
type Bounds struct {
	// Quota maps the names of a ResourceQuota to the most that there may be.
	Quota map[string]string
	// From are the namespaces from which pods may connect, sorted.
	From []string
}

// previewing is what a catalog knows of the preview that it declares.
type previewing struct {
	name string
	// of is the environment that it is derived from, as the trunk declares it, and declared the pull request's catalog.
	of       *v1alpha1.Environment
	declared *Catalog
	// written are the datasets that its workloads write, by id.
	written map[string]bool
	// folder is that of its data in each store, ending in "/".
	folder string
	// spaces are its namespaces, by cluster.
	spaces map[string][]string
}

// Preview derives the preview of a pull request from its catalog: of the projects that it changes, and all that come after
// them by the DAG, as far as they are deployed in the environment. What its workloads write goes below a folder of its own, and
// is read from there by those that read it; every other dataset is read from where it is in the environment. An error says
// to people why there can be no such preview.
func (c *Catalog) Preview(of PreviewOf) (*Preview, error) {
	env, ok := of.Trunk.Environments[of.Environment]
	if !ok || env.Spec.Preview == nil {
		return nil, fmt.Errorf("the environment %q has no previews: spec.preview of it says on the trunk who gets them", of.Environment)
	}
	p := &Preview{Name: of.Pull.Preview(), Of: of.Environment}
	p.Projects = c.downstream(of.Environment, of.Changed, env.Spec.Preview.Projects)
	if len(p.Projects) == 0 {
		return nil, fmt.Errorf("nothing that the pull request changes runs in the environment %q", of.Environment)
	}
	p.Catalog = c.previewing(of, env, p)
	for _, name := range p.Projects {
		project, _ := p.Catalog.projects.Get(name)
		for _, id := range p.Catalog.ReleasesOf(project) {
			if err := p.Catalog.mayPreview(of, project, id); err != nil {
				return nil, err
			}
			p.Catalog.preview.spaces[id.Cluster] = append(p.Catalog.preview.spaces[id.Cluster], p.Catalog.namespaceOf(id))
			p.Releases = append(p.Releases, p.Catalog.Release(project, id))
		}
	}
	if len(p.Releases) == 0 {
		return nil, fmt.Errorf("none of the clusters of the environment %q is declared", of.Environment)
	}
	p.Data = PreviewData(of.Trunk, of.Environment, of.Pull)
	return p, nil
}

// PreviewData returns the folders below which the preview of a pull request writes if it is derived from an environment, those of its
// manifests included, as [Preview.Data] has them.
func PreviewData(trunk *Catalog, environment string, pull Pull) (folders []string) {
	env, ok := trunk.Environments[environment]
	if !ok {
		return nil
	}
	for _, store := range sortedKeys(env.Spec.Stores) {
		if location.IsTable(env.Spec.Stores[store]) {
			continue // a preview has nothing in a catalog
		}
		folders = append(folders, under(env.Spec.Stores[store], dataFolder(trunk.Name(), pull)))
	}
	if root, _, ok := manifestsRoot(env); ok {
		folders = append(folders, under(root, dataFolder(trunk.Name(), pull)))
	}
	return folders
}

func dataFolder(platform string, pull Pull) string {
	return DataFolder + "/" + platform + "/" + pull.Preview() + "/"
}

// under returns the address of a path in a store.
func under(store, rest string) string { return strings.TrimSuffix(store, "/") + "/" + rest }

// downstream returns the projects of an environment that come after some by the DAG, with these, sorted. If some are named, it
// goes no further than them.
func (c *Catalog) downstream(env string, from, named []string) []string {
	seen := map[string]bool{}
	var queue []string
	add := func(name string) {
		p, ok := c.projects.Get(name)
		if !ok || seen[name] || len(named) > 0 && !slices.Contains(named, name) {
			return
		}
		if _, deployed := p.Spec.Environments[env]; deployed && !p.Suspended(env) {
			seen[name] = true
			queue = append(queue, name)
		}
	}
	for _, name := range from {
		add(name)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		p, _ := c.projects.Get(queue[0])
		for _, id := range p.ids {
			for _, workload := range c.successors(id) {
				reader, local, _ := strings.Cut(workload, "/")
				if q, ok := c.projects.Get(reader); ok && !q.Excludes(env, local) {
					add(reader)
				}
			}
		}
		for _, name := range c.successors(p.Name) {
			add(name)
		}
	}
	// Projects with DAGs have an Airflow of the preview's own: what is not merged yet has no business in the one that others share.
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if p, _ := c.projects.Get(name); c.DagsIn(p, env) {
			for _, a := range c.Airflows(env) {
				add(a.Project)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// previewing returns a catalog that declares a preview in place of all other environments.
func (c *Catalog) previewing(of PreviewOf, env *v1alpha1.Environment, p *Preview) *Catalog {
	next := c.derive(c.tree)
	next.parent = nil
	for _, name := range p.Projects {
		project, _ := c.projects.Get(name)
		derived, spec := *project, *project.Spec
		spec.Environments = maps.Clone(spec.Environments)
		clear(spec.Environments)
		spec.Environments[p.Name] = project.Spec.Environments[of.Environment]
		derived.Spec = &spec
		next.projects.Set(name, &derived)
	}
	f := *c.frame
	f.Environments = map[string]*v1alpha1.Environment{p.Name: previewOf(p.Name, env)}
	// What a preview costs is the trunk's to say.
	platform := *c.Platform
	platform.Spec.Rates = of.Trunk.Platform.Spec.Rates
	f.Platform, f.Clusters = &platform, map[string]*v1alpha1.Cluster{}
	for name, cluster := range of.Trunk.Clusters {
		if c.Clusters[name] != nil {
			f.Clusters[name] = cluster
		}
	}
	f.choices = newChoices(f.Clusters)
	f.preview = &previewing{
		name: p.Name, of: env, declared: c, written: map[string]bool{}, folder: dataFolder(of.Trunk.Name(), of.Pull), spaces: map[string][]string{},
	}
	for _, name := range p.Projects {
		project, _ := c.projects.Get(name)
		for _, e := range project.edges {
			w, _, ok := project.Workload(e.workload())
			if e.Kind == Writes && ok && !project.Excludes(of.Environment, w.Name) && !project.Suspends(w, of.Environment) {
				f.preview.written[e.To] = true
			}
		}
	}
	next.frame = &f
	next.airflows = &btree.Set[string]{}
	for _, name := range p.Projects {
		project, _ := next.projects.Get(name)
		for _, key := range next.airflowKeys(project) {
			next.airflows.Insert(key)
		}
	}
	return next
}

// previewOf returns the environment of a preview. What holds or protects releases is not for what comes and goes with a pull
// request; what is allowed beyond a namespace would have it meet others; and a state that fails stays, for people to look at.
func previewOf(name string, env *v1alpha1.Environment) *v1alpha1.Environment {
	rules := env.Spec.Preview
	out := &v1alpha1.Environment{Metadata: env.Metadata, Spec: v1alpha1.EnvironmentSpec{
		Clusters: env.Spec.Clusters, Namespace: cmp.Or(env.Spec.Namespace, defaultNamespace), Stores: env.Spec.Stores,
		Identity: rules.Identity, Identities: env.Spec.Identities, ServiceAccount: env.Spec.ServiceAccount,
		Defaults: env.Spec.Defaults, Rules: env.Spec.Rules, Drift: env.Spec.Drift, HealthTimeout: env.Spec.HealthTimeout,
		Orchestrator: env.Spec.Orchestrator, Airflow: env.Spec.Airflow, PodSecurity: env.Spec.PodSecurity,
		SecretStores: env.Spec.SecretStores, LotImage: env.Spec.LotImage,
	}}
	out.Metadata.Name = name
	if len(rules.Clusters) > 0 {
		out.Spec.Clusters = rules.Clusters
	}
	if !strings.Contains(out.Spec.Namespace, "<environment>") {
		out.Spec.Namespace += "-<environment>"
	}
	return out
}

// mayPreview refuses a release of a preview that would be where another one is, or whose workloads have data nowhere.
func (c *Catalog) mayPreview(of PreviewOf, p *Project, id ReleaseID) error {
	ns := c.namespaceOf(id)
	if errs := validation.IsDNS1123Label(ns); len(errs) > 0 {
		return fmt.Errorf("the namespace %q of %s is not a valid name: change spec.namespace of the environment %q", ns, id, of.Environment)
	}
	if slices.Contains(c.preview.spaces[id.Cluster], ns) {
		return fmt.Errorf("two projects of the preview would share the namespace %q: use \"<project>\" in spec.namespace of the environment %q", ns, of.Environment)
	}
	for _, declared := range []*Catalog{of.Trunk, c.preview.declared} {
		if other, taken := declared.Occupant(id.Cluster, ns); taken {
			return fmt.Errorf("the namespace %q of %s is that of %s: a preview does not use one that others have", ns, id, other)
		}
	}
	if asked, most := p.Spec.Environments[id.Environment].PodSecurity, of.reviewedSecurity(p.Name); asked.Looser(most) {
		return fmt.Errorf("%s asks for the pod security %q in the environment %q, which is not merged yet: its preview may have %q", p.Name, asked,
			of.Environment, cmp.Or(most, v1alpha1.PodsRestricted))
	}
	for _, e := range p.edges {
		dataset, local := e.From, e.workload()
		if e.Kind == Writes {
			dataset = e.To
		}
		if e.Kind != Reads && e.Kind != Writes || p.Excludes(id.Environment, local) {
			continue
		}
		if _, ok := c.locate(dataset, id.Environment, e.Kind); !ok {
			return fmt.Errorf("%s: the environment %q has no place for it on the trunk", e.Because(), of.Environment)
		}
	}
	return nil
}

// Occupant returns the release that has a namespace on a cluster; false if none is declared to.
func (c *Catalog) Occupant(cluster, namespace string) (ReleaseID, bool) {
	for rest := range below(c.spaces, strings.Join([]string{cluster, namespace, ""}, sep)) {
		project, env, _ := strings.Cut(rest, sep)
		return ReleaseID{Project: project, Environment: env, Cluster: cluster}, true
	}
	return ReleaseID{}, false
}

// reviewedSecurity is the standard that pods of a project have in the environment by what is merged: a pull request does not
// loosen it for what it runs before it is.
func (of PreviewOf) reviewedSecurity(project string) v1alpha1.PodSecurityLevel {
	level := of.Trunk.Environments[of.Environment].Spec.PodSecurity.Level
	if p, ok := of.Trunk.projects.Get(project); ok {
		level = cmp.Or(p.Spec.Environments[of.Environment].PodSecurity, level)
	}
	return level
}

// place returns where a dataset is read or written in the preview.
func (v *previewing) place(dataset string, kind EdgeKind) (uri string, ok bool) {
	p, d, ok := v.declared.Dataset(dataset)
	if !ok {
		return "", false
	}
	store, rest, ok := splitPath(d.Path)
	base, has := v.of.Spec.Stores[store]
	if !ok || !has {
		return "", false
	}
	if kind == Writes || v.written[dataset] {
		return under(base, v.folder+rest), true
	}
	_, deployed := p.Spec.Environments[v.of.Metadata.Name]
	return under(base, rest), deployed
}

// DefaultQuota is that of each namespace of a preview, for what its environment does not say.
func DefaultQuota() map[string]string {
	return map[string]string{
		"pods": "50", "requests.cpu": "16", "requests.memory": "64Gi", "persistentvolumeclaims": "10", "requests.storage": "200Gi",
		"services.loadbalancers": "0", "services.nodeports": "0",
	}
}

// bounds are those of the namespaces of the preview on a cluster.
func (v *previewing) bounds(cluster string) *Bounds {
	b := &Bounds{Quota: DefaultQuota()}
	for name, most := range v.of.Spec.Preview.Quota {
		b.Quota[name] = string(most)
	}
	b.From = slices.Concat(v.spaces[cluster], v.of.Spec.Preview.Network.From)
	slices.Sort(b.From)
	b.From = slices.Compact(b.From)
	return b
}

// hashLength is how much of a hash stands in a name that is shortened, in characters: of 40 bits.
const hashLength = 10

// Shorten returns a name of at most 63 characters: one that is longer ends in a hash of the whole, so that no two names become
// the same.
func Shorten(name string) string {
	if len(name) <= validation.DNS1123LabelMaxLength {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:validation.DNS1123LabelMaxLength-hashLength-1], "-.") + "-" + hex.EncodeToString(sum[:])[:hashLength]
}

// IsPreview reports whether an environment of the catalog is a preview.
func (c *Catalog) IsPreview(environment string) bool {
	return c.preview != nil && c.preview.name == environment
}
