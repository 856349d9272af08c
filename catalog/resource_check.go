// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/columntype"
	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// listed are the lists of resources in a declaration, by kind.
var listed = map[ResourceKind]string{BucketResource: "buckets", DatabaseResource: "databases", TableResource: "tables"}

// What AWS allows.
const (
	maxTags = 48 // of 50, two of which say whose a bucket is
	maxName = 255
)

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	// tableName is what catalogs and the engines that read them take without quotes, and dashes.
	tableName = regexp.MustCompile(`^[a-z0-9_-]{1,255}$`)
	account   = regexp.MustCompile(`^[0-9]{12}$`)
	region    = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
	tagText   = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// resources checks what a project has made, and keeps it for the comparison with what others have.
func (k *checker) resources(p *Project) {
	r := &p.Spec.Resources
	for i, b := range r.Buckets {
		at := []any{"spec", "resources", "buckets", i}
		k.resourceName(b.Name, at, "name")
		k.ownership(p, b.Environments, at)
		k.tags(b.Tags, append(slices.Clip(at), "tags"))
	}
	for i, d := range r.Databases {
		at := []any{"spec", "resources", "databases", i}
		k.resourceName(d.Name, at, "name")
		k.ownership(p, d.Environments, at)
	}
	for i := range r.Tables {
		t := &r.Tables[i]
		at := []any{"spec", "resources", "tables", i}
		k.resourceName(t.Name, at, "name")
		k.resourceName(t.Database, at, "database")
		k.ownership(p, t.Environments, at)
		k.columns(t, at)
		k.tableData(p, t, at)
	}
}

func (k *checker) resourceName(name string, at []any, field string) {
	checkPattern(k, name, []string{placeholderProject, placeholderEnvironment}, append(slices.Clip(at), field)...)
}

// ownership wants the environments of a resource to be some of its project.
func (k *checker) ownership(p *Project, environments []string, at []any) {
	for i, env := range environments {
		if _, ok := p.Spec.Environments[env]; !ok {
			k.unknown(RuleEnvironment, append(slices.Clip(at), "environments", i), fmt.Sprintf("the project %q is not in an environment %q", p.Name, env), env,
				func() []string { return sortedKeys(p.Spec.Environments) })
		}
	}
}

func (k *checker) tags(tags map[string]string, at []any) {
	if len(tags) > maxTags {
		k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%d tags: the limit is %d", len(tags), maxTags), "")
	}
	for _, key := range sortedKeys(tags) {
		at := append(slices.Clip(at), key)
		lower := strings.ToLower(key)
		switch {
		case strings.HasPrefix(lower, "aws:") || strings.HasPrefix(lower, "trunkline.dev/"):
			k.atKey(RuleName, at, fmt.Sprintf("the tag %q is reserved", key), "choose another name")
		case key == "" || len(key) > 128 || !tagText.MatchString(key):
			k.atKey(RuleName, at, fmt.Sprintf("%q is not the key of a tag: use letters, digits, spaces and any of _.:/=+-@, at most 128", key), "")
		case len(tags[key]) > 256 || !tagText.MatchString(tags[key]):
			k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%q is not the value of a tag: use letters, digits, spaces and any of _.:/=+-@, at most 256", tags[key]), "")
		}
	}
}

// columns checks those of a table. Catalogs do not tell upper case from lower case.
func (k *checker) columns(t *v1alpha1.Table, at []any) {
	seen := map[string]bool{}
	for _, list := range []struct {
		field   string
		columns []v1alpha1.Column
		plain   bool
	}{{"columns", t.Columns, false}, {"partitions", t.Partitions, true}} {
		for i, c := range list.columns {
			at := append(slices.Clip(at), list.field, i)
			if c.Name == "" || len(c.Name) > maxName || strings.ContainsAny(c.Name, ",:;`\"'/=\n\r\t") {
				k.at(RuleName, append(at, "name"), fmt.Sprintf("%q is not the name of a column", c.Name), "use letters, digits and underscores")
			}
			if lower := strings.ToLower(c.Name); seen[lower] {
				k.at(v1alpha1.RuleDuplicate, append(at, "name"), fmt.Sprintf("there are two columns %q", lower), "a partition is no column of the files, too")
			} else {
				seen[lower] = true
			}
			plain, err := columntype.Check(c.Type)
			switch {
			case err != nil:
				k.at(v1alpha1.RuleInvalidValue, append(at, "type"), err.Error(), "types are those of Hive, such as string, bigint, timestamp, decimal(12,2) or array<string>")
			case list.plain && !plain:
				k.at(v1alpha1.RuleInvalidValue, append(at, "type"), fmt.Sprintf("a partition of the type %s: the name of a folder holds one value", c.Type), "")
			}
		}
	}
}

// tableData wants one place where the data of a table are.
func (k *checker) tableData(p *Project, t *v1alpha1.Table, at []any) {
	switch {
	case (t.Dataset == "") == (t.Location == ""):
		k.at(v1alpha1.RuleInvalidValue, at, "a table is about a dataset of the project or about a location: say which of them", `as in "dataset: clean@1"`)
	case t.Dataset != "":
		if _, _, ok := p.Dataset(t.Dataset); !ok {
			k.unknown(RuleDatasetOwner, append(slices.Clip(at), "dataset"), fmt.Sprintf("the project has no dataset %q", t.Dataset), t.Dataset,
				func() []string { return sortedKeys(p.datasets) })
		}
	default:
		checkPattern(k, t.Location, []string{placeholderProject, placeholderEnvironment}, append(slices.Clip(at), "location")...)
	}
}

// resourcesIn checks what a project has made in an environment.
func (k *checker) resourcesIn(p *Project, env string) {
	declared := k.c.Environments[env].Spec.Resources
	if declared == nil {
		if at := firstResource(&p.Spec.Resources, env); at != nil && !k.c.IsPreview(env) {
			k.at(RuleNoResources, at, fmt.Sprintf("the environment %q does not say how resources are made", env),
				`write spec.resources there, such as "resources: {via: api, region: eu-west-1}", or name the environments of the resource`)
			k.findings[len(k.findings)-1].Cause = env
		}
		return
	}
	index := map[ResourceKind]int{}
	place := func(kind ResourceKind, environments func(int) []string) int {
		for ; !among(environments(index[kind]), env); index[kind]++ {
		}
		index[kind]++
		return index[kind] - 1
	}
	r := &p.Spec.Resources
	for _, resource := range k.c.ResourcesIn(p, env) {
		i := place(resource.Kind, func(i int) []string {
			switch resource.Kind {
			case BucketResource:
				return r.Buckets[i].Environments
			case DatabaseResource:
				return r.Databases[i].Environments
			case TableResource:
			}
			return r.Tables[i].Environments
		})
		at := []any{"spec", "resources", listed[resource.Kind], i}
		k.resolvedResource(&resource, declared, env, at)
		owns := strings.Join([]string{resourceKey(&resource, declared), "owns", p.Name, env, strconv.Itoa(i)}, sep)
		p.resources = append(p.resources, owns)
		if resource.Kind == TableResource && !r.Tables[i].DatabaseExternal {
			p.resources = append(p.resources, strings.Join([]string{databaseKey(&resource, declared), "uses", p.Name, env, strconv.Itoa(i)}, sep))
		}
	}
}

// firstResource is where the first resource of an environment is declared; nil if there is none.
func firstResource(r *v1alpha1.Resources, env string) []any {
	for i := range r.Buckets {
		if among(r.Buckets[i].Environments, env) {
			return []any{"spec", "resources", "buckets", i}
		}
	}
	for i := range r.Databases {
		if among(r.Databases[i].Environments, env) {
			return []any{"spec", "resources", "databases", i}
		}
	}
	for i := range r.Tables {
		if among(r.Tables[i].Environments, env) {
			return []any{"spec", "resources", "tables", i}
		}
	}
	return nil
}

// resolvedResource checks names and places in an environment.
func (k *checker) resolvedResource(r *Resource, declared *v1alpha1.EnvironmentResources, env string, at []any) {
	named := append(slices.Clip(at), "name")
	switch {
	case placeholder.MatchString(r.Name + r.Database + r.Location): // reported already
		return
	case r.Kind == BucketResource:
		if why := notABucket(r.Name); why != "" {
			k.at(RuleName, named, fmt.Sprintf("%q is not the name of a bucket in %q: %s", r.Name, env, why), "")
		}
	case !tableName.MatchString(r.Name):
		k.at(RuleName, named, fmt.Sprintf("%q is not the name of a %s in %q: use lower-case letters, digits, underscores and dashes, at most 255", r.Name, r.Kind, env), "")
	case r.Kind == TableResource && !tableName.MatchString(r.Database):
		k.at(RuleName, append(slices.Clip(at), "database"), fmt.Sprintf("%q is not the name of a database in %q: use lower-case letters, digits, underscores and dashes, at most 255",
			r.Database, env), "")
	}
	if r.Kind != TableResource && !allowedName(declared.Names, r) {
		k.at(RuleName, named, fmt.Sprintf("the environment %q does not allow the %s %q", env, r.Kind, r.Name), "it allows: "+strings.Join(declared.Names, ", "))
	}
	switch {
	case r.Kind == DatabaseResource && r.Remove && declared.Via != v1alpha1.ViaAPI:
		k.at(v1alpha1.RuleInvalidValue, append(slices.Clip(at), "onRemoval"), fmt.Sprintf("in %q databases are made via %q, which would remove the tables with one", env, declared.Via),
			"leave it out: the database stays, and is removed by hand")
	case r.Kind != BucketResource && declared.Via == v1alpha1.ViaCrossplane && declared.Account == "":
		k.at(RuleNoResources, at, fmt.Sprintf("Crossplane has to be told of which account the databases and tables in %q are", env), "write spec.resources.account there")
	}
	if r.Kind != TableResource || r.Location == "" {
		return
	}
	if l, err := location.Parse(r.Location); err != nil {
		k.at(RulePath, at, err.Error(), "")
	} else if l.Scheme != "s3" {
		k.at(RulePath, at, fmt.Sprintf("the data of a table are in S3, and in %q these are in %s", env, r.Location), "name the environments of the table that have theirs in S3")
	}
}

// allowedName reports whether a name is of one of the patterns that an environment has; without any, all are.
func allowedName(patterns []string, r *Resource) bool {
	expand := replacing(r.Project, r.Environment)
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		parts := strings.Split(expand(pattern), "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		matched, err := regexp.MatchString("^"+strings.Join(parts, ".*")+"$", r.Name)
		return err == nil && matched
	})
}

// notABucket says why S3 takes no bucket of a name; empty if it does.
func notABucket(name string) string {
	_, err := netip.ParseAddr(name)
	switch {
	case len(name) < 3 || len(name) > 63:
		return "it has 3 to 63 characters"
	case !bucketName.MatchString(name):
		return "use lower-case letters, digits, dots and dashes, with a letter or digit at both ends"
	case strings.Contains(name, ".."):
		return "no two dots follow each other"
	case err == nil:
		return "it is an address of IP"
	}
	for _, reserved := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, reserved) {
			return "S3 keeps names for itself that begin with " + reserved
		}
	}
	for _, reserved := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, reserved) {
			return "S3 keeps names for itself that end with " + reserved
		}
	}
	return ""
}

// checkResources checks how an environment has resources made.
func checkResources(k *checker, env *v1alpha1.Environment) {
	r := env.Spec.Resources
	if r == nil {
		return
	}
	if r.Region != "" && !region.MatchString(r.Region) {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "resources", "region"}, fmt.Sprintf("%q is not a region of AWS", r.Region), `write it like "eu-west-1"`)
	}
	crossplane := r.Via == v1alpha1.ViaCrossplane
	if crossplane && r.Region == "" {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "resources"}, "Crossplane has to be told the region", `write "region: eu-west-1"`)
	}
	if r.Account != "" && !account.MatchString(r.Account) {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "resources", "account"}, fmt.Sprintf("%q is not the number of an account of AWS: it has 12 digits", r.Account), "")
	}
	for field, value := range map[string]string{"account": r.Account, "providerConfig": r.ProviderConfig} {
		if value != "" && !crossplane {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "resources", field}, fmt.Sprintf("%s is for Crossplane, and resources are made via %q", field, r.Via), "leave it out")
		}
	}
	if r.ProviderConfig != "" && !isSubdomain(r.ProviderConfig) {
		k.at(RuleName, []any{"spec", "resources", "providerConfig"}, fmt.Sprintf("%q is not the name of a ClusterProviderConfig", r.ProviderConfig), "")
	}
	for i, pattern := range r.Names {
		checkPattern(k, pattern, []string{placeholderProject, placeholderEnvironment}, "spec", "resources", "names", i)
	}
}

// sameResource refuses resources that would be one, of all but the first, and tables in a database that nobody declares. The place is the
// key of a resource.
func (c *Catalog) sameResource(place string) []finding {
	k := &checker{c: c}
	id, _, _ := strings.Cut(place, "\x01")
	kind, name, _ := strings.Cut(id, " ")
	var first, firstEnv string
	var firstAt []any
	for rest := range below(c.resources, place+sep+"owns"+sep) {
		project, env, at := resourcePlace(rest, ResourceKind(kind))
		if first == "" {
			first, firstEnv, firstAt = project, env, at
			continue
		}
		p, _ := c.projects.Get(project)
		k.doc = p.Document
		k.at(RuleResourceOwner, at, fmt.Sprintf("the %s %q of %s in %q is that of %s in %q: each has one owner", kind, name, project, env, first, firstEnv),
			`declare it once; one for each environment has "<environment>" in its name`)
		if first == project {
			continue
		}
		k.findings[len(k.findings)-1].Cause = project + "/" + first
		k.elsewhere(docKey{v1alpha1.KindProject, first}, firstAt...)
		if last := k.findings[len(k.findings)-1].Elsewhere; last != nil {
			last.Message = fmt.Sprintf("the %s %q of %s in %q is that of %s in %q: each has one owner", kind, name, first, firstEnv, project, env)
		}
	}
	if first != "" || kind != string(DatabaseResource) {
		return k.findings
	}
	for rest := range below(c.resources, place+sep+"uses"+sep) {
		project, env, at := resourcePlace(rest, TableResource)
		p, _ := c.projects.Get(project)
		k.doc = p.Document
		k.at(RuleDatabase, append(at, "database"), fmt.Sprintf("no project declares the database %q in %q", name, env),
			"declare it, or say databaseExternal: true if it is made outside of the platform")
	}
	return k.findings
}

// resourcePlace reads the end of a key of the index: project, environment, and place in the declaration.
func resourcePlace(rest string, kind ResourceKind) (project, env string, at []any) {
	parts := strings.Split(rest, sep)
	i, _ := strconv.Atoi(parts[2])
	return parts[0], parts[1], []any{"spec", "resources", listed[kind], i}
}
