// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hmarr/codeowners"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// owners answers who owns what governs others: those whom the platform names, and those whom CODEOWNERS names for the
// file, both as they were before the change.
type owners struct {
	base  *catalog.Catalog
	rules codeowners.Ruleset
}

func ownersBefore(base *catalog.Catalog) (owners, error) {
	rules, _, err := ownersOf(base.Tree())
	return owners{base: base, rules: rules}, err
}

// named lists those whom CODEOWNERS names for a file.
func (o owners) named(file string) (names []string) {
	if rule, err := o.rules.Match(file); err == nil && rule != nil {
		for _, owner := range rule.Owners {
			names = append(names, owner.String())
		}
	}
	return names
}

// governing lists the owners of a file that governs others, sorted.
func (o owners) governing(file string) []string {
	names := append(o.named(file), o.base.Platform.Spec.Governance.Owners...)
	slices.Sort(names)
	return slices.Compact(names)
}

// among reports whether one of the people is one of the owners.
func among(people []Person, owners []string) bool {
	return slices.ContainsFunc(people, func(p Person) bool { return slices.ContainsFunc(owners, p.is) })
}

func logins(people []Person) string {
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = p.Login
	}
	return strings.Join(names, ", ")
}

// governedFiles lists the files that govern others and are changed, by the names that they have in the tree. Declarations
// are compared themselves, whatever the list of changed files says; an old place counts like a new one.
func governedFiles(in Input) []string {
	var files []string
	for _, cat := range []*catalog.Catalog{in.Base, in.Catalog} {
		for file := range cat.Governing() {
			was, declared := in.Base.Text(file)
			is, declares := in.Catalog.Text(file)
			if declared != declares || string(was) != string(is) {
				files = append(files, cat.Resolve(file))
			}
		}
	}
	for _, file := range in.Changed {
		if slices.Contains(OwnerFiles(), file) || file == catalog.PlatformFile || in.Base.Named(file) || in.Catalog.Named(file) {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// governance finds changes of what governs others that none of its owners has made or approved. Where nobody is named,
// nobody can: a change that nobody answers for is no better than one by a stranger.
func governance(in Input, own owners) (problems v1alpha1.Problems) {
	for _, file := range governedFiles(in) {
		names := own.governing(file)
		if among(in.People, names) {
			continue
		}
		p := v1alpha1.Problem{
			Rule: RuleOwnership, Severity: v1alpha1.Deny, Position: v1alpha1.Position{File: file},
			Hint: "have it approved by one of: " + strings.Join(names, ", "),
		}
		docs := in.Catalog.GoverningIn(file)
		if len(docs) == 0 {
			docs = in.Base.GoverningIn(file)
		}
		what := fmt.Sprintf("the file %q, which governs others,", file)
		if len(docs) > 0 {
			p.Position, p.Path, p.About = docs[0].Position("metadata", "name"), "metadata.name", catalog.About(docs[0])
			what = described(docs)
		}
		if len(names) == 0 {
			p.Message = fmt.Sprintf("%s is changed, but has no owners", what)
			p.Hint = "name owners in spec.governance.owners of " + catalog.PlatformFile + ", or in CODEOWNERS, and have an administrator of the repository merge that"
		} else {
			p.Message = fmt.Sprintf("%s is changed, but none of its owners made or approved the change: %s", what, logins(in.People))
		}
		problems = append(problems, p)
	}
	return problems
}

// described names declarations, as in `Environment "prod"`; of many, the first.
func described(docs []*v1alpha1.Document) string {
	what := fmt.Sprintf("%s %q", docs[0].Kind, docs[0].Name)
	if more := len(docs) - 1; more > 0 {
		what += fmt.Sprintf(", with %d more,", more)
	}
	return what
}

// policyFile reports whether a file is one of those that the platform's folders of policies hold.
func policyFile(cat *catalog.Catalog, file string) bool {
	return fs.ValidPath(file) && cat.Platform != nil && !cat.InProject(file) && slices.ContainsFunc(cat.Platform.Spec.Policies, func(folder string) bool {
		folder = strings.TrimSuffix(folder, "/")
		return folder == "." || strings.HasPrefix(file, folder+"/") || strings.HasPrefix(file, cat.Resolve(folder)+"/")
	})
}
