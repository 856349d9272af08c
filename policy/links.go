// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// maxLinked bounds the files that are looked at behind one link.
const maxLinked = 100

// links warns of symbolic links to folders and files with declarations, which are not searched, and of pointers of Git LFS in place of
// declarations; of a change, of the links that it makes.
func links(in Input) (problems v1alpha1.Problems) {
	roots := in.Catalog.Platform.Spec.Roots
	if len(roots) == 0 {
		roots = []string{"."}
	}
	tree := in.Catalog.Tree()
	seen := map[string]bool{}
	link := func(name string) {
		if found := declaredBehind(tree, name); found != "" && !seen[name] {
			problems = append(problems, v1alpha1.Problem{
				Rule: RuleNotRead, Severity: v1alpha1.Warn, Position: v1alpha1.Position{File: name},
				Message: fmt.Sprintf("a symbolic link is not searched for declarations, so that what %s declares does not count here", found),
				Hint:    "move what it leads to here, or remove the link; files that a declaration names may be links",
			})
		}
		seen[name] = true
	}
	for _, root := range roots {
		root = path.Clean(root)
		switch {
		case !fs.ValidPath(root): // reported by the catalog
		case in.Base != nil:
			for _, name := range in.Changed {
				if info, err := fs.Lstat(tree, name); err == nil && info.Mode()&fs.ModeSymlink != 0 && searched(root, name) {
					link(name)
				}
			}
		default:
			// What cannot be read is reported by the catalog as well.
			_ = fs.WalkDir(tree, root, func(name string, entry fs.DirEntry, err error) error {
				switch base := path.Base(name); {
				case err != nil:
					return fs.SkipDir
				case entry.IsDir() && strings.HasPrefix(base, ".") && name != root:
					return fs.SkipDir
				case entry.Type()&fs.ModeSymlink != 0:
					link(name)
				case !seen[name] && mayDeclare(in.Catalog, name, entry) && outside.IsPointer(pointerOf(tree, name)):
					seen[name] = true
					problems = append(problems, v1alpha1.Problem{
						Rule: RuleNotRead, Severity: v1alpha1.Warn, Position: v1alpha1.Position{File: name},
						Message: outside.Check("the file", pointerOf(tree, name)).Error(), Hint: "what it declares does not count",
					})
				}
				return nil
			})
		}
	}
	return problems
}

// searched reports whether declarations are looked for where a file is: below a root, and in no hidden folder below that.
func searched(root, file string) bool {
	below, found := strings.CutPrefix(file, root+"/")
	if root == "." {
		below, found = file, true
	}
	folder := path.Dir(below)
	return found && (folder == "." || !strings.HasPrefix(folder, ".") && !strings.Contains(folder, "/."))
}

// mayDeclare reports whether a small file of YAML is where only declarations are: what is in the folder of a project, of a blueprint or
// of policies is read by who names it, and told by them.
func mayDeclare(cat *catalog.Catalog, name string, entry fs.DirEntry) bool {
	if ext := path.Ext(name); !entry.Type().IsRegular() || ext != ".yaml" && ext != ".yml" || name == catalog.PlatformFile || cat.InProject(name) {
		return false
	}
	for _, b := range cat.Blueprints {
		if b.InTree() && strings.HasPrefix(name, b.Source+"/") {
			return false
		}
	}
	return !slices.ContainsFunc(cat.Platform.Spec.Policies, func(folder string) bool { return strings.HasPrefix(name, path.Clean(folder)+"/") })
}

// pointerOf reads a file that is small enough to be a pointer; nil if it is not.
func pointerOf(tree fs.FS, name string) []byte {
	info, err := fs.Stat(tree, name)
	if err != nil || info.Size() > outside.MaxPointer {
		return nil
	}
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil
	}
	return data
}

// declaredBehind returns a file with declarations that a link leads to; empty if there is none.
func declaredBehind(tree fs.FS, link string) string {
	info, err := fs.Stat(tree, link)
	if err != nil {
		return ""
	}
	if !info.IsDir() {
		if declares(tree, link, info) {
			return link
		}
		return ""
	}
	entries, err := fs.ReadDir(tree, link)
	if err != nil {
		return ""
	}
	for _, e := range entries[:min(len(entries), maxLinked)] {
		file := path.Join(link, e.Name())
		if info, err := fs.Stat(tree, file); err == nil && declares(tree, file, info) {
			return file
		}
	}
	return ""
}

// declares reports whether a file holds declarations.
func declares(tree fs.FS, file string, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() || info.Size() > v1alpha1.MaxFileBytes || file == catalog.PlatformFile ||
		!slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(file)) {
		return false
	}
	data, err := fs.ReadFile(tree, file)
	return err == nil && v1alpha1.Declares(data)
}
