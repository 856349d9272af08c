// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hmarr/codeowners"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// Person is someone who makes or approves a change.
type Person struct {
	// Login is the name of the account, and Teams those of the teams that it is in, as ORGANISATION/NAME, or as NAME where it does not
	// matter in which organisation.
	Login string
	Teams []string
}

// OneOf reports whether the person is one of some owners, which are users and teams.
func (p Person) OneOf(owners []string) bool { return slices.ContainsFunc(owners, p.is) }

// is reports whether an owner, a user or a team with or without its organisation, is the person.
func (p Person) is(owner string) bool {
	owner = strings.TrimPrefix(owner, "@")
	if strings.EqualFold(owner, p.Login) {
		return true
	}
	org, name, qualified := cutTeam(owner)
	return slices.ContainsFunc(p.Teams, func(t string) bool {
		o, n, both := cutTeam(t)
		return strings.EqualFold(n, name) && (strings.EqualFold(o, org) || !qualified || !both)
	})
}

// cutTeam takes the name of a team apart, whose organisation may not be said.
func cutTeam(team string) (org, name string, qualified bool) {
	if org, name, qualified = strings.Cut(team, "/"); !qualified {
		return "", team, false
	}
	return org, name, true
}

// OwnerFiles are where GitHub looks for the owners of files, in this order.
func OwnerFiles() []string {
	return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}
}

// maxCodeowners is GitHub's own bound of the file.
const maxCodeowners = 3 << 20

// ownersOf reads who owns which file.
func ownersOf(tree fs.FS) (codeowners.Ruleset, owned, error) {
	for _, name := range OwnerFiles() {
		info, err := fs.Stat(tree, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, owned{}, fmt.Errorf("reading %s: %w", name, err)
		case info.Size() > maxCodeowners:
			return nil, owned{}, fmt.Errorf("%s has %d bytes; the limit is %d", name, info.Size(), maxCodeowners)
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, owned{}, fmt.Errorf("reading %s: %w", name, err)
		}
		rules, wrong := parseOwners(data)
		return rules, owned{name, wrong}, nil
	}
	return nil, owned{}, nil
}

// owned is the file that names owners, and the lines of it that are not valid.
type owned struct {
	file  string
	wrong []wrongLine
}

type wrongLine struct {
	line int
	err  error
}

// parseOwners reads lines one by one: those that are not valid count for nothing, as on GitHub. Otherwise one of them would be in
// the way of every change, its own fix included.
func parseOwners(data []byte) (rules codeowners.Ruleset, wrong []wrongLine) {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		one, err := codeowners.ParseFile(bytes.NewReader(line))
		if err != nil {
			wrong = append(wrong, wrongLine{n, err})
			continue
		}
		rules = append(rules, one...)
	}
	return rules, wrong
}

// unowned finds lines of CODEOWNERS that a change makes invalid: whom they name would own nothing.
func unowned(in Input) (problems v1alpha1.Problems) {
	_, is, err := ownersOf(in.Catalog.Tree())
	if err != nil || !slices.Contains(in.Changed, is.file) {
		return nil
	}
	for _, w := range is.wrong {
		problems = append(problems, v1alpha1.Problem{
			Rule: catalog.RuleUnevaluated, Severity: v1alpha1.Deny, Position: v1alpha1.Position{File: is.file, Line: w.line},
			Message: fmt.Sprintf("the line is not valid on GitHub, so that nobody would own what it is about: %v", w.err),
		})
	}
	return problems
}

// Owners lists those who own what files are of, sorted: users and teams, as a catalog and its CODEOWNERS name them.
func Owners(cat *catalog.Catalog, files []string) ([]string, error) {
	if cat.Platform == nil {
		return nil, nil
	}
	own, err := ownersBefore(cat)
	if err != nil {
		return nil, err
	}
	var names []string
	folders := map[string]bool{}
	for _, file := range files {
		folders[cat.FolderOf(file)] = true
		names = append(names, own.governing(file)...)
	}
	for folder := range folders {
		for p := range cat.ProjectsIn(folder) {
			names = append(append(names, own.named(p.Document.File)...), p.Spec.Owner)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// ownership finds the projects that a change touches, and the files that govern others, without any of their owners having
// made or approved it. Who owns is said by the tree before the change; a project that is new is its own owner's.
func ownership(in Input, names []string) v1alpha1.Problems {
	base, head := in.Base, in.Catalog
	own, err := ownersBefore(base)
	if err != nil {
		return v1alpha1.Problems{{
			Rule: catalog.RuleUnevaluated, Severity: v1alpha1.Deny, Position: v1alpha1.Position{File: catalog.PlatformFile},
			Message: "owners cannot be determined, so that no change can be checked: " + err.Error(),
		}}
	}
	problems := governance(in, own)
	for _, name := range names {
		before, was := base.Project(name)
		after, is := head.Project(name)
		if !was && !is || was && is && !differs(in, before, after) {
			continue
		}
		owned, shown := before, after
		if !was {
			owned = after
		}
		if !is {
			shown = before
		}
		owners := append(own.named(owned.Document.File), owned.Spec.Owner)
		if among(in.People, owners) {
			continue
		}
		slices.Sort(owners)
		problems = append(problems, v1alpha1.Problem{
			Rule: RuleOwnership, Severity: v1alpha1.Deny, Position: shown.Document.Position("spec", "owner"), Path: "spec.owner",
			About:   v1alpha1.About{Project: name},
			Message: fmt.Sprintf("the project %q is changed, but none of its owners made or approved the change: %s", name, logins(in.People)),
			Hint:    "have it approved by one of: " + strings.Join(slices.Compact(owners), ", "),
		})
	}
	return problems
}

// differs reports whether a project itself is changed: its declaration, or a file that is in its folder before the change or
// after it. What is in the folder of another project further down is that one's, and so is what only declares things.
// Both trees are asked, so that no change takes a file from the project that it changes; a new file counts for those,
// too, in whose folder it would have been before.
func differs(in Input, before, after *catalog.Project) bool {
	was, _ := in.Base.Text(before.Document.File)
	is, _ := in.Catalog.Text(after.Document.File)
	if before.Document.File != after.Document.File || !bytes.Equal(was, is) {
		return true
	}
	return slices.ContainsFunc(in.Changed, func(file string) bool {
		if takesOver(in, before, file) {
			return true
		}
		if !plain(in.Base, file) && !plain(in.Catalog, file) {
			return false
		}
		return in.Base.FolderOf(file) == before.Dir() || exists(in.Catalog, file) && in.Catalog.FolderOf(file) == after.Dir()
	})
}

// takesOver reports whether a file makes its folder one of projects, from now on, with files in it that were another
// project's: whoever owns the new one could do with them what they like in the next change.
func takesOver(in Input, from *catalog.Project, file string) bool {
	dir := path.Dir(file)
	inside := dir + "/any"
	if in.Catalog.FolderOf(inside) != dir || in.Base.FolderOf(inside) != from.Dir() || dir == from.Dir() {
		return false
	}
	found := errors.New("found")
	err := fs.WalkDir(in.Base.Tree(), dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir() && in.Base.FolderOf(name) == from.Dir() && plain(in.Base, name):
			return found
		}
		return nil
	})
	// A folder that was not there had no files; one that cannot be read may have had some.
	return err != nil && !errors.Is(err, fs.ErrNotExist)
}

// plain reports whether there is a file that declares nothing.
func plain(cat *catalog.Catalog, file string) bool {
	_, declares := cat.Text(file)
	return !declares && exists(cat, file)
}

// exists reports whether there is a file, or a link for one. One that cannot be looked at may be there.
func exists(cat *catalog.Catalog, file string) bool {
	_, err := fs.Lstat(cat.Tree(), file)
	return !errors.Is(err, fs.ErrNotExist)
}
