// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// policyText finds what may be a policy in a manifest or declaration.
var policyText = regexp.MustCompile(`["']?kind["']?\s*:\s*["']?(?:ValidatingAdmissionPolicy|Policy)\b`)

// emptyFolders warns of folders that the platform names for policies, and in which there is none; of a change, if it touches one or
// the platform.
func emptyFolders(in Input) (problems v1alpha1.Problems) {
	doc, found := in.Catalog.Document(v1alpha1.KindPlatform, in.Catalog.Name())
	if !found {
		return nil
	}
	for i, declared := range in.Catalog.Platform.Spec.Policies {
		folder := path.Clean(declared)
		touched := in.Base == nil || slices.ContainsFunc(in.Changed, func(file string) bool {
			return file == catalog.PlatformFile || folder == "." || strings.HasPrefix(file, folder+"/")
		})
		if !touched || !fs.ValidPath(folder) || !withoutPolicy(in.Catalog, folder) {
			continue
		}
		at := []any{"spec", "policies", i}
		problems = append(problems, v1alpha1.Problem{
			Rule: RuleNotRead, Severity: v1alpha1.Warn, Position: doc.Position(at...), Path: v1alpha1.FieldPath(at...),
			Message: fmt.Sprintf("there is no policy in the folder %q, so that it checks nothing", declared),
			Hint:    "policies are Rego files, and manifests of ValidatingAdmissionPolicy with their bindings, whose names end in .rego, .yaml, .yml or .json",
		})
	}
	return problems
}

// errFound ends a search.
var errFound = errors.New("found")

// withoutPolicy reports whether a folder is there, and no file in it looks like a policy.
func withoutPolicy(cat *catalog.Catalog, folder string) bool {
	if info, err := fs.Stat(cat.Tree(), folder); err != nil || !info.IsDir() {
		return false // reported by the catalog
	}
	err := fs.WalkDir(cat.Tree(), folder, func(name string, entry fs.DirEntry, err error) error {
		ext := path.Ext(name)
		switch {
		case err != nil:
			return err
		case entry.IsDir() || cat.InProject(name):
			return nil
		case ext == ".rego" && !strings.HasSuffix(name, "_test.rego"):
			return errFound
		case ext != ".yaml" && ext != ".yml" && ext != ".json":
			return nil
		}
		info, err := entry.Info()
		if err != nil || info.Size() > v1alpha1.MaxFileBytes {
			return err
		}
		if data, err := fs.ReadFile(cat.Tree(), name); err != nil || policyText.Match(data) {
			return errors.Join(err, errFound)
		}
		return nil
	})
	return err == nil // what cannot be read is reported by those who read policies
}
