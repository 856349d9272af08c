// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/unfilled"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// finding is a problem whose hint may be still to be made.
type finding struct {
	v1alpha1.Problem
	// hint is looked for only when the problem is shown.
	hint func() string
}

// maxSuggested bounds for how many names the nearest is looked for: every one is held against all that are
// known, and thousands of wrong names against thousands of right ones would take hours.
const maxSuggested = 50

// checker collects what is wrong with one declaration, or with a group of them.
type checker struct {
	c        *Catalog
	doc      *v1alpha1.Document
	findings []finding
	// asked reports whether what was found depends on whether other declarations can be read.
	asked bool
	// follows reports whether a path led through a link, so that what was found depends on files elsewhere.
	follows bool
	// stray reports whether a folder that governs others is a project's own, and linked whether one is reached through
	// a link.
	stray, linked bool
	// unreadable is the first failure to read the tree that is not the declarations' fault.
	unreadable error
}

func (k *checker) add(p v1alpha1.Problem, hint func() string) {
	if p.Severity == "" {
		p.Severity = v1alpha1.Deny
	}
	k.findings = append(k.findings, finding{Problem: p, hint: hint})
}

// at denies the tree because of a field.
func (k *checker) at(rule string, path []any, message, hint string) {
	k.add(v1alpha1.Problem{
		Rule: rule, Position: k.doc.Position(path...), Path: v1alpha1.FieldPath(path...), Message: message, Hint: hint,
		About: About(k.doc, path...),
	}, nil)
}

// warn is like at, and refuses nothing.
func (k *checker) warn(rule string, path []any, message, hint string) {
	k.at(rule, path, message, hint)
	k.findings[len(k.findings)-1].Severity = v1alpha1.Warn
}

// atKey is like at, for a field whose key is at fault rather than its value.
func (k *checker) atKey(rule string, path []any, message, hint string) {
	k.add(v1alpha1.Problem{
		Rule: rule, Position: k.doc.KeyPosition(path...), Path: v1alpha1.FieldPath(path...), Message: message, Hint: hint,
		About: About(k.doc, path...),
	}, nil)
}

// unknown denies the tree because of a name that is none of those known, which are listed for the hint only.
func (k *checker) unknown(rule string, path []any, message, name string, known func() []string) {
	switch rule {
	case RuleProject, RuleDatasetOwner, RuleEnvironment, RuleCluster, RuleBlueprint, RulePackage:
		message += k.unknownSources()
	}
	position := k.doc.Position
	if len(path) > 0 && path[len(path)-1] == any(name) {
		position = k.doc.KeyPosition // the name is the key itself
	}
	k.add(v1alpha1.Problem{Rule: rule, Position: position(path...), Path: v1alpha1.FieldPath(path...), Message: message, About: About(k.doc, path...)},
		func() string { return v1alpha1.Suggest(name, known()) })
}

// known checks that a name is one of those declared. A declaration that is missing, or may be, only because of a
// problem that is reported where it stands is no further problem: one typing error in an environment must not
// become one for each project.
func known[V any](k *checker, rule, what, name string, in map[string]V, path ...any) bool {
	if _, ok := in[name]; ok {
		return true
	}
	kinds := map[string]v1alpha1.Kind{
		RuleCluster: v1alpha1.KindCluster, RuleEnvironment: v1alpha1.KindEnvironment, RuleBlueprint: v1alpha1.KindBlueprint,
		RulePackage: v1alpha1.KindPackage,
	}
	if k.excused(kinds[rule], name) {
		return false
	}
	k.unknown(rule, path, fmt.Sprintf("there is no %s %q", what, name), name, func() []string { return sortedKeys(in) })
	k.findings[len(k.findings)-1].Cause = string(kinds[rule]) + " " + name
	return false
}

// elsewhere says of the last finding that another declaration may be to blame for it, by a field of its.
func (k *checker) elsewhere(key docKey, path ...any) {
	doc := k.c.first(key)
	if doc == nil {
		return
	}
	p := &k.findings[len(k.findings)-1].Problem
	p.Elsewhere = &v1alpha1.Problem{
		Position: doc.Position(path...), Path: v1alpha1.FieldPath(path...), About: About(doc, path...), Message: p.Message,
	}
}

// About tells what a field of a declaration is of.
func About(doc *v1alpha1.Document, path ...any) (about v1alpha1.About) {
	switch o := doc.Object.(type) {
	case *v1alpha1.Environment:
		about.Environment = doc.Name
	case *v1alpha1.Project:
		about.Project = doc.Name
		if len(path) < 3 {
			return about
		}
		i, indexed := path[2].(int)
		switch name, _ := path[2].(string); {
		case path[1] == any("workloads") && indexed && i < len(o.Spec.Workloads):
			about.Workload = o.Spec.Workloads[i].Name
		case path[1] == any("datasets") && indexed && i < len(o.Spec.Datasets):
			about.Dataset = o.Spec.Datasets[i].Name + "@" + o.Spec.Datasets[i].Version
		case path[1] == any("environments") && name != "":
			about.Environment = name
			if len(path) > 4 && path[3] == any("workloads") {
				about.Workload, _ = path[4].(string)
			}
		}
	}
	return about
}

// excused reports whether a declaration is broken, or may stand where nothing could be read.
func (k *checker) excused(kind v1alpha1.Kind, name string) bool {
	k.asked = true
	return kind != "" && k.c.MayDeclare(kind, name)
}

// name holds a name to what Kubernetes takes as a label of DNS.
func (k *checker) name(name string, path ...any) bool {
	if len(validation.IsDNS1123Label(name)) == 0 {
		return true
	}
	k.at(RuleName, path, fmt.Sprintf("%q is not a name: use lower-case letters, digits and dashes, at most %d characters, "+
		"with a letter or digit at both ends", name, validation.DNS1123LabelMaxLength), "")
	return false
}

// throughLink reports whether a path goes through a symbolic link. When such a path cannot be followed, that is
// the fault of who made the link; when any other cannot be read, the tree itself is out of order.
func throughLink(tree fs.FS, name string) bool {
	for at := name; at != "."; at = path.Dir(at) {
		if info, err := fs.Lstat(tree, at); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// failed words why a path cannot be looked at. It returns nothing when that is no fault of the declarations: then
// the tree as a whole counts as unreadable, and nothing is said about what it declares.
func (k *checker) failed(what, name string, err error) string {
	switch elsewhere := outside.InSubmodule(err); {
	case elsewhere != nil:
		return elsewhere.Error()
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no %s %q", what, name)
	case throughLink(k.c.tree, name):
		return fmt.Sprintf("cannot read %q: %s", name, err)
	case k.unreadable == nil:
		k.unreadable = fmt.Errorf("reading %q: %w", name, err)
	}
	return ""
}

// file wants a file or folder that the declaration names to be in the declaration's folder.
func (k *checker) file(name string, at ...any) {
	hint := "paths are relative to the file that declares the project"
	if held := unfilled.Find(name); held != "" {
		hint = fmt.Sprintf("nothing replaces %s: write the path itself", held)
	}
	if !fs.ValidPath(path.Clean(name)) {
		k.at(RulePath, at, fmt.Sprintf("the path %q leads out of the project's folder", name), hint)
		return
	}
	full := path.Join(path.Dir(k.doc.File), name)
	k.follows = k.follows || throughLink(k.c.tree, full)
	if _, err := fs.Stat(k.c.tree, full); err != nil {
		if message := k.failed("file", full, err); message != "" {
			k.at(RuleFile, at, message, hint)
		}
	}
}

// folder wants a folder to be in the tree. Declared is the path as it was written.
func (k *checker) folder(folder, declared string, at ...any) bool {
	hint := "paths are relative to the root of the tree, where " + PlatformFile + " is"
	if k.doc.Kind == v1alpha1.KindBlueprint {
		hint = "the source is relative to the file that declares the blueprint"
	}
	if !fs.ValidPath(folder) || path.IsAbs(declared) {
		k.at(RulePath, at, fmt.Sprintf("the path %q leaves the tree", declared), hint)
		return false
	}
	info, err := fs.Stat(k.c.tree, folder)
	switch {
	case err != nil:
		if message := k.failed("folder", folder, err); message != "" {
			k.at(RuleFile, at, message, hint)
		}
		return false
	case !info.IsDir():
		k.at(RuleFile, at, fmt.Sprintf("%q is not a folder", folder), hint)
		return false
	}
	return true
}
