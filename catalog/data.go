// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/pull"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// DataAccount is a service account of a project in an environment, with what the workloads that run as it read and write there. What rights in
// the cloud follow from that is decided in flow/rights.
type DataAccount struct {
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Name is that of the service account.
	Name string `json:"name"`
	// Places are where it is, by the clusters of the environment in their order.
	Places []AccountPlace `json:"places"`
	// Workloads are the names of those that run as it, as they are declared.
	Workloads []string  `json:"workloads,omitempty"`
	Uses      []DataUse `json:"uses,omitempty"`
}

// AccountPlace is a service account on a cluster.
type AccountPlace struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	// Annotations say who it is in the clouds. Principal says so where the environment does in dataAccess.
	Annotations map[string]string `json:"annotations,omitempty"`
	Principal   string            `json:"principal,omitempty"`
}

// DataUse is a dataset that a workload reads or writes in an environment.
type DataUse struct {
	Workload string   `json:"workload"`
	Role     string   `json:"role"`
	Kind     EdgeKind `json:"kind"`
	// Dataset is "project/name@version", and Store the scheme of its path.
	Dataset string `json:"dataset"`
	Store   string `json:"store"`
	// Location is where its data are, and Manifests the store of the manifests of its lots; empty if nobody keeps any.
	Location  string `json:"location"`
	Manifests string `json:"manifests,omitempty"`
	// PerLot says that the workload runs once for each lot of what it writes.
	PerLot bool `json:"perLot,omitempty"`
	// Builtin is the blueprint whose program runs; empty for a program of the project's own.
	Builtin string `json:"builtin,omitempty"`
	// Recalls says that such a program reads what it wrote for the lot before.
	Recalls bool `json:"recalls,omitempty"`
}

// DataAccounts returns the accounts of a project in an environment, by name. The project's own is there also if nothing runs as it. There are
// none in a preview: its data are written to folders of its own, as whom the environment says for all of them.
func (c *Catalog) DataAccounts(p *Project, env string) []DataAccount {
	e := c.Environments[env]
	if _, deployed := p.Spec.Environments[env]; !deployed || e == nil || c.IsPreview(env) {
		return nil
	}
	accounts := map[string]*DataAccount{p.Name: {Project: p.Name, Environment: env, Name: p.Name}}
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if p.Excludes(env, w.Name) || w.Blueprint == boundary.Blueprint { // of a boundary nothing runs
			continue
		}
		name := p.IdentityOf(w, env)
		a := accounts[name]
		if a == nil {
			a = &DataAccount{Project: p.Name, Environment: env, Name: name}
			accounts[name] = a
		}
		a.Workloads = append(a.Workloads, w.Name)
		a.Uses = append(a.Uses, c.dataUses(p, w, env)...)
	}
	var out []DataAccount
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		a := accounts[name]
		for _, cluster := range c.PlacesOf(p, env) {
			a.Places = append(a.Places, c.accountPlace(&e.Spec, ReleaseID{p.Name, env, cluster}, name))
		}
		out = append(out, *a)
	}
	return out
}

// accountPlace is who an account is on a cluster.
func (c *Catalog) accountPlace(env *v1alpha1.EnvironmentSpec, id ReleaseID, name string) AccountPlace {
	who := func(pattern string) string { return id.expand(strings.ReplaceAll(pattern, placeholderIdentity, name)) }
	at := AccountPlace{Cluster: id.Cluster, Namespace: c.namespaceOf(id)}
	for key, pattern := range env.Identity {
		if at.Annotations == nil {
			at.Annotations = map[string]string{}
		}
		at.Annotations[key] = who(pattern)
	}
	if env.DataAccess != nil {
		at.Principal = who(env.DataAccess.Principal)
	}
	return at
}

// dataUses are what a workload reads and writes, by role.
func (c *Catalog) dataUses(p *Project, w *v1alpha1.Workload, env string) (out []DataUse) {
	builtin := ""
	if bp := c.Blueprints[w.Blueprint]; bp != nil && bp.Embedded && bp.Spec.Command != nil && w.Command == nil {
		builtin = bp.Name
	}
	per := c.runsPerLot(p, w, env)
	for _, kind := range []EdgeKind{Reads, Writes} {
		refs := c.refs(p, w, env, kind)
		for _, role := range sortedKeys(refs) {
			u := DataUse{
				Workload: w.Name, Role: role, Kind: kind, Dataset: refs[role].ID, Location: refs[role].URI, PerLot: per, Builtin: builtin,
				Recalls: kind == Writes && builtin == "pull" && c.recalls(p, w, env),
			}
			u.Manifests, _ = c.Manifests(u.Dataset, env, kind)
			if _, d, ok := c.Dataset(u.Dataset); ok {
				u.Store, _, _ = splitPath(d.Path)
			}
			out = append(out, u)
		}
	}
	return append(out, c.sparkFolders(p, w, env)...)
}

// recalls reports whether a workload that fetches over HTTP asks for what changed since the lot before, which it knows from what it wrote.
func (c *Catalog) recalls(p *Project, w *v1alpha1.Workload, env string) bool {
	defaults, platform := &c.Environments[env].Spec.Defaults, &c.Platform.Spec.Defaults
	params := merge(merge(merge(platform.Params[w.Blueprint], defaults.Params[w.Blueprint]), w.Params), p.Spec.Environments[env].Workloads[w.Name].Params)
	http, over := params["http"].(map[string]any)
	return over && http["unchanged"] != string(pull.UnchangedFetch)
}

// CloudOf says in which cloud an environment's accounts are, by what it declares: those whose annotations Identity has, and that of the principal.
func CloudOf(env *v1alpha1.EnvironmentSpec) (out []Provider) {
	for _, p := range Providers() {
		_, annotated := env.Identity[p.Annotation()]
		if annotated || env.DataAccess != nil && p.owns(env.DataAccess.Principal) {
			out = append(out, p)
		}
	}
	return out
}

// Provider is a cloud.
type Provider string

// The clouds.
const (
	AWS   Provider = "aws"
	GCP   Provider = "gcp"
	Azure Provider = "azure"
)

// Providers are the clouds, in the order in which they are named.
func Providers() []Provider { return []Provider{AWS, GCP, Azure} }

// Annotation is that of service accounts that says who they are in the cloud.
func (p Provider) Annotation() string {
	switch p {
	case GCP:
		return v1alpha1.AnnotationGCP
	case Azure:
		return v1alpha1.AnnotationAzure
	case AWS:
	}
	return v1alpha1.AnnotationAWS
}

// owns reports whether a principal is one of the cloud: a role of AWS, a member of Google Cloud, or an id of Azure.
func (p Provider) owns(principal string) bool {
	aws := strings.HasPrefix(principal, "arn:")
	gcp := strings.HasPrefix(principal, "principal:") || strings.HasPrefix(principal, "serviceAccount:")
	switch p {
	case AWS:
		return aws
	case GCP:
		return gcp
	case Azure:
	}
	return principal != "" && !aws && !gcp
}

// In is who the account is in a cloud; empty if the environment does not say.
func (a AccountPlace) In(p Provider) string {
	if p.owns(a.Principal) {
		return a.Principal
	}
	return a.Annotations[p.Annotation()]
}

// Data is what rights on data the objects of a release give.
type Data struct {
	Declared v1alpha1.DataAccess `json:"declared"`
	// Region is that of catalogs; empty if the environment does not say.
	Region   string        `json:"region,omitempty"`
	Accounts []DataAccount `json:"accounts"`
}

// data is what the objects of a release give rights on: those on the first cluster of the environment, if controllers give them there.
func (c *Catalog) data(p *Project, id ReleaseID) *Data {
	env := &c.Environments[id.Environment].Spec
	if env.DataAccess == nil || env.DataAccess.Via == "" || env.Clusters[0] != id.Cluster {
		return nil
	}
	all := c.DataAccounts(p, id.Environment)
	if len(all) == 0 {
		return nil
	}
	d := &Data{Declared: *env.DataAccess, Accounts: all}
	if env.Resources != nil {
		d.Region = env.Resources.Region
	}
	return d
}
