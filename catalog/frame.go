// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/version"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/unfilled"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// frame is what the projects of a tree are checked against: everything that is declared but the projects.
type frame struct {
	Platform     *v1alpha1.Platform
	Clusters     map[string]*v1alpha1.Cluster
	Environments map[string]*v1alpha1.Environment
	Blueprints   map[string]*Blueprint
	Policies     map[string]*v1alpha1.Policy
	// Grants are the declarations of who may do what.
	Grants map[string]*v1alpha1.Access
	// Packages are what projects share.
	Packages map[string]*Package

	platformDoc *v1alpha1.Document
	// roots are the folders to search, and governing those in which declarations that govern others count; nil if the
	// platform names none.
	roots, governing []string
	// included are the repositories that the platform includes, and absent the names of those of which the tree has nothing.
	included []v1alpha1.IncludedRepository
	absent   []string
	// stray reports whether a folder that the platform or a blueprint names is a project's own, and linked whether one
	// of them is reached through a link, so that what it is depends on files elsewhere.
	stray, linked bool
	// schemas maps a blueprint to the compiled schema of its parameters, and bare to what is wrong with no
	// params at all.
	schemas map[string]*schema.Schema
	bare    map[string][]schema.Problem
	// sizes maps a cluster to its size classes.
	sizes map[string]map[string]v1alpha1.Size
	// asked reports whether what is wrong with the frame depends on whether other declarations can be read.
	asked bool
	// sources maps the folders of the repository's blueprints to whether they are there.
	sources map[string]bool
	// choices are the conditions by which projects choose clusters.
	choices *choices
	// preview is set if the catalog declares a preview in place of the environments.
	preview *previewing
}

// loadLibrary reads the embedded blueprints. They are part of the program: a problem with them is an error.
func loadLibrary(library fs.FS) (map[string]*Blueprint, error) {
	files, err := fs.Glob(library, "*/blueprint.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing the embedded blueprints: %w", err)
	}
	blueprints := map[string]*Blueprint{}
	for _, file := range files {
		data, err := fs.ReadFile(library, file)
		if err != nil {
			return nil, fmt.Errorf("reading the embedded blueprint %s: %w", file, err)
		}
		docs, problems := v1alpha1.Decode(file, data)
		if len(problems) > 0 || len(docs) != 1 {
			return nil, fmt.Errorf("the embedded blueprint %s is broken: %s", file, problems)
		}
		bp, ok := docs[0].Object.(*v1alpha1.Blueprint)
		if !ok {
			return nil, fmt.Errorf("the embedded blueprint %s declares a %s", file, docs[0].Kind)
		}
		blueprints[bp.Metadata.Name] = &Blueprint{
			Name: bp.Metadata.Name, Spec: bp.Spec, Embedded: true,
			Source: path.Join(path.Dir(file), bp.Spec.Source), Position: docs[0].Position(),
		}
	}
	return blueprints, nil
}

// linkFrame makes the frame of the catalog's declarations, and tells what is wrong with it.
func (c *Catalog) linkFrame(embedded map[string]*Blueprint) *checker {
	f := &frame{
		Platform: c.Platform, platformDoc: c.platformDoc, roots: c.roots, governing: c.governing, included: c.included, absent: c.absent,
		Clusters:     map[string]*v1alpha1.Cluster{},
		Environments: map[string]*v1alpha1.Environment{},
		Blueprints:   maps.Clone(embedded),
		Policies:     map[string]*v1alpha1.Policy{},
		Grants:       map[string]*v1alpha1.Access{},
		Packages:     map[string]*Package{},
		schemas:      map[string]*schema.Schema{},
		bare:         map[string][]schema.Problem{},
		sizes:        map[string]map[string]v1alpha1.Size{},
		sources:      map[string]bool{},
	}
	c.frame = f
	k := &checker{c: c}
	for _, kind := range []v1alpha1.Kind{v1alpha1.KindCluster, v1alpha1.KindEnvironment, v1alpha1.KindBlueprint, v1alpha1.KindPolicy, v1alpha1.KindAccess, v1alpha1.KindPackage} {
		for doc := range c.Documents(kind) {
			k.doc = doc
			if !k.name(doc.Name, "metadata", "name") {
				c.broken[docKey{kind, doc.Name}]++
				continue
			}
			f.take(k, doc)
		}
	}
	if f.Platform == nil {
		return k
	}
	for name := range f.Clusters {
		f.sizes[name] = builtinSizes()
		maps.Copy(f.sizes[name], f.Platform.Spec.Sizes)
		maps.Copy(f.sizes[name], f.Clusters[name].Spec.Sizes)
	}
	f.choices = newChoices(f.Clusters)
	f.checkClusters(k)
	f.checkSignatures(k)
	f.checkWorkspaces(k)
	f.checkChannels(k)
	f.checkSources(k)
	f.checkBlueprints(k)
	f.checkEnvironments(k)
	f.checkGrants(k)
	f.checkPackages(k)
	f.asked, f.stray, f.linked = k.asked, k.stray, k.linked
	return k
}

// take adds a declaration.
func (f *frame) take(k *checker, doc *v1alpha1.Document) {
	switch o := doc.Object.(type) {
	case *v1alpha1.Cluster:
		f.Clusters[doc.Name] = o
	case *v1alpha1.Environment:
		f.Environments[doc.Name] = o
	case *v1alpha1.Policy:
		f.Policies[doc.Name] = o
	case *v1alpha1.Access:
		f.Grants[doc.Name] = o
	case *v1alpha1.Package:
		f.Packages[doc.Name] = &Package{Name: doc.Name, Spec: &o.Spec, Dir: path.Dir(doc.File), Root: f.rootOf(doc.File), Document: doc}
	case *v1alpha1.Blueprint:
		if bp, ok := f.Blueprints[doc.Name]; ok && bp.Embedded {
			k.at(v1alpha1.RuleDuplicate, []any{"metadata", "name"},
				fmt.Sprintf("the blueprint %q is embedded in Trunkline and cannot be replaced", doc.Name), "choose another name")
			return
		}
		bp := &Blueprint{Name: doc.Name, Spec: o.Spec, Source: path.Join(path.Dir(doc.File), o.Spec.Source), Position: doc.Position()}
		if bp.Remote() {
			bp.Source = "."
			if a := o.Spec.Artifact; a != nil && a.Folder != "" {
				bp.Source = a.Folder
			}
			if f.Platform != nil {
				bp.Signers = artifact.Signers(f.Platform.Spec.Signatures, o.Spec.Source)
			}
		}
		if !bp.Remote() {
			bp.Root = f.rootOf(bp.Source)
		}
		f.Blueprints[doc.Name] = bp
	}
}

func (f *frame) checkClusters(k *checker) {
	for _, name := range sortedKeys(f.Clusters) {
		k.doc = k.c.first(docKey{v1alpha1.KindCluster, name})
		checkSizeNames(k, f.Clusters[name].Spec.Sizes)
		checkCapabilities(k, &f.Clusters[name].Spec)
		checkRates(k, f.Clusters[name].Spec.Rates)
		if d := f.Clusters[name].Spec.Drained; d != nil && d.Share != nil && (*d.Share < 1 || *d.Share > percent) {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "drained", "share"}, fmt.Sprintf("%d is no share that moves: write 1 to 100", *d.Share),
				"leave drained out if nothing is to move")
		}
	}
	k.doc = f.platformDoc
	checkRates(k, f.Platform.Spec.Rates)
	checkSizeNames(k, f.Platform.Spec.Sizes)
	f.checkDefaults(k, f.Platform.Spec.Defaults, slices.Sorted(maps.Keys(f.Clusters)))
	for i, e := range f.Platform.Spec.Exceptions {
		if e.Environment != "" {
			known(k, RuleEnvironment, "environment", e.Environment, f.Environments, "spec", "exceptions", i, "environment")
		}
	}
	for i, folder := range f.Platform.Spec.Policies {
		if k.folder(path.Clean(folder), folder, "spec", "policies", i) {
			k.governs(path.Clean(folder), "spec", "policies", i)
			k.lends(v1alpha1.KindPolicy, path.Clean(folder), "spec", "policies", i)
		}
	}
}

// checkCapabilities checks what a cluster is declared to serve.
func checkCapabilities(k *checker, c *v1alpha1.ClusterSpec) {
	if _, err := version.ParseGeneric(c.KubeVersion); err != nil && c.KubeVersion != "" {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "kubeVersion"}, fmt.Sprintf("%q is not a version of Kubernetes", c.KubeVersion),
			`write it like "v1.36.0"`)
	}
	for i, v := range c.APIVersions {
		if !apiVersion.MatchString(v) {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "apiVersions", i}, fmt.Sprintf("%q is not a version of an API", v),
				`write it like "monitoring.coreos.com/v1" or "monitoring.coreos.com/v1/ServiceMonitor"`)
		}
	}
}

// apiVersion is a version, with its group and a kind if they are named.
var apiVersion = regexp.MustCompile(`^([a-z0-9.-]+/)?v[0-9][a-z0-9]*(/[A-Z][A-Za-z0-9]*)?$`)

func checkSizeNames(k *checker, sizes map[string]v1alpha1.Size) {
	for _, size := range sortedKeys(sizes) {
		if errs := validation.IsDNS1123Subdomain(size); len(errs) > 0 {
			k.atKey(RuleName, []any{"spec", "sizes", size}, fmt.Sprintf("%q is not a valid name of a size: write it like \"mx.small\"", size), "")
		}
	}
}

// checkDefaults checks what workloads get that do not say otherwise, on each of the clusters.
func (f *frame) checkDefaults(k *checker, d v1alpha1.WorkloadDefaults, clusters []string) {
	for _, cluster := range clusters {
		k.size(d.Size, cluster, "spec", "defaults", "size")
	}
	for _, bp := range sortedKeys(d.Params) {
		known(k, RuleBlueprint, "blueprint", bp, f.Blueprints, "spec", "defaults", "params", bp)
	}
}

// size checks that a cluster has a size class.
func (k *checker) size(name, cluster string, at ...any) {
	sizes, ok := k.c.sizes[cluster]
	if _, has := sizes[name]; name == "" || has || !ok {
		return
	}
	k.unknown(RuleSize, at, fmt.Sprintf("there is no size %q on cluster %q", name, cluster), name,
		func() []string { return sortedKeys(sizes) })
	k.findings[len(k.findings)-1].Cause = cluster + "/" + name
}

func (f *frame) checkEnvironments(k *checker) {
	for _, name := range sortedKeys(f.Environments) {
		env := f.Environments[name]
		k.doc = k.c.first(docKey{v1alpha1.KindEnvironment, name})
		seen := map[string]bool{}
		for i, cluster := range env.Spec.Clusters {
			known(k, RuleCluster, "cluster", cluster, f.Clusters, "spec", "clusters", i)
			if seen[cluster] {
				k.at(v1alpha1.RuleDuplicate, []any{"spec", "clusters", i}, fmt.Sprintf("the cluster %q is listed twice", cluster), "")
			}
			seen[cluster] = true
		}
		checkPattern(k, env.Spec.Namespace, placeholders, "spec", "namespace")
		for _, key := range sortedKeys(env.Spec.Identity) {
			checkPattern(k, env.Spec.Identity[key], append(slices.Clone(placeholders), placeholderIdentity), "spec", "identity", key)
		}
		for i, pattern := range env.Spec.Identities {
			checkPattern(k, pattern, []string{"<project>", "<environment>"}, "spec", "identities", i)
		}
		f.checkDefaults(k, env.Spec.Defaults, env.Spec.Clusters)
		for i, base := range env.Spec.Workspaces.Only {
			known(k, RuleParams, "base of the platform", base, f.Platform.Spec.Workspaces.Bases, "spec", "workspaces", "only", i)
		}
		f.checkBases(k, env.Spec.Workspaces.Bases)
		if env.Spec.Promotion.Automatic && env.Spec.PromotesFrom == "" {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "promotion", "automatic"}, "there is no environment to promote from", "name it: promotesFrom: ENVIRONMENT")
		}
		if from := env.Spec.PromotesFrom; from != "" {
			known(k, RuleEnvironment, "environment", from, f.Environments, "spec", "promotesFrom")
		}
		for i, w := range env.Spec.Windows {
			k.schedule(w.Schedule, "spec", "windows", i, "schedule")
			k.timeZone(w.TimeZone, "spec", "windows", i, "timeZone")
			if s, err := schedule.Parse(w.Schedule, ""); err == nil && s.Never() {
				k.warn(RuleSchedule, []any{"spec", "windows", i, "schedule"}, fmt.Sprintf("the window %q never opens: there is no such day", w.Schedule), "")
			}
		}
		for _, store := range sortedKeys(env.Spec.Stores) {
			if held := unfilled.Find(env.Spec.Stores[store]); held != "" {
				k.warn(RulePath, []any{"spec", "stores", store}, fmt.Sprintf("nothing replaces %s in the store %q", held, store), "write where it is in this environment")
			}
		}
		for i, fr := range env.Spec.Freezes {
			if !fr.Until.After(fr.From.Time) {
				k.at(v1alpha1.RuleInvalidValue, []any{"spec", "freezes", i, "until"}, "the freeze ends before it begins", "")
			}
		}
		if m := env.Spec.MaxRemovals; m != nil && (*m < 0 || *m > 100) {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "maxRemovals"}, fmt.Sprintf("%d is not a percentage: write 0 to 100", *m), "")
		}
		for i, ignore := range env.Spec.Drift.Ignore {
			for j, fields := range ignore.Fields {
				if _, err := field.ParsePattern(fields); err != nil {
					k.at(v1alpha1.RuleInvalidValue, []any{"spec", "drift", "ignore", i, "fields", j}, err.Error(), "")
				}
			}
		}
		checkLots(k, env)
		for i, n := range env.Spec.Notify {
			f.checkChannel(k, n.To, i)
		}
		checkStates(k, env)
		checkResources(k, env)
		checkDataAccess(k, env)
		checkSecretStores(k, env)
		checkRuns(k, env)
		checkAccess(k, env)
		checkPreview(k, name, env)
	}
}

// placeholder finds what looks like one in a pattern.
var placeholder = regexp.MustCompile(`<[^<>]*>`)

// checkPattern refuses placeholders that stand for nothing.
func checkPattern(k *checker, pattern string, taken []string, at ...any) {
	for _, p := range placeholder.FindAllString(pattern, -1) {
		if !slices.Contains(taken, p) {
			k.at(RulePattern, at, fmt.Sprintf("there is no placeholder %q", p), "want one of: "+strings.Join(taken, ", "))
		}
	}
}

// checkBlueprints compiles the schemas of all parameters, once for all workloads.
func (f *frame) checkBlueprints(k *checker) {
	for _, name := range sortedKeys(f.Blueprints) {
		bp := f.Blueprints[name]
		compiled, err := schema.Params(bp.Spec.Parameters)
		if err == nil {
			f.schemas[name], f.bare[name], bp.params = compiled, compiled.Check(nil), compiled
		}
		if bp.Embedded {
			continue
		}
		k.doc = k.c.first(docKey{v1alpha1.KindBlueprint, name})
		if err != nil {
			k.at(RuleSchema, []any{"spec", "parameters"}, err.Error(), "")
		}
		if k.remote(bp) {
			continue
		}
		f.sources[bp.Source] = k.folder(bp.Source, bp.Spec.Source, "spec", "source")
		k.asItIs(bp)
		if f.sources[bp.Source] {
			k.governs(bp.Source, "spec", "source")
			k.lends(v1alpha1.KindBlueprint, bp.Source, "spec", "source")
		}
		if root := f.rootOf(k.doc.File); root != "" && !within(bp.Source, root) {
			k.at(RulePath, []any{"spec", "source"}, fmt.Sprintf("the path %q leaves the source %q", bp.Spec.Source, f.sourceOf(k.doc.File).Name),
				"what a repository declares is in the repository")
		}
	}
}

// asItIs refuses what a blueprint of plain manifests cannot honour: nothing is replaced in them.
func (k *checker) asItIs(bp *Blueprint) {
	if bp.Spec.Engine != v1alpha1.Manifests {
		return
	}
	for _, given := range []struct {
		field string
		is    bool
	}{{"parameters", bp.Spec.Parameters != nil}, {"fields", bp.Spec.Fields != nil}, {"command", bp.Spec.Command != nil}} {
		if given.is {
			k.at(RuleField, []any{"spec", given.field}, "plain manifests are taken as they are: nothing of a workload can change them",
				"remove it, or choose another engine")
		}
	}
}
