// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/columntype"
	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// resources are what a project has made in the cloud.
type resources struct {
	Buckets   []bucket   `yaml:"buckets,omitempty"`
	Databases []database `yaml:"databases,omitempty"`
	Tables    []table    `yaml:"tables,omitempty"`
}

// ownership says where a resource is declared, and what becomes of it. All are adopted: Clusterless has made them.
type ownership struct {
	Environments []string `yaml:"environments,omitempty,flow"`
	OnRemoval    string   `yaml:"onRemoval,omitempty"`
	Adopt        bool     `yaml:"adopt"`
}

type bucket struct {
	Name      string            `yaml:"name"`
	Versioned bool              `yaml:"versioned,omitempty"`
	Tags      map[string]string `yaml:"tags,omitempty"`
	ownership `yaml:",inline"`
}

type database struct {
	Name      string `yaml:"name"`
	ownership `yaml:",inline"`
}

type table struct {
	Database         string   `yaml:"database"`
	DatabaseExternal bool     `yaml:"databaseExternal,omitempty"`
	Name             string   `yaml:"name"`
	Description      string   `yaml:"description,omitempty"`
	Location         string   `yaml:"location"`
	Format           string   `yaml:"format"`
	Columns          []column `yaml:"columns"`
	Partitions       []column `yaml:"partitions,omitempty"`
	ownership        `yaml:",inline"`
}

type column struct {
	Name    string `yaml:"name"`
	Type    string `yaml:"type"`
	Comment string `yaml:"comment,omitempty"`
}

// resource declares a resource, or notes what it needs if it is none that is made here.
func (m *migration) resource(r *region, c component, all []component) error {
	say := func(why, do string) { m.note(c.deployable, c.node, c.String(), why, do) }
	switch {
	case c.typ == "aws:core:computeEnvironment":
		say("runs are Jobs of the cluster, and need none", "")
		return nil
	case c.typ == "aws:core:eventBus":
		say("lots that are there start what reads them, without an event; nothing is sent to the bus", "who listens to it has to be told otherwise: see docs/data.md")
		return nil
	case c.exclude:
		say("it is excluded, and not declared", "")
		return nil
	case r.declared != nil && r.declared.Spec.Resources == nil:
		say(fmt.Sprintf("the environment %q does not say how resources are made, and it is not declared", r.name),
			fmt.Sprintf("add to spec of it, in %s: resources: {via: api, region: %s}; then take the project over again", m.fileOf(r.name), r.placement.region))
		return nil
	}
	own, err := m.ownership(r, c)
	if err != nil {
		return err
	}
	switch c.typ {
	case "aws:core:s3Bucket":
		err = m.bucket(r, c, own)
	case "aws:core:glueDatabase":
		err = m.database(r, c, own)
	case "aws:core:glueTable":
		return m.table(r, c, own, all)
	}
	if err == nil {
		m.takesOver(c)
	}
	return err
}

// takesOver notes what has to be done so that a resource is not gone before it is taken over.
func (m *migration) takesOver(c component) {
	why := "Trunkline takes over what Clusterless has made"
	if c.typ == "aws:core:s3Bucket" {
		why += ", and keeps it private, encrypted and for TLS only as before"
	}
	m.note(c.deployable, c.node, c.String(), why, `deploy once with "removeOnDestroy": false before the stack of Clusterless is destroyed, so that it stays`)
}

func (m *migration) ownership(r *region, c component) (own ownership, err error) {
	own.Adopt = true
	if len(m.regions) > 1 {
		own.Environments = []string{r.name}
	}
	remove, err := c.yes(c.node, "removeOnDestroy")
	if remove {
		own.OnRemoval = "remove"
		m.note(c.deployable, c.node.get("removeOnDestroy"), c.String()+": removeOnDestroy", "it is removed once it is not declared any more, and only if nothing is in it", "")
	}
	return own, err
}

func (m *migration) bucket(r *region, c component, own ownership) error {
	b := bucket{ownership: own}
	var err error
	if b.Name, err = c.text(c.node, "bucketName"); err != nil {
		return err
	}
	if b.Versioned, err = c.yes(c.node, "versioned"); err != nil {
		return err
	}
	if tags := c.get("tags"); tags != nil && tags.kind == object {
		for _, f := range tags.fields {
			value, err := c.text(tags, f.name)
			if err != nil {
				return err
			}
			put(&b.Tags, f.name, value)
		}
	}
	r.resources.Buckets = append(r.resources.Buckets, b)
	return nil
}

func (m *migration) database(r *region, c component, own ownership) error {
	name, err := c.text(c.node, "databaseName")
	if err != nil {
		return err
	}
	r.resources.Databases = append(r.resources.Databases, database{strings.ToLower(name), own}) // as Glue writes it
	return nil
}

// databaseARN is that of a database of Glue.
var databaseARN = regexp.MustCompile(`^arn:[a-z0-9-]+:glue:[^:]*:[^:]*:database/(.+)$`)

// databaseOf finds the database that a table refers to: by the name of the component, or by its address.
func databaseOf(c component, ref string, all []component) (name string, external bool, err error) {
	if arn := databaseARN.FindStringSubmatch(ref); arn != nil {
		return strings.ToLower(arn[1]), true, nil
	}
	i := slices.IndexFunc(all, func(o component) bool { return o.typ == "aws:core:glueDatabase" && o.name == ref })
	if i < 0 {
		return "", false, c.at(c.get("databaseRef"), "%q is neither a glueDatabase of these files nor the ARN of one", ref)
	}
	name, err = all[i].text(all[i].node, "databaseName")
	return strings.ToLower(name), all[i].exclude, err
}

func (m *migration) table(r *region, c component, own ownership, all []component) error {
	t := table{ownership: own}
	ref, err := c.text(c.node, "databaseRef")
	if err != nil {
		return err
	}
	if t.Database, t.DatabaseExternal, err = databaseOf(c, ref, all); err != nil {
		return err
	}
	if t.Name, err = c.text(c.node, "tableName"); err != nil {
		return err
	}
	t.Name = strings.ToLower(t.Name)
	if t.Description, err = c.optional(c.node, "description", ""); err != nil {
		return err
	}
	address, err := c.text(c.node, "pathURI")
	if err != nil {
		return err
	}
	l, err := location.Parse(address)
	if err != nil || l.Scheme != "s3" {
		return c.at(c.get("pathURI"), "%q is no folder of S3", address)
	}
	t.Location = l.String()
	schema, err := c.object(c.node, "schema")
	if err != nil {
		return err
	}
	if t.Columns, err = c.columns(schema, "columns"); err != nil {
		return err
	}
	if t.Partitions, err = c.columns(schema, "partitions"); err != nil {
		return err
	}
	if t.Format, err = c.text(schema, "dataFormat"); err != nil {
		return err
	}
	t.Format = strings.ToLower(t.Format)
	if why := notATable(t); why != "" {
		m.note(c.deployable, c.node, c.String(), why+", and the table is not declared", "it stays as it is: declare it where your other resources of the cloud are")
		return nil
	}
	r.resources.Tables = append(r.resources.Tables, t)
	m.takesOver(c)
	return nil
}

// notATable says why a table cannot be declared here; empty if it can.
func notATable(t table) string {
	formats := []v1alpha1.TableFormat{
		v1alpha1.FormatParquet, v1alpha1.FormatORC, v1alpha1.FormatAvro, v1alpha1.FormatJSON, v1alpha1.FormatCSV, v1alpha1.FormatTSV, v1alpha1.FormatCloudTrail,
	}
	if !slices.Contains(formats, v1alpha1.TableFormat(t.Format)) {
		return fmt.Sprintf("nothing here makes a table of the format %q", t.Format)
	}
	if len(t.Columns) == 0 {
		return "it has no columns"
	}
	for _, one := range slices.Concat(t.Columns, t.Partitions) {
		if _, err := columntype.Check(one.Type); err != nil {
			return "the column " + one.Name + ": " + err.Error()
		}
	}
	return ""
}

// columns reads those of a table.
func (c component) columns(schema *node, name string) (out []column, err error) {
	all := schema.get(name)
	if all == nil {
		return nil, nil
	}
	if all.kind != list {
		return nil, c.at(all, "%q is %s; want a list", name, all.kind)
	}
	for _, n := range all.items {
		if n.kind != object {
			return nil, c.at(n, "%q has %s; want objects", name, n.kind)
		}
		one := column{}
		if one.Name, err = c.text(n, "name"); err != nil {
			return nil, err
		}
		if one.Type, err = c.text(n, "type"); err != nil {
			return nil, err
		}
		if one.Comment, err = c.optional(n, "comment", ""); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// resources are those of all regions.
func (m *migration) resources() *resources {
	out := &resources{}
	for _, r := range m.regions {
		out.Buckets = append(out.Buckets, r.resources.Buckets...)
		out.Databases = append(out.Databases, r.resources.Databases...)
		out.Tables = append(out.Tables, r.resources.Tables...)
	}
	if len(out.Buckets)+len(out.Databases)+len(out.Tables) == 0 {
		return nil
	}
	return out
}
