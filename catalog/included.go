// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// SourcesDir is the folder of the tree in which the repositories are that the platform includes, each in one of its name. What a
// repository may declare is said by the platform, and its paths end at its own root.
const SourcesDir = "sources"

// maxSources bounds how many repositories a platform includes.
const maxSources = 64

// OwnSource is what the releases are of that no included repository declares, as inventories have it.
const OwnSource = "."

// SourceDir is the folder of a repository that the platform includes.
func SourceDir(name string) string { return path.Join(SourcesDir, name) }

// Sources returns the repositories that the platform includes, in its order; those that are not valid are left out.
func (c *Catalog) Sources() []v1alpha1.IncludedRepository { return slices.Clone(c.included) }

// SourcePosition is where the platform says so.
func (c *Catalog) SourcePosition(name string, field ...any) v1alpha1.Position {
	for i, s := range c.Platform.Spec.Sources {
		if s.Name == name {
			return c.platformDoc.Position(append([]any{"spec", "sources", i}, field...)...)
		}
	}
	return c.platformDoc.Position()
}

// Unknown lists the repositories that the platform includes and of which the tree has nothing: what they declare is not known, which is
// not the same as nothing.
func (c *Catalog) Unknown() []string { return slices.Clone(c.absent) }

// SourceOf names the included repository that a file or folder is of; empty for the platform's own.
func (c *Catalog) SourceOf(file string) string {
	if s := c.sourceOf(file); s != nil {
		return s.Name
	}
	return ""
}

// SourceOfRelease names the repository that declares a project, as inventories have it; empty if the platform includes none, or nothing
// declares the project.
func (c *Catalog) SourceOfRelease(id ReleaseID) string {
	p, ok := c.Project(id.Project)
	if !ok || len(c.included) == 0 {
		return ""
	}
	if name := c.SourceOf(p.Document.File); name != "" {
		return name
	}
	return OwnSource
}

func (f *frame) sourceOf(file string) *v1alpha1.IncludedRepository {
	below, ok := strings.CutPrefix(file, SourcesDir+"/")
	if !ok {
		return nil
	}
	name, _, _ := strings.Cut(below, "/")
	for i := range f.included {
		if f.included[i].Name == name {
			return &f.included[i]
		}
	}
	return nil
}

// rootOf is the folder that paths of a file or folder stay in: that of the included repository that it is of; empty for the whole tree.
func (f *frame) rootOf(file string) string {
	if s := f.sourceOf(file); s != nil {
		return SourceDir(s.Name)
	}
	return ""
}

// password finds one in an address.
var password = regexp.MustCompile(`^[a-z+]+://[^/@]*:[^/@]*@`)

// fullHash is a commit as Git writes it.
var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// ReadPlatform reads of a tree which platform it declares and which repositories that includes, and nothing else: there are no projects in
// the catalog. Platform is nil if the tree declares none that could count.
func ReadPlatform(tree fs.FS) (*Catalog, error) {
	c := &Catalog{self: &token{}, frame: &frame{}, tree: tree, units: newUnits(), found: newFindings()}
	if err := c.readPlatform(func(string) *unit { return nil }); err != nil || c.Platform == nil {
		return c, err
	}
	k := &checker{c: c}
	c.findSources(k)
	return c, k.unreadable
}

// findSources finds the repositories that the platform includes. Those that cannot be are reported, and left out.
func (c *Catalog) findSources(k *checker) {
	c.included, c.absent = nil, nil
	k.doc = c.platformDoc
	declared := c.Platform.Spec.Sources
	if len(declared) > maxSources {
		k.at(v1alpha1.RuleLimit, []any{"spec", "sources"}, fmt.Sprintf("there are %d sources: a platform includes at most %d repositories", len(declared), maxSources), "")
		return
	}
	for i, s := range declared {
		if !k.source(s, i) {
			continue
		}
		c.included = append(c.included, s)
		info, err := fs.Stat(c.tree, SourceDir(s.Name))
		switch {
		case errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir():
			c.absent = append(c.absent, s.Name)
			k.warn(RuleSource, []any{"spec", "sources", i, "name"},
				fmt.Sprintf("the source %q is not known: nothing of it is checked, and what runs of it is left as it is", s.Name),
				"give its folder to a command with --source "+s.Name+"=DIR; the daemon says in its status why it has no commit of it")
		case err != nil && k.unreadable == nil:
			k.unreadable = fmt.Errorf("reading %q: %w", SourceDir(s.Name), err)
		}
	}
}

// source checks how a repository is included.
func (k *checker) source(s v1alpha1.IncludedRepository, i int) bool {
	before, at := len(k.findings), func(field ...any) []any { return append([]any{"spec", "sources", i}, field...) }
	if len(validation.IsDNS1123Label(s.Name)) > 0 {
		k.name(s.Name, at("name")...)
	}
	if slices.ContainsFunc(k.c.included, func(o v1alpha1.IncludedRepository) bool { return o.Name == s.Name }) {
		k.at(v1alpha1.RuleDuplicate, at("name"), fmt.Sprintf("the source %q is declared twice", s.Name), "names of sources are unique")
	}
	switch {
	case strings.TrimSpace(s.URL) == "":
		k.at(v1alpha1.RuleInvalidValue, at("url"), "the address is empty", "write where the repository is")
	case password.MatchString(s.URL):
		k.at(v1alpha1.RuleInvalidValue, at("url"), "the address holds a password", "credentials belong into the daemon's configuration, in its source of the same name; this one is known to all who can read the repository")
	}
	var picked []string
	for _, p := range []struct{ field, value string }{{"branch", s.Branch}, {"tag", s.Tag}, {"commit", s.Commit}} {
		if p.value != "" {
			picked = append(picked, p.field)
		}
	}
	if len(picked) > 1 {
		k.at(v1alpha1.RuleInvalidValue, at(picked[1]), fmt.Sprintf("%s and %s are both set", picked[0], picked[1]), "keep one of branch, tag and commit")
	}
	for _, p := range []struct{ field, value string }{{"branch", s.Branch}, {"tag", s.Tag}} {
		if strings.HasPrefix(p.value, "refs/") || strings.HasPrefix(p.value, "-") {
			k.at(v1alpha1.RuleInvalidValue, at(p.field), fmt.Sprintf("%q is not the name of a %s", p.value, p.field), `write it like "main" or "v1.2.0"`)
		}
	}
	if s.Commit != "" && !fullHash.MatchString(s.Commit) {
		k.at(v1alpha1.RuleInvalidValue, at("commit"), fmt.Sprintf("%q is not the full hash of a commit", s.Commit), "write all of its 40 digits")
	}
	if folder := path.Clean(s.Path); s.Path != "" && (!fs.ValidPath(folder) || path.IsAbs(s.Path)) {
		k.at(RulePath, at("path"), fmt.Sprintf("the path %q leaves the repository", s.Path), "paths are relative to the root of the repository")
	}
	for j, pattern := range s.Projects {
		if _, err := path.Match(pattern, ""); err != nil || strings.Trim(pattern, "abcdefghijklmnopqrstuvwxyz0123456789-*?[]") != "" || pattern == "" {
			k.at(v1alpha1.RuleInvalidValue, at("projects", j), fmt.Sprintf("%q is not a pattern of names of projects", pattern), `write it like "billing" or "billing-*"`)
		}
	}
	return len(k.findings) == before
}

// checkSources checks what the platform lets its sources do.
func (f *frame) checkSources(k *checker) {
	k.doc = f.platformDoc
	for i, s := range f.Platform.Spec.Sources {
		for j, env := range s.Environments {
			known(k, RuleEnvironment, "environment", env, f.Environments, "spec", "sources", i, "environments", j)
		}
	}
}

// foreign reports, and refuses, a declaration of a kind that its repository may not declare.
func (k *checker) foreign() bool {
	s := k.c.sourceOf(k.doc.File)
	if s == nil || s.May(k.doc.Kind) {
		return false
	}
	hint := fmt.Sprintf("declare it in the platform's own repository, or have the platform list the kind for the source: kinds: [Project, %s]", k.doc.Kind)
	if k.doc.Kind == v1alpha1.KindPlatform {
		hint = "a platform is declared in its own repository; leave the file out of the folder that the source's path names"
	}
	k.at(RuleSource, []any{"kind"}, fmt.Sprintf("%s %q does not count here: the source %q may not declare the kind", k.doc.Kind, k.doc.Name, s.Name), hint)
	return true
}

// rights refuses a project that its repository may not declare.
func (k *checker) rights(p *Project) {
	s := k.c.sourceOf(p.Document.File)
	if s == nil {
		return
	}
	named := func(pattern string) bool {
		match, err := path.Match(pattern, p.Name)
		return err == nil && match
	}
	if len(s.Projects) > 0 && !slices.ContainsFunc(s.Projects, named) {
		k.at(RuleSource, []any{"metadata", "name"}, fmt.Sprintf("the source %q may not declare a project %q", s.Name, p.Name),
			"names of its projects are: "+strings.Join(s.Projects, ", "))
	}
	if len(s.Owners) > 0 && !slices.Contains(s.Owners, p.Spec.Owner) {
		k.at(RuleSource, []any{"spec", "owner"}, fmt.Sprintf("the source %q may not declare projects of %q", s.Name, p.Spec.Owner),
			"its owners are: "+strings.Join(s.Owners, ", "))
	}
	for _, env := range sortedKeys(p.Spec.Environments) {
		if len(s.Environments) > 0 && !slices.Contains(s.Environments, env) {
			k.at(RuleSource, environmentPath(k.doc, env), fmt.Sprintf("the source %q may not have projects in the environment %q", s.Name, env),
				"its environments are: "+strings.Join(s.Environments, ", "))
		}
	}
}

// lends refuses a folder that governs others when it is in a repository that may not declare what governs by it.
func (k *checker) lends(kind v1alpha1.Kind, folder string, at ...any) {
	for _, name := range []string{folder, resolved(k.c.tree, folder)} {
		if s := k.c.sourceOf(name); s != nil && !s.May(kind) {
			k.at(RuleSource, at, fmt.Sprintf("what is in %q governs others, and the source %q may not declare a %s", folder, s.Name, kind),
				fmt.Sprintf("have the platform list the kind for the source: kinds: [Project, %s]", kind))
			return
		}
	}
}

// unknownSources says which sources may declare what is not found; empty if all are known.
func (k *checker) unknownSources() string {
	switch absent := k.c.absent; len(absent) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("; it may be in the source %q, which is not known", absent[0])
	default:
		return fmt.Sprintf("; it may be in one of the sources that are not known: %s", strings.Join(absent, ", "))
	}
}
