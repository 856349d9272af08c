// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/unfilled"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// newProject adds the declaration of a project, and what others may refer to of it.
func newProject(doc *v1alpha1.Document) *Project {
	decl := doc.Object.(*v1alpha1.Project)
	p := &Project{
		Name: doc.Name, Document: doc, Spec: &decl.Spec,
		datasets: make(map[string]int, len(decl.Spec.Datasets)), workloads: make(map[string]int, len(decl.Spec.Workloads)),
		ids: make([]string, len(decl.Spec.Datasets)),
	}
	for i, d := range decl.Spec.Datasets {
		p.ids[i] = datasetID(p.Name, d.Name, d.Version)
		local := p.ids[i][len(p.Name)+1:]
		if _, ok := p.datasets[local]; !ok {
			p.datasets[local] = i
		}
	}
	for i, w := range decl.Spec.Workloads {
		if _, ok := p.workloads[w.Name]; !ok {
			p.workloads[w.Name] = i
		}
	}
	return p
}

// Dir is the folder of the declaration; the files of the workloads are relative to it.
func (p *Project) Dir() string { return path.Dir(p.Document.File) }

// Dataset finds a dataset by "name@version", and its place in the list of datasets.
func (p *Project) Dataset(local string) (*v1alpha1.Dataset, int, bool) {
	i, ok := p.datasets[local]
	if !ok {
		return nil, 0, false
	}
	return &p.Spec.Datasets[i], i, true
}

// Workload finds a workload, and its place in the list of workloads.
func (p *Project) Workload(name string) (*v1alpha1.Workload, int, bool) {
	i, ok := p.workloads[name]
	if !ok {
		return nil, 0, false
	}
	return &p.Spec.Workloads[i], i, true
}

// Edges are those that the project's workloads make, in the order of the declaration.
func (p *Project) Edges() []Edge { return p.edges }

// links are all edges that the project declares.
func (p *Project) links() []Edge { return slices.Concat(p.edges, p.needs) }

// linkProject checks a project, and finds its edges and its share of the indexes. It changes nothing but p.
func (c *Catalog) linkProject(p *Project) *checker {
	k := &checker{c: c, doc: p.Document}
	p.edges, p.needs, p.readers, p.spaces, p.places, p.lots, p.resources = nil, nil, nil, nil, nil, nil, nil
	k.outsideGovernance(p)
	k.datasets(p)
	k.workloads(p)
	k.images(p)
	k.generatedSecrets(p)
	k.resources(p)
	k.replays(p)
	k.withoutLots(p)
	k.links(p)
	k.dependsOn(p)
	k.clusterless(p)
	for _, env := range sortedKeys(p.Spec.Environments) {
		if _, ok := c.Environments[env]; !ok {
			known(k, RuleEnvironment, "environment", env, c.Environments, environmentPath(k.doc, env)...)
			continue
		}
		k.overrides(p, env)
		k.inEnvironment(p, env)
	}
	p.unsettled = k.asked || k.follows
	return k
}

// environmentPath finds where the project names an environment: an item of a list, or a key of a map.
func environmentPath(doc *v1alpha1.Document, env string) []any {
	if i := doc.IndexOf(env, "spec", "environments"); i >= 0 {
		return []any{"spec", "environments", i}
	}
	return []any{"spec", "environments", env}
}

// datasetVersion is what may stand behind the @: it becomes part of paths and object names.
var datasetVersion = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,30}[a-zA-Z0-9])?$`)

func (k *checker) datasets(p *Project) {
	for i := range p.Spec.Datasets {
		d := &p.Spec.Datasets[i]
		k.name(d.Name, "spec", "datasets", i, "name")
		if !datasetVersion.MatchString(d.Version) {
			k.at(RuleName, []any{"spec", "datasets", i, "version"}, fmt.Sprintf(
				"%q is not a version: use letters, digits, dots and dashes, at most 32 characters", d.Version), "")
		}
		if before := p.datasets[d.Name+"@"+d.Version]; before != i {
			k.at(RuleDatasetOwner, []any{"spec", "datasets", i}, fmt.Sprintf("the dataset %s@%s is already declared in line %d",
				d.Name, d.Version, k.doc.Position("spec", "datasets", before).Line), "")
			continue
		}
		if store, rest, ok := splitPath(d.Path); ok && strings.HasPrefix(placeOf("", rest), "://"+DataFolder+"/") {
			k.at(RulePath, []any{"spec", "datasets", i, "path"}, fmt.Sprintf("the folder %q of store %q is reserved: previews write there", DataFolder, store),
				"choose another folder")
		} else if ok && !strings.Contains(d.Path, sep) {
			p.places = append(p.places, placeOf(store, rest)+sep+p.ids[i])
		} else {
			k.at(RulePath, []any{"spec", "datasets", i, "path"},
				fmt.Sprintf(`%q is not a path: write it as "store://folder/", without ".."`, d.Path), "")
		}
		if held := unfilled.Find(d.Path); held != "" {
			k.warn(RulePath, []any{"spec", "datasets", i, "path"}, fmt.Sprintf("nothing replaces %s in the path %q", held, d.Path),
				"write the folder itself: each environment says in spec.stores where the store is")
		}
		if d.Schema != "" {
			k.file(d.Schema, "spec", "datasets", i, "schema")
		}
	}
}

// workloads checks what does not depend on an environment.
func (k *checker) workloads(p *Project) {
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if k.name(w.Name, "spec", "workloads", i, "name") {
			if before := p.workloads[w.Name]; before != i {
				k.at(v1alpha1.RuleDuplicate, []any{"spec", "workloads", i, "name"}, fmt.Sprintf("the workload %q is already declared in line %d",
					w.Name, k.doc.Position("spec", "workloads", before).Line), "")
			}
		}
		for j, file := range w.Files {
			k.file(file, "spec", "workloads", i, "files", j)
		}
		if w.Schedule != "" {
			k.schedule(w.Schedule, "spec", "workloads", i, "schedule")
		}
		k.timeZone(w.TimeZone, "spec", "workloads", i, "timeZone")
		if w.Identity != "" {
			k.name(w.Identity, "spec", "workloads", i, "identity")
		}
		atLeastOne(k, w.Lots.AtOnce, "spec", "workloads", i, "lots", "atOnce")
		k.variables(w.Env, w.Secrets, "spec", "workloads", i)
		bp, ok := k.c.Blueprints[w.Blueprint]
		if !ok {
			known(k, RuleBlueprint, "blueprint", w.Blueprint, k.c.Blueprints, "spec", "workloads", i, "blueprint")
			continue
		}
		k.honoured(bp, setFields(w), w.TimeZone != "", "spec", "workloads", i)
		k.params(p, bp, w, i)
		k.boundary(p, bp, w, i)
		k.roles(p, bp, w, i)
		k.program(p, bp, w, i)
	}
}

// ownVariables is the prefix of the variables that Trunkline gives to every workload.
const ownVariables = "TRUNKLINE_"

// variables checks the names of the variables that a workload gets.
func (k *checker) variables(env map[string]string, secrets map[string]v1alpha1.SecretRef, at ...any) {
	reserved(k, env, append(slices.Clip(at), "env"))
	reserved(k, secrets, append(slices.Clip(at), "secrets"))
	if len(secrets) > 0 {
		twice(k, secrets, env, append(slices.Clip(at), "secrets"))
	}
}

// reserved refuses variables that Trunkline sets itself.
func reserved[V any](k *checker, variables map[string]V, at []any) {
	for name := range variables {
		if strings.HasPrefix(name, ownVariables) {
			k.atKey(RuleName, append(slices.Clip(at), name), fmt.Sprintf("the variable %q is reserved: Trunkline sets those that begin with %s", name, ownVariables), "choose another name")
		}
	}
}

// twice refuses variables that have a value and a secret.
func twice[V, W any](k *checker, variables map[string]V, others map[string]W, at []any) {
	for name := range variables {
		if _, both := others[name]; both {
			k.atKey(RuleCollision, append(slices.Clip(at), name), fmt.Sprintf("the variable %q has a value in env and one in secrets", name), "keep one of them")
		}
	}
}

// honoured refuses fields that the blueprint does not honour.
func (k *checker) honoured(bp *Blueprint, set []v1alpha1.WorkloadField, zone bool, at ...any) {
	fields := bp.Spec.Fields
	for _, f := range set {
		if !slices.Contains(fields, f) {
			k.notTaken(bp, append(slices.Clip(at), string(f)))
		}
	}
	if zone && !slices.Contains(fields, v1alpha1.FieldSchedule) {
		k.notTaken(bp, append(slices.Clip(at), "timeZone"))
	}
}

func (k *checker) notTaken(bp *Blueprint, at []any) {
	fields := make([]string, len(bp.Spec.Fields))
	for i, f := range bp.Spec.Fields {
		fields[i] = string(f)
	}
	hint := "it has no optional fields"
	if len(fields) > 0 {
		slices.Sort(fields)
		hint = "its optional fields are: " + strings.Join(fields, ", ")
	}
	k.atKey(RuleField, at, fmt.Sprintf("the blueprint %q does not accept the field %q", bp.Name, at[len(at)-1]), hint)
}

func setFields(w *v1alpha1.Workload) []v1alpha1.WorkloadField {
	fields := make([]v1alpha1.WorkloadField, 0, 8)
	for _, f := range [...]struct {
		name v1alpha1.WorkloadField
		set  bool
	}{
		{v1alpha1.FieldImage, !w.Image.IsZero()},
		{v1alpha1.FieldCommand, w.Command != nil},
		{v1alpha1.FieldEnv, w.Env != nil},
		{v1alpha1.FieldSecrets, w.Secrets != nil},
		{v1alpha1.FieldFiles, w.Files != nil},
		{v1alpha1.FieldSize, w.Size != ""},
		{v1alpha1.FieldIdentity, w.Identity != ""},
		{v1alpha1.FieldSchedule, w.Schedule != ""},
		{v1alpha1.FieldRetries, w.Retries != nil},
		{v1alpha1.FieldTimeout, w.Timeout != 0},
		{v1alpha1.FieldSuspend, w.Suspend},
	} {
		if f.set {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// params checks the params that the workload has in each environment; a parameter that is required may be given in
// each environment rather than once for all.
func (k *checker) params(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int) {
	compiled := k.c.schemas[bp.Name]
	if compiled == nil {
		return // the schema is at fault, which was reported where it stands
	}
	at := []any{"spec", "workloads", i, "params"}
	platform := k.c.Platform.Spec.Defaults.Params[bp.Name]
	checked := false
	for _, env := range sortedKeys(p.Spec.Environments) {
		over := p.Spec.Environments[env].Workloads[w.Name].Params
		var defaults map[string]any
		if e, ok := k.c.Environments[env]; ok {
			defaults = e.Spec.Defaults.Params[bp.Name]
		}
		if over == nil && defaults == nil {
			continue
		}
		checked = checked || over == nil
		there := []any{"spec", "environments", env, "workloads", w.Name, "params"}
		if over == nil {
			there = at
		}
		k.reportParams(bp, compiled.Check(merge(merge(merge(platform, defaults), w.Params), over)), func(param string) []any {
			_, replaced := over[param]
			if _, declared := w.Params[param]; declared && !replaced {
				return at
			}
			return there
		})
	}
	if checked || len(p.Spec.Environments) > 0 && k.everywhere(p, w, bp) {
		return
	}
	problems := k.c.bare[bp.Name]
	if platform != nil || w.Params != nil {
		problems = compiled.Check(merge(platform, w.Params))
	}
	k.reportParams(bp, problems, func(string) []any { return at })
}

// everywhere reports whether every environment of the project has params of its own for the workload.
func (k *checker) everywhere(p *Project, w *v1alpha1.Workload, bp *Blueprint) bool {
	for env, over := range p.Spec.Environments {
		e, ok := k.c.Environments[env]
		if over.Workloads[w.Name].Params == nil && (!ok || e.Spec.Defaults.Params[bp.Name] == nil) {
			return false
		}
	}
	return true
}

// reportParams reports what is wrong with params; where tells in which mapping a parameter stands.
func (k *checker) reportParams(bp *Blueprint, problems []schema.Problem, where func(param string) []any) {
	for _, p := range problems {
		param := ""
		if len(p.Path) > 0 {
			param, _ = p.Path[0].(string)
		}
		message := fmt.Sprintf("the blueprint %q: %s", bp.Name, p.Message)
		k.atKey(RuleParams, slices.Concat(where(param), p.Path), message, p.Hint)
	}
}

func (k *checker) schedule(expression string, at ...any) {
	if _, err := schedule.Parse(expression, ""); err != nil {
		k.noSchedule(err, expression, at)
	}
}

func (k *checker) timeZone(zone string, at ...any) {
	if zone == "" {
		return
	}
	if _, err := schedule.Parse("@daily", zone); err != nil {
		k.noSchedule(err, zone, at)
		return
	}
	if why, meant := schedule.Seems(zone); why != "" {
		k.warn(RuleTimeZone, at, fmt.Sprintf("the time zone %q %s", zone, why), fmt.Sprintf("name a place, or UTC; was %q meant?", meant))
	}
}

// noSchedule reports what is wrong with a schedule or time zone, with what was probably meant.
func (k *checker) noSchedule(err error, text string, at []any) {
	hint := ""
	if e, ok := errors.AsType[*schedule.Error](err); ok {
		if hint = v1alpha1.DidYouMean(text, e.Known); e.Meant != "" { // nobody reads a list of all time zones
			hint = fmt.Sprintf("did you mean %q?", e.Meant)
		}
	}
	k.at(RuleSchedule, at, err.Error(), hint)
}

// overrides checks what the project says differently in one environment.
func (k *checker) overrides(p *Project, env string) {
	for _, name := range sortedKeys(p.Spec.Environments[env].Workloads) {
		at := []any{"spec", "environments", env, "workloads", name}
		w, _, ok := p.Workload(name)
		if !ok {
			k.noWorkload(p, name, at)
			continue
		}
		over := p.Spec.Environments[env].Workloads[name]
		if over.Schedule != "" {
			k.schedule(over.Schedule, append(slices.Clip(at), "schedule")...)
		}
		if over.Identity != "" {
			k.name(over.Identity, append(slices.Clip(at), "identity")...)
		}
		k.variables(over.Env, over.Secrets, at...)
		twice(k, over.Env, w.Secrets, append(slices.Clip(at), "env"))
		twice(k, over.Secrets, w.Env, append(slices.Clip(at), "secrets"))
		if bp := k.c.Blueprints[w.Blueprint]; bp != nil {
			k.honoured(bp, setFields(&v1alpha1.Workload{
				Image: over.Image, Size: over.Size, Env: over.Env, Schedule: over.Schedule, Secrets: over.Secrets,
				Identity: over.Identity, Retries: over.Retries, Timeout: over.Timeout, Suspend: over.Suspend != nil && *over.Suspend,
			}), false, at...)
		}
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
	k.lotPlaces(p, env)
	k.resourcesIn(p, env)
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
