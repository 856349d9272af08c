// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Every kind of declaration but Project governs others: it grants rights, names clusters, or holds rules. Such a declaration
// counts where the platform says, and never in a project's own folder, whose owners answer for one project only.

// homeKey is the key of a file that declares a project. Folders that differ in the case of letters alone are one on many
// machines, so that they are one for what is refused; what is granted is compared exactly.
func homeKey(file string) string { return strings.ToLower(path.Dir(file)) + sep + file }

// within reports whether a file or folder is a folder, or below it.
func within(name, folder string) bool {
	return folder == "." || name == folder || strings.HasPrefix(name, folder+"/")
}

// home returns the nearest folder, at or above one, that is a project's own; empty if there is none. The root never is:
// the platform is declared there.
func (c *Catalog) home(folder string) string {
	for dir := folder; dir != "." && dir != "/"; dir = path.Dir(dir) {
		for range below(c.homes, strings.ToLower(dir)+sep) {
			return dir
		}
	}
	return ""
}

// InProject reports whether a file is in a project's own folder.
func (c *Catalog) InProject(file string) bool { return c.home(path.Dir(file)) != "" }

// Governs reports whether declarations that govern others may be in a file, by where it is.
func (c *Catalog) Governs(file string) bool {
	if file == PlatformFile {
		return true
	}
	if c.home(path.Dir(file)) != "" || c.homes.Contains(homeKey(file)) {
		return false
	}
	return c.governing == nil || c.governed(file) || c.sourceOf(file) != nil // of which the platform lists the kinds
}

// governed reports whether a file is in one of the folders that the platform names for what governs others.
func (c *Catalog) governed(file string) bool {
	return slices.ContainsFunc(c.governing, func(folder string) bool {
		if folder == "." {
			return path.Dir(file) == "."
		}
		return within(path.Dir(file), folder)
	})
}

// findGoverning returns the folders that the platform names for what governs others; nil if it names none. Those that
// cannot be are reported, and left out.
func (c *Catalog) findGoverning(k *checker) []string {
	declared := c.Platform.Spec.Governance.Folders
	if len(declared) == 0 {
		return nil
	}
	k.doc = c.platformDoc
	folders := []string{}
	for i, d := range declared {
		at, folder := []any{"spec", "governance", "folders", i}, path.Clean(d)
		searched := func(root string) bool { return within(folder, root) || within(root, folder) }
		switch {
		case !fs.ValidPath(folder) || path.IsAbs(d):
			k.at(RulePath, at, fmt.Sprintf("the path %q leaves the tree", d), "paths are relative to the root of the tree, where "+PlatformFile+" is")
		case throughLink(c.tree, folder):
			k.at(RuleGovernance, at, fmt.Sprintf("%q is reached through a symbolic link: whoever owns the link would decide what governs others", d),
				"name the folder itself")
		case folder != "." && !slices.ContainsFunc(c.roots, searched):
			k.at(RuleGovernance, at, fmt.Sprintf("%q is not searched for declarations", d), "name it in spec.roots, too")
		default:
			folders = append(folders, folder)
		}
	}
	return folders
}

// misplaced reports, and refuses, a declaration that governs others where none may be. Platforms have a rule of their own.
func (k *checker) misplaced() bool {
	kind, file := k.doc.Kind, k.doc.File
	if kind == v1alpha1.KindProject || kind == v1alpha1.KindPlatform {
		return false
	}
	hint := "move it out of the folders of projects"
	if k.c.governing != nil {
		hint = "move it to a folder that the platform names in spec.governance.folders: " + strings.Join(k.c.governing, ", ")
	}
	for _, name := range []string{file, resolved(k.c.tree, file)} {
		if k.c.Governs(name) {
			continue
		}
		why := "the platform does not name the folder for that"
		if home := k.c.home(path.Dir(name)); home != "" {
			why = home + " is a project's own folder"
		} else if k.c.homes.Contains(homeKey(name)) {
			why = "the file is that of a project"
		}
		k.at(RuleGovernance, []any{"kind"}, fmt.Sprintf("%s %q governs others, but does not count here: %s", kind, k.doc.Name, why), hint)
		return true
	}
	return false
}

// governs refuses a folder that the platform or a blueprint names, when it is a project's own.
func (k *checker) governs(folder string, at ...any) {
	k.linked = k.linked || throughLink(k.c.tree, folder)
	for _, name := range []string{folder, resolved(k.c.tree, folder)} {
		if home := k.c.home(name); home != "" {
			k.stray = true
			k.at(RuleGovernance, at, fmt.Sprintf("what is in %q governs others, and %s is a project's own folder", folder, home),
				"move it out of the folders of projects")
			return
		}
	}
}

// outsideGovernance refuses a project in a folder that holds what governs others.
func (k *checker) outsideGovernance(p *Project) {
	i := slices.IndexFunc(k.c.governing, func(folder string) bool { return folder != "." && within(p.Dir(), folder) })
	if i < 0 || p.Document.File == PlatformFile {
		return
	}
	k.at(RuleGovernance, []any{"metadata", "name"}, fmt.Sprintf("the project %q is declared in %s, which the platform names for what governs others",
		p.Name, k.c.governing[i]), "give the project a folder of its own, elsewhere")
}

// placesChange reports whether, now that other folders are projects' own, any declaration or folder that governs others
// may be misplaced that was not, or the other way round.
func (c *Catalog) placesChange() bool {
	if c.misplaced.Len() > 0 || c.stray {
		return true // the tree is refused, and what that costs does not matter
	}
	k := &checker{c: c}
	for _, kind := range v1alpha1.Kinds() {
		prefix, found := string(kind)+sep, false
		c.declared.Ascend(prefix, func(key string, doc *v1alpha1.Document) bool {
			k.doc = doc
			found = strings.HasPrefix(key, prefix) && k.misplaced()
			return !found && strings.HasPrefix(key, prefix) && kind != v1alpha1.KindProject
		})
		if found {
			return true
		}
	}
	k.doc = c.platformDoc
	for source := range c.sources {
		k.governs(source)
	}
	for _, folder := range c.Platform.Spec.Policies {
		k.governs(path.Clean(folder))
	}
	return k.stray
}

// maxLinks bounds how many links are followed on one path.
const maxLinks = 40

// resolved returns a path with its links followed; the path itself if that cannot be done, and then it cannot be read.
func resolved(tree fs.FS, name string) string {
	if !throughLink(tree, name) {
		return name
	}
	done, rest := ".", strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		info, err := fs.Lstat(tree, next)
		if err != nil {
			return name
		}
		if rest = rest[1:]; info.Mode()&fs.ModeSymlink == 0 {
			done = next
			continue
		}
		target, err := fs.ReadLink(tree, next)
		if links++; err != nil || links > maxLinks || path.IsAbs(target) {
			return name
		}
		if done = path.Join(done, target); !fs.ValidPath(done) {
			return name
		}
		done, rest = ".", append(strings.Split(done, "/"), rest...)
	}
	return done
}

// Resolve returns a path of the catalog's tree with its links followed; the path itself if that cannot be done.
func (c *Catalog) Resolve(name string) string { return resolved(c.tree, name) }

// Governing returns the files that declare what governs others, well or badly, sorted.
func (c *Catalog) Governing() iter.Seq[string] {
	return func(yield func(string) bool) {
		c.units.Scan(func(name string, u *unit) bool { return len(u.governing()) == 0 || yield(name) })
	}
}

// GoverningIn returns what a file declares that governs others, in its order; of what is declared badly, the kind, the
// name and the place are known.
func (c *Catalog) GoverningIn(file string) []*v1alpha1.Document {
	u, _ := c.units.Get(file)
	return u.governing()
}

// Named reports whether a file is in a folder, or on the way to one, that the platform or a blueprint names for what
// governs others: declarations, policies, or the source of a blueprint.
func (c *Catalog) Named(file string) bool {
	if c.Platform == nil {
		return false
	}
	if c.governing != nil && c.governed(file) {
		return true
	}
	near := func(folder string) bool {
		return folder != "." && within(folder, file) || within(file, folder) || within(file, resolved(c.tree, folder))
	}
	for source := range c.sources {
		if near(source) {
			return true
		}
	}
	return slices.ContainsFunc(c.Platform.Spec.Policies, func(declared string) bool {
		return near(path.Clean(declared)) && !c.InProject(file)
	}) || slices.ContainsFunc(c.roots, func(root string) bool { return root != "." && within(root, file) })
}
