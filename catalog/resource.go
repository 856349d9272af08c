// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// ResourceKind is what a resource is.
type ResourceKind string

// The kinds, in the order in which they are made.
const (
	BucketResource   ResourceKind = "bucket"
	DatabaseResource ResourceKind = "database"
	TableResource    ResourceKind = "table"
)

// Resource is what is made in the cloud for a project in an environment, with everything resolved that the environment decides.
type Resource struct {
	Kind                 ResourceKind
	Project, Environment string
	// Name is that of the bucket, the database or the table; Database is the one that a table is in.
	Name, Database string
	// Remove has it removed once it is not declared any more, if nothing is in it; Adopt takes over one that is there.
	Remove, Adopt bool
	// Suspended leaves it as it is.
	Suspended bool

	// Versioned and Tags are of buckets.
	Versioned bool
	Tags      map[string]string
	// Description is of databases and tables, and what follows of tables. Location ends in "/".
	Description string
	Location    string
	Format      v1alpha1.TableFormat
	Columns     []v1alpha1.Column
	Partitions  []v1alpha1.Column
}

// ID names the resource among all of an environment, such as "bucket acme-orders" or "table orders.clean".
func (r *Resource) ID() string {
	if r.Kind == TableResource {
		return string(r.Kind) + " " + r.Database + "." + r.Name
	}
	return string(r.Kind) + " " + r.Name
}

// ResourcesIn returns what a project has made in an environment, buckets first, then databases, then tables, as they are declared. It is
// nothing where the environment does not say how, as in a preview, or the project is not there.
func (c *Catalog) ResourcesIn(p *Project, env string) (out []Resource) {
	e := c.Environments[env]
	if _, deployed := p.Spec.Environments[env]; !deployed || e == nil || e.Spec.Resources == nil || c.IsPreview(env) {
		return nil
	}
	at := Resource{Project: p.Name, Environment: env, Suspended: p.Suspended(env)}
	name := replacing(p.Name, env)
	for _, b := range p.Spec.Resources.Buckets {
		if among(b.Environments, env) {
			r := at
			r.Kind, r.Name, r.Versioned, r.Tags = BucketResource, name(b.Name), b.Versioned, b.Tags
			r.Remove, r.Adopt = b.OnRemoval == v1alpha1.OnRemovalRemove, b.Adopt
			out = append(out, r)
		}
	}
	for _, d := range p.Spec.Resources.Databases {
		if among(d.Environments, env) {
			r := at
			r.Kind, r.Name, r.Description = DatabaseResource, name(d.Name), d.Description
			r.Remove, r.Adopt = d.OnRemoval == v1alpha1.OnRemovalRemove, d.Adopt
			out = append(out, r)
		}
	}
	for i := range p.Spec.Resources.Tables {
		t := &p.Spec.Resources.Tables[i]
		if among(t.Environments, env) {
			r := at
			r.Kind, r.Name, r.Database, r.Description = TableResource, name(t.Name), name(t.Database), t.Description
			r.Remove, r.Adopt = t.OnRemoval == v1alpha1.OnRemovalRemove, t.Adopt
			r.Format, r.Columns, r.Partitions = t.Format, t.Columns, t.Partitions
			r.Location, _ = c.tableLocation(p, t, env)
			out = append(out, r)
		}
	}
	return out
}

// Resources returns what is made in an environment, by project.
func (c *Catalog) Resources(env string) (out []Resource) {
	if e := c.Environments[env]; e == nil || e.Spec.Resources == nil {
		return nil
	}
	for p := range c.Projects() {
		out = append(out, c.ResourcesIn(p, env)...)
	}
	return out
}

// replacing returns what replaces the placeholders of names of resources.
func replacing(project, env string) func(string) string {
	return strings.NewReplacer(placeholderProject, project, placeholderEnvironment, env).Replace
}

func among(environments []string, env string) bool {
	return len(environments) == 0 || slices.Contains(environments, env)
}

// tableLocation is where the data of a table are in an environment; false if they are nowhere.
func (c *Catalog) tableLocation(p *Project, t *v1alpha1.Table, env string) (string, bool) {
	address := replacing(p.Name, env)(t.Location)
	if t.Dataset != "" {
		if _, _, ok := p.Dataset(t.Dataset); !ok {
			return "", false
		}
		var ok bool
		if address, ok = c.locate(p.Name+"/"+t.Dataset, env, Writes); !ok {
			return "", false
		}
	}
	if address == "" {
		return "", false
	}
	return strings.TrimSuffix(address, "/") + "/", true
}

// resourceScope tells apart the places in which one name is one thing: those of buckets are all over the world, and those of databases in
// a region.
func resourceScope(kind ResourceKind, r *v1alpha1.EnvironmentResources) string {
	if kind == BucketResource {
		return ""
	}
	return cmp.Or(r.ProviderConfig, r.Account) + "/" + r.Region
}

// resourceKey is the place of a resource in the index: kind, name and scope.
func resourceKey(r *Resource, declared *v1alpha1.EnvironmentResources) string {
	return strings.Join([]string{r.ID(), resourceScope(r.Kind, declared)}, "\x01")
}

// databaseKey is that of the database that a table is in.
func databaseKey(r *Resource, declared *v1alpha1.EnvironmentResources) string {
	return resourceKey(&Resource{Kind: DatabaseResource, Name: r.Database}, declared)
}

// Equal reports whether nothing has to be done for one to become the other, who owns it included.
func (r *Resource) Equal(o *Resource) bool {
	return r.ID() == o.ID() && r.Project == o.Project && r.Remove == o.Remove && r.Versioned == o.Versioned && maps.Equal(r.Tags, o.Tags) &&
		r.Description == o.Description && r.Location == o.Location && r.Format == o.Format &&
		slices.Equal(r.Columns, o.Columns) && slices.Equal(r.Partitions, o.Partitions)
}

// Cloud is what controllers in a cluster make in the cloud.
type Cloud struct {
	Declared  v1alpha1.EnvironmentResources `json:"declared"`
	Resources []Resource                    `json:"resources"`
}

// cloud is what objects of a release have made: those on the first cluster of the environment, if controllers make resources there.
func (c *Catalog) cloud(p *Project, id ReleaseID) *Cloud {
	env := &c.Environments[id.Environment].Spec
	if env.Resources == nil || env.Resources.Via == v1alpha1.ViaAPI || env.Clusters[0] != id.Cluster {
		return nil
	}
	all := c.ResourcesIn(p, id.Environment)
	if len(all) == 0 {
		return nil
	}
	return &Cloud{*env.Resources, all}
}
