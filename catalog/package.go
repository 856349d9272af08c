// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"trunkline.dev/trunkline/api/pack"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Package is code that projects share.
type Package struct {
	Name string
	Spec *v1alpha1.PackageSpec
	// Dir is the folder of the declaration, in which the folders of its versions are.
	Dir string
	// Root is the folder that what is read of it stays in: that of a repository that the platform includes; empty for the whole.
	Root     string
	Document *v1alpha1.Document
}

// Version finds a version that was released.
func (p *Package) Version(version string) (*v1alpha1.PackageVersion, int, bool) {
	i := slices.IndexFunc(p.Spec.Versions, func(v v1alpha1.PackageVersion) bool { return v.Version == version })
	if i < 0 {
		return nil, 0, false
	}
	return &p.Spec.Versions[i], i, true
}

// PackageUse is a version of a package that a program is given.
type PackageUse struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Digest is that of what was released; empty for a trial, which may be anything.
	Digest string `json:"digest,omitempty"`
	// Dir is the folder in the tree with what it holds, and Root the one that what is read there stays in; empty for the whole.
	Dir  string `json:"dir"`
	Root string `json:"root,omitempty"`
}

// checkPackages checks what is declared of packages. What is in their folders is looked at where it is used.
func (f *frame) checkPackages(k *checker) {
	for _, name := range sortedKeys(f.Packages) {
		p := f.Packages[name]
		k.doc = p.Document
		for i, v := range p.Spec.Versions {
			if !pack.IsVersion(v.Version) {
				k.at(RuleName, []any{"spec", "versions", i, "version"}, fmt.Sprintf("%q is not a semantic version", v.Version), `write it like "1.2.0" or "2.0.0-rc.1"`)
			}
			if !pack.IsDigest(v.Digest) {
				k.at(v1alpha1.RuleInvalidValue, []any{"spec", "versions", i, "digest"}, fmt.Sprintf("%q is not a digest", v.Digest),
					`have "trunkline package release" write it: "sha256:" and 64 digits`)
			}
			if _, before, _ := p.Version(v.Version); before != i {
				k.at(v1alpha1.RuleDuplicate, []any{"spec", "versions", i, "version"}, fmt.Sprintf("the version %q is already declared in line %d", v.Version,
					k.doc.Position("spec", "versions", before).Line), "")
			}
		}
		if t := p.Spec.Trial; t != nil {
			k.name(t.Project, "spec", "trial", "project")
		}
	}
}

// packages checks the packages that a project uses.
func (k *checker) packages(p *Project) {
	k.uses(p, p.Spec.Packages, "spec", "packages")
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if w.Packages == nil {
			continue
		}
		at := []any{"spec", "workloads", i, "packages"}
		if bp, ok := k.c.Blueprints[w.Blueprint]; ok && !bp.takesFiles() {
			k.notTaken(bp, at)
		}
		k.uses(p, w.Packages, at...)
	}
}

// takesFiles reports whether programs of the blueprint are given files.
func (b *Blueprint) takesFiles() bool { return slices.Contains(b.Spec.Fields, v1alpha1.FieldFiles) }

func (k *checker) uses(p *Project, uses []v1alpha1.PackageUse, at ...any) {
	for i, use := range uses {
		here := append(slices.Clip(at), i)
		if before := slices.IndexFunc(uses, func(u v1alpha1.PackageUse) bool { return u.Name == use.Name }); before != i {
			k.at(v1alpha1.RuleDuplicate, append(here, "name"), fmt.Sprintf("the package %q is already named in line %d", use.Name,
				k.doc.Position(append(slices.Clip(at), before)...).Line), "a program is given one version of a package")
			continue
		}
		if known(k, RulePackage, "package", use.Name, k.c.Packages, append(slices.Clip(here), "name")...) {
			k.use(p, k.c.Packages[use.Name], use.Version, append(slices.Clip(here), "version"))
		}
	}
}

// use checks that a project may use a version.
func (k *checker) use(p *Project, of *Package, version string, at []any) {
	v, i, released := of.Version(version)
	switch {
	case version == pack.Trial && of.Spec.Trial == nil:
		k.at(RulePackage, at, fmt.Sprintf("no project may use a trial of the package %q", of.Name), fmt.Sprintf("trunkline package trial %s --project %s", of.Name, p.Name))
	case version == pack.Trial && of.Spec.Trial.Project != p.Name:
		k.at(RulePackage, at, fmt.Sprintf("only the project %q may use the trial of the package %q", of.Spec.Trial.Project, of.Name), "use a version that was released")
	case version == pack.Trial:
	case !released:
		k.unknown(RulePackage, at, fmt.Sprintf("the package %q has no version %q", of.Name, version), version, func() []string {
			var out []string
			for _, v := range of.Spec.Versions {
				if v.Withdrawn == "" {
					out = append(out, v.Version)
				}
			}
			return out
		})
	case v.Withdrawn != "":
		k.at(RulePackage, at, fmt.Sprintf("the version %s of the package %q was withdrawn: %s", version, of.Name, v.Withdrawn), "use another version")
		k.elsewhere(docKey{v1alpha1.KindPackage, of.Name}, "spec", "versions", i, "withdrawn")
	}
}

// packagesOf are the packages that a workload is given, or that a project names if there is no workload, by name: those of the workload win. What does
// not resolve was reported, and is left out.
func (c *Catalog) packagesOf(p *Project, w *v1alpha1.Workload) (out []PackageUse) {
	uses := p.Spec.Packages
	if w != nil {
		if bp := c.Blueprints[w.Blueprint]; bp == nil || !bp.takesFiles() {
			return nil
		}
		uses = slices.Concat(w.Packages, uses)
	}
	seen := map[string]bool{}
	for _, use := range uses {
		of, ok := c.Packages[use.Name]
		if !ok || seen[use.Name] {
			continue
		}
		seen[use.Name] = true
		one := PackageUse{Name: use.Name, Version: use.Version, Dir: path.Join(of.Dir, pack.Dir(use.Version)), Root: of.Root}
		if use.Version != pack.Trial {
			v, _, released := of.Version(use.Version)
			if !released {
				continue
			}
			one.Digest = v.Digest
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b PackageUse) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// PackageUsers lists who uses a package, as projects and their workloads, by its versions.
func (c *Catalog) PackageUsers(name string) map[string][]string {
	out := map[string][]string{}
	add := func(uses []v1alpha1.PackageUse, who string) {
		for _, use := range uses {
			if use.Name == name {
				out[use.Version] = append(out[use.Version], who)
			}
		}
	}
	for p := range c.Projects() {
		add(p.Spec.Packages, p.Name)
		for i := range p.Spec.Workloads {
			add(p.Spec.Workloads[i].Packages, p.Name+"/"+p.Spec.Workloads[i].Name)
		}
	}
	return out
}
